"""Signatures of a release by its owner: an SSH key signs its tag, an EC key its files (`model.sig`).

A tag is signed by `ssh-keygen -Y sign`, for git and nothing else, as `git tag -s` does it; files by the
package model-signing (https://github.com/sigstore/model-transparency). Neither asks a question.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Protocol

from errors import CannotSign, ReleaseRefused
from keys import MAKE_EC, is_pem, is_public, key_of_files, key_of_tag, read_key

SIGNATURE = "model.sig"
_PACKAGES = "model-signing pyopenssl"  # model-signing 1.1 imports pyopenssl, and does not say so


class TagSigned(ReleaseRefused):
    """A published tag that another key signed."""

    def __init__(self, version: str, repository: Path, *, by: str | None, ours: str) -> None:
        undo = (
            f"git --git-dir={repository} tag --force --no-sign -m 'Release {version}' {version} "
            f"'{version}^{{commit}}'"
        )
        super().__init__(
            f"release {version}",
            found=f"a signature of the key {by}" if by else "a signature that is none of SSH, such as PGP's",
            promised=f"none yet, or that of the key {ours}",
            remedy="If the tag was published anywhere, it stays as it is: sign the next version. If not, "
            f"take the signature off, then sign again: {undo}",
        )


class FilesSigned(ReleaseRefused):
    """A published release whose files are to be signed: that would make other files of it."""

    def __init__(self, version: str, repository: Path, *, by: str | None, ours: str) -> None:
        super().__init__(
            f"release {version} in {repository}",
            found=f"{SIGNATURE} of the key with {by}"
            if by
            else f"no {SIGNATURE}, and files that are published",
            promised=f"{SIGNATURE} of the key with sha256 {ours}",
            remedy=f"{SIGNATURE} is one of a release's files, which never change: choose the next version, "
            "or cut this one in another repository (--repository NEW.git).",
        )


class Signer(Protocol):
    """Somebody with a key. Each signs in one of two places, and does nothing in the other."""

    signs_tags: bool

    @property
    def fingerprint(self) -> str:
        """The key, as `ssh-keygen -l` shows it, or the sha256 by which `model.sig` names it; from a trial."""

    def sign_tag(self, payload: str) -> str:
        """The signature that stands behind the tag's own text; empty if it signs files."""

    def sign_files(self, folder: Path) -> None:
        """Writes `model.sig` of all files in the folder; nothing if it signs tags."""


def signer_of(key: Path) -> Signer:
    """The signer with the private key in this file, once it has signed something: before any training.

    Args:
        key: an SSH key, or the public one of a key that the agent has (`.pub`); or an EC key in PEM.

    Raises:
        CannotSign: there is no such key, it is protected by a passphrase, or what signs with it is missing.
    """
    text = read_key(key)
    signer: Signer = KeySigner(key) if is_pem(text) else SshSigner(key, is_public=is_public(text))
    _ = signer.fingerprint
    return signer


class SshSigner:
    """Signs tags."""

    signs_tags = True

    def __init__(self, key: Path, *, is_public: bool = False) -> None:
        self._key, self._is_public = key, is_public

    @cached_property
    def fingerprint(self) -> str:
        return str(key_of_tag(self.sign_tag("trial")))

    def sign_tag(self, payload: str) -> str:
        with tempfile.TemporaryDirectory(prefix="pixelwise-sign-") as folder:
            file = Path(folder, "tag")
            file.write_text(payload, encoding="utf-8")
            command = [
                "ssh-keygen",
                "-q",
                "-Y",
                "sign",
                "-n",
                "git",
                "-f",
                str(self._key.absolute()),
                str(file),
            ]
            try:
                done = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    start_new_session=True,  # no terminal to ask for a passphrase at
                    check=False,
                )
            except FileNotFoundError:
                remedy = "Install it: apt-get install openssh-client."
                raise CannotSign(self._key, found="no ssh-keygen on this machine", remedy=remedy) from None
            if done.returncode != 0:
                said = "; ".join(line.strip(" @") for line in done.stderr.splitlines() if line.strip(" @"))
                if self._is_public:
                    raise CannotSign(
                        self._key,
                        found=f"a public key, and no agent that has the private one ({said})",
                        remedy="Name the private key (without .pub), or give it to the agent: ssh-add KEY",
                    )
                raise CannotSign(
                    self._key,
                    found=f"ssh-keygen cannot sign with it ({said})",
                    remedy="If it has a passphrase, give it to the agent (`ssh-add KEY`); KEY.pub goes here.",
                )
            return Path(f"{file}.sig").read_text(encoding="ascii")

    def sign_files(self, folder: Path) -> None:
        return None


class KeySigner:
    """Signs files."""

    signs_tags = False

    def __init__(self, key: Path) -> None:
        self._key = key

    @cached_property
    def fingerprint(self) -> str:
        with tempfile.TemporaryDirectory(prefix="pixelwise-trial-") as parent:
            folder = Path(parent, "trial")
            folder.mkdir()
            (folder / "trial").write_text("trial")
            self.sign_files(folder)
            return str(key_of_files((folder / SIGNATURE).read_bytes()))

    def sign_tag(self, payload: str) -> str:
        return ""

    def sign_files(self, folder: Path) -> None:
        try:
            from model_signing import hashing, signing
        except ImportError as error:
            raise CannotSign(
                self._key,
                found=f"no model-signing here ({error})",
                remedy=f"Install it into this environment: python -m pip install {_PACKAGES}",
            ) from None
        try:
            signer = signing.Config().use_elliptic_key_signer(private_key=self._key)
        except (AttributeError, TypeError, ValueError) as error:  # for RSA and the like, the first
            remedy = f"Make one: {MAKE_EC}"
            raise CannotSign(
                self._key, found=f"no EC key of NIST's curves ({error})", remedy=remedy
            ) from None
        files = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
        signer.set_hashing_config(files).sign(folder, folder.with_name(f"{folder.name}.sig"))
        folder.with_name(f"{folder.name}.sig").rename(folder / SIGNATURE)
