"""The check of whose signatures count: how many signers ALLOWED_SIGNERS names, and whether it can be read."""

from __future__ import annotations

from app.cli.symptom import Symptom
from app.errors import PixelWiseError
from app.signing.trust import SIGNERS, Named, Trust

_NAME = "signers"
_SHOWN = 5
"""Most places without a key that are named."""


def signers(trust: Trust) -> Symptom:
    """Whom the settings trust to sign; a fault if that cannot be read, or if somebody has to sign and nobody counts."""
    try:
        named = trust.named()
    except PixelWiseError as error:
        return Symptom(_NAME, False, f"{error.subject}: {error.found}", error.remedy, error.exit_code)
    needed = "REQUIRE_SIGNATURE=true" if trust.required else "no signature is required"
    found = f"ALLOWED_SIGNERS, {trust.path}: {_said(named)}; {needed}"
    if trust.required and not (named.ssh or named.keys):
        file = trust.path / SIGNERS if trust.path.is_dir() else trust.path
        mend = f"write into {file} who may sign (docs/signing.md says how), or set REQUIRE_SIGNATURE=false in .env"
        return Symptom(_NAME, False, found, mend, 3)
    return Symptom(_NAME, True, found)


def _said(named: Named) -> str:
    parts = [_counted(named.ssh, "SSH key"), _counted(named.keys, "public key"), _counted(named.revoked, "revoked key")]
    odd = f"no key in {', '.join(named.odd[:_SHOWN])}" if named.odd else ""
    if not (named.ssh or named.keys):
        parts.insert(0, "names nobody" if named.is_there else "is not there, so nobody is trusted")
    return ", ".join(part for part in (*parts, odd) if part)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
