"""Signatures of a release by its owner: an SSH key signs its tag, an EC key its files (`model.sig`).

A tag is signed by `ssh-keygen -Y sign`, for git and nothing else, as `git tag -s` does it; files by the
package model-signing (https://github.com/sigstore/model-transparency). Neither asks a question.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

from errors import CannotSign, local_faults

SIGNATURE = "model.sig"
_PEM_OF_EC = ("-----BEGIN EC PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----")
_LOCKED_PEM = ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED")
_PACKAGES = "model-signing pyopenssl"  # model-signing 1.1 imports pyopenssl, and does not say so


class Signer(Protocol):
    """Somebody with a key. Each signs in one of two places, and does nothing in the other."""

    signs_tags: bool

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
    if not key.is_file():
        raise CannotSign(key, found="no such file", remedy="Make one: ssh-keygen -t ed25519 -f KEY")
    with local_faults():
        text = key.read_text(encoding="utf-8", errors="replace")
    if any(line in text for line in _LOCKED_PEM):
        found = "a PEM that is protected by a passphrase"
        raise CannotSign(
            key, found=found, remedy="Keep it unprotected in a file of mode 600, or sign by SSH."
        )
    signer: Signer = KeySigner(key) if text.lstrip().startswith(_PEM_OF_EC) else SshSigner(key)
    with tempfile.TemporaryDirectory(prefix="pixelwise-trial-") as folder:
        Path(folder, "trial").write_text("trial")
        signer.sign_tag("trial")
        signer.sign_files(Path(folder))
    return signer


class SshSigner:
    """Signs tags."""

    signs_tags = True

    def __init__(self, key: Path) -> None:
        self._key = key

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
            remedy = "Make one: openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem"
            raise CannotSign(
                self._key, found=f"no EC key of NIST's curves ({error})", remedy=remedy
            ) from None
        files = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
        signer.set_hashing_config(files).sign(folder, folder.with_name(f"{folder.name}.sig"))
        folder.with_name(f"{folder.name}.sig").rename(folder / SIGNATURE)
