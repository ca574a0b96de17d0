"""The operator's word on signatures: whose count, and whether there must be one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from app.errors import SystemRefused, system_refusals
from app.signing.refusals import NobodyTrusted

SIGNERS = "allowed_signers"
REVOKED = "revoked_signers"
_KEY = ".pem"


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

    @property
    def ssh_signers(self) -> Path | None:
        """The file of SSH signers, if there is one."""
        file = self.path / SIGNERS if self.path.is_dir() else self.path
        return file if file.exists() else None

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
