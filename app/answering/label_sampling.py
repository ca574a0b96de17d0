"""The random tenth of the page's answers whose makers are asked what they drew."""

from __future__ import annotations

from uuid import UUID

ONE_IN = 10
_RANDOM = (1 << 62) - 1
"""The bits of a UUIDv7 that are random: all behind its variant (`app/storage/identifiers.py`)."""


def asks(identifier: UUID) -> bool:
    """True if the maker of this drawing is asked; the same whenever it is computed, so nothing needs to be remembered.

    The random bits of an identifier know nothing of drawing, model, person or time. So asked labels estimate an
    accuracy; people who speak up unasked mostly complain.
    """
    return (identifier.int & _RANDOM) % ONE_IN == 0
