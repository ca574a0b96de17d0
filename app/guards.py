"""Blocks of code that let nothing out but refusals, whatever a library or the system raises in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.causes import CAUSES
from app.errors import PixelWiseError, SystemRefused

_SHOWN = 300
"""Characters of what a library said, in a message."""


@contextmanager
def only_refusals(refuse: Callable[[str], PixelWiseError]) -> Iterator[None]:
    """Lets nothing but refusals out of its block, in which a library parses bytes of strangers.

    What zipfile, yaml, tomllib or numpy raise for odd bytes is written down nowhere: a list of their errors is never
    whole (OverflowError, RecursionError, struct.error and ValueError for long numbers were all missing from one).

    Args:
        refuse: makes the refusal from what was raised.
    """
    try:
        yield
    except PixelWiseError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:_SHOWN]
        raise refuse(f"{type(error).__name__}: {said}" if said else type(error).__name__) from error


@contextmanager
def system_refusals(subject: object = "this system") -> Iterator[None]:
    """Lets no OSError of a known cause out of its block: it becomes a SystemRefused of the file that the error names,
    or of `subject` where it names none."""
    try:
        yield
    except OSError as error:
        if error.errno not in CAUSES:
            raise
        raise SystemRefused(subject if error.filename is None else os.fsdecode(error.filename), error) from error
