"""A worker's place among those of its service: taken before the service is joined, asked for while it is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """The number of this worker, from 1, and how many there are.

    Attributes:
        folder: where the workers of one service leave each other their figures; None for a lone one.
    """

    number: int = 1
    of: int = 1
    folder: Path | None = None


LONE = Place()
_taken = LONE


def take_place(place: Place) -> None:
    """Makes this process the worker at `place`."""
    global _taken
    _taken = place


def place_taken() -> Place:
    """The place of this process: that of a lone worker, unless it took another."""
    return _taken
