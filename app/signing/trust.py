"""The operator's word on signatures: whose count, and whether there must be one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from app.errors import SystemRefused, system_refusals
from app.signing.refusals import NobodyTrusted

SIGNERS = "allowed_signers"
REVOKED = "revoked_signers"
_KEY = ".pem"
_MOST_BYTES = 1 << 20
"""Most bytes of a file that are looked at to count its keys."""
_SHOWN = 5
"""Most places without a key that are named."""
_SSH_KEY = re.compile(rb"(?:^|\s)(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+\s+[A-Za-z0-9+/]+=*(?:\s|$)")
_PUBLIC_KEY = b"-----BEGIN PUBLIC KEY-----"


class Named(NamedTuple):
    """How many are trusted.

    Attributes:
        is_there: the file or folder is.
        ssh: lines with a key in the file of SSH signers.
        keys: public keys for `model.sig`.
        revoked: lines with a key in the file of revoked ones.
        odd: lines and files without a key, as "allowed_signers:3" and "lena.pem".
    """

    is_there: bool
    ssh: int = 0
    keys: int = 0
    revoked: int = 0
    odd: tuple[str, ...] = ()

    @property
    def is_nobody(self) -> bool:
        return not (self.ssh or self.keys)

    @property
    def said(self) -> str:
        """The same in words."""
        nobody = "names nobody" if self.is_there else "is not there, so nobody is trusted"
        counted = ((self.ssh, "SSH key"), (self.keys, "public key"), (self.revoked, "revoked key"))
        parts = [f"{number} {what}{'' if number == 1 else 's'}" for number, what in counted if number]
        odd = [f"no key in {', '.join(self.odd[:_SHOWN])}"] if self.odd else []
        return ", ".join([*([nobody] if self.is_nobody else []), *parts, *odd])


@dataclass(frozen=True)
class Trust:
    """REQUIRE_SIGNATURE and ALLOWED_SIGNERS.

    Attributes:
        required: no release without the signature of somebody listed.
        path: a file in ssh-keygen's format, or a folder that has such a file, `allowed_signers`, and public keys
            `NAME.pem` for `model.sig`. Beside the file, `revoked_signers` lists keys that no longer count.
    """

    required: bool
    path: Path

    @property
    def names_somebody(self) -> bool:
        """True if there is a file of signers, or a key."""
        return os.path.lexists(self.path) and (self.ssh_signers is not None or bool(self.public_keys))

    def check(self) -> None:
        """Checks that somebody is listed.

        Raises:
            NobodyTrusted: there is no such file or folder, or nothing in it. SystemRefused: it may not be read.
        """
        if not os.path.lexists(self.path):
            raise NobodyTrusted(self.path, found="no such file or folder")
        if self.ssh_signers is None and not self.public_keys:
            raise NobodyTrusted(self.path, found=f"neither {SIGNERS} nor a NAME{_KEY} in this folder")
        if self.ssh_signers is not None:
            try:
                self.ssh_signers.read_bytes()
            except OSError as error:
                raise SystemRefused(self.ssh_signers, error) from error

    def named(self) -> Named:
        """Counts who is trusted, without asking whether their keys are good.

        Raises:
            SystemRefused: a file or the folder may not be read.
        """
        if not os.path.lexists(self.path):
            return Named(False)
        with system_refusals(self.path):
            ssh, odd = _keys_in(self.ssh_signers)
            revoked, unread = _keys_in(self.revoked)
        good = {name for name, path in self.public_keys.items() if _PUBLIC_KEY in _read(path)}
        no_keys = [path.name for name, path in self.public_keys.items() if name not in good]
        return Named(True, ssh, len(good), revoked, (*odd, *unread, *no_keys))

    @property
    def ssh_signers(self) -> Path | None:
        """The file of SSH signers, if there is one."""
        return self.file if self.file.exists() else None

    @property
    def file(self) -> Path:
        """The place of the file of SSH signers."""
        return self.path / SIGNERS if self.path.is_dir() else self.path

    @property
    def revoked(self) -> Path | None:
        """The file of revoked SSH keys, if there is one."""
        file = (self.path if self.path.is_dir() else self.path.parent) / REVOKED
        return file if os.path.lexists(file) else None  # a link that leads nowhere is one that cannot be read

    @property
    def public_keys(self) -> dict[str, Path]:
        """The public keys for `model.sig`, by the names of their owners."""
        with system_refusals(self.path):
            paths = sorted(self.path.iterdir()) if self.path.is_dir() else []
        return {path.stem: path for path in paths if path.suffix == _KEY}


def _keys_in(file: Path | None) -> tuple[int, list[str]]:
    """How many lines of a file have a key, and the places of those that have none, comments aside."""
    if file is None:
        return 0, []
    lines = {number: line.strip() for number, line in enumerate(_read(file).splitlines(), 1)}
    meant = {number: line for number, line in lines.items() if line and not line.startswith(b"#")}
    odd = [f"{file.name}:{number}" for number, line in meant.items() if not _SSH_KEY.search(line)]
    return len(meant) - len(odd), odd


def _read(file: Path) -> bytes:
    try:
        # subtle: a pipe would block for ever without O_NONBLOCK
        with open(file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as opened:
            return opened.read(_MOST_BYTES)
    except OSError as error:
        raise SystemRefused(file, error) from error
