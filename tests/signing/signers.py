"""People who sign: keys of ssh-keygen, made once for each, and what they sign."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from app.signing.trust import Trust
from tests.release.remote import Remote


class Signer(NamedTuple):
    """Somebody with a key, in a file; the public one is beside it."""

    name: str
    key: Path

    @property
    def public(self) -> str:
        return " ".join(self.key.with_suffix(".pub").read_text().split()[:2])

    def line(self, options: str = 'namespaces="git"', *, name: str | None = None) -> str:
        """A line of allowed_signers."""
        return f"{name or self.name} {options} {self.public}\n"

    def sign(self, payload: bytes, *, namespace: str = "git") -> bytes:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(self.key)]
        return subprocess.run(command, input=payload, capture_output=True, check=True).stdout


@cache
def signer(name: str) -> Signer:
    key = Path(mkdtemp(prefix="signer-")) / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
    return Signer(name, key)


LENA, EVE = "lena@example.org", "eve@example.org"


def tag_text(version: str, commit: str, *, second: int = 1_700_000_000) -> bytes:
    return f"object {commit}\ntype commit\ntag {version}\ntagger x <x> {second} +0000\n\nrelease\n".encode()


def signed_tag(remote: Remote, version: str, commit: str, by: Signer, *, named: str | None = None, **how: int) -> str:
    """A tag of this commit that `by` signed; `named` is what the tag object calls itself."""
    payload = tag_text(named or version, commit, **how)
    tag = remote.raw("tag", payload + by.sign(payload))
    remote.point(version, tag)
    return tag


def trusting(folder: Path, *lines: str, required: bool = True) -> Trust:
    """Trust in whom these lines name, in a file of this folder."""
    path = folder / "allowed_signers"
    path.write_text("".join(lines))
    return Trust(required, path)
