"""Refusals of a signature, of its signer, or for want of a program that checks it."""

from __future__ import annotations

from app.errors import ConfigurationError, Refused

HOW = "docs/signing.md says how"


class BadSignature(Refused):
    """A signature that does not hold: for other bytes, or for another purpose."""

    def __init__(self, version: str, *, found: str, expected: str, remedy: str = "") -> None:
        remedy = remedy or (
            f"Do not use this release; ask its owner. `pixelwise pull {version}` fetches it anew if what lies here was "
            "changed."
        )
        super().__init__(f"signature of release {version}", found=found, expected=expected, remedy=remedy)


class OtherSignature(BadSignature):
    """A signature of a form that is not read here, such as PGP's: nothing is known of it."""

    _not_read = (
        "Signatures of PGP are not read here, which says nothing against the release: ask its owner for a version with "
        f"a tag signed by SSH, or with a model.sig ({HOW})."
    )

    def __init__(self, version: str, *, found: str, expected: str) -> None:
        super().__init__(version, found=found, expected=expected, remedy=self._not_read)


class NotSigned(Refused):
    """A release without a signature."""

    def __init__(self, version: str, *, found: str = "no signature") -> None:
        super().__init__(
            f"release {version}",
            found=found,
            expected="the signature of somebody in ALLOWED_SIGNERS (REQUIRE_SIGNATURE=true)",
            remedy=f"If it is signed now, `pixelwise pull {version}` fetches the signature too. A release of your own: "
            f"`release.py {version} --sign KEY` signs its tag, for git; an MLflow registry needs model.sig, by "
            f"an EC key and in a new version ({HOW}). Otherwise ask its owner, or pin a signed version.",
        )


class NotTrusted(Refused):
    """A signature that holds, of somebody whom the operator does not trust, or no longer."""

    def __init__(self, version: str, *, found: str, listed_in: str, remedy: str = "") -> None:
        super().__init__(
            f"release {version}",
            found=found,
            expected=f"a signer of {listed_in}",
            remedy=remedy
            or "Ask its owner whose key that is, by another way than the release; if you trust it, add it there "
            f"({HOW}).",
        )


class NobodyTrusted(ConfigurationError):
    """An ALLOWED_SIGNERS that names nobody."""

    def __init__(self, path: object, *, found: str) -> None:
        super().__init__(
            f"ALLOWED_SIGNERS, {path}",
            found=found,
            expected="a file in ssh-keygen's format, or a folder with one and public keys NAME.pem",
            remedy=f"Write down there who may sign releases: {HOW}.",
        )


class NoSshKeygen(ConfigurationError):
    """A missing ssh-keygen, or one that cannot work here."""

    def __init__(self, found: str = "no such program") -> None:
        super().__init__(
            "ssh-keygen",
            found=found,
            expected="OpenSSH 8.9 or newer, which checks signatures of tags",
            remedy="Run `apt-get install openssh-client`.",
        )


class NoModelSigning(ConfigurationError):
    """A `model.sig` to check, and no package that checks it."""

    def __init__(self, version: str, *, found: str) -> None:
        super().__init__(
            f"signature of release {version}",
            found=f"model.sig, and no model-signing here ({found})",
            expected="the extra pixelwise[signing], which checks it",
            remedy="Install it: `.venv/bin/python -m pip install --require-hashes -r requirements-signing.txt`.",
        )
