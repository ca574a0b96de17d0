"""The random tenth of the page's answers whose makers are asked what they drew."""

from __future__ import annotations

from uuid import UUID

ONE_IN = 10
_RANDOM = (1 << 62) - 1
"""The random bits of a UUIDv7: all those after its variant (`app/storage/identifiers.py`)."""


def asks(identifier: UUID) -> bool:
    """True if the maker of this drawing is asked; the same whenever it is computed, so nothing needs to be remembered.

    The random bits of an identifier are independent of drawing, model, person and time, so labels given when asked
    estimate an accuracy; labels given unasked are mostly complaints.
    """
    return (identifier.int & _RANDOM) % ONE_IN == 0
