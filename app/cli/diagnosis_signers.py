"""The check of whose signatures count: how many signers ALLOWED_SIGNERS names, and whether it can be read."""

from __future__ import annotations

from app.cli.symptom import Symptom
from app.errors import PixelWiseError
from app.settings import Settings

_NAME = "signers"


def signers(settings: Settings) -> Symptom:
    """Whom the settings trust to sign; a fault if that cannot be read, or if somebody has to sign and nobody counts."""
    trust = settings.trust
    try:
        named = trust.named()
    except PixelWiseError as error:
        return Symptom(_NAME, False, f"{error.subject}: {error.found}", error.remedy, error.exit_code)
    needed = "REQUIRE_SIGNATURE=true" if trust.required else "no signature is required"
    found = f"ALLOWED_SIGNERS, {trust.path}: {named.said}; {needed}"
    if trust.required and named.is_nobody:
        mend = (
            f"write into {trust.file} who may sign (docs/signing.md says how), or set REQUIRE_SIGNATURE=false in .env"
        )
        return Symptom(_NAME, False, found, mend, 3)
    return Symptom(_NAME, True, found)
