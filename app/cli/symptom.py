"""One finding of `pixelwise doctor`."""

from __future__ import annotations

import msgspec


class Symptom(msgspec.Struct, frozen=True):
    """One check: its subject, whether that is well, the finding, and the line that mends it (empty if well)."""

    name: str
    healthy: bool
    found: str
    mend: str = ""
    exit_code: int = 0
