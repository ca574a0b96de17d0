"""What an input does, whatever its form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from app.scoring.batch import Batch
from app.scoring.fingerprint import Fingerprint


class Piece(Struct, frozen=True):
    """A part of an input that is scored by itself.

    Attributes:
        start, stop: where it begins and ends, as its input counts: rows, row groups, or places in a list.
        rows: in it.
        first_id: the number of its first row, where rows are numbered.
        keys: what else its input needs to find it.
    """

    start: int
    stop: int
    rows: int
    first_id: int = 0
    keys: tuple[tuple[str, int, int], ...] = ()


class Source(Protocol):
    """An input. It is sent to workers, so it holds no open file; whoever reads it sees that it is what was planned."""

    @property
    def fingerprint(self) -> Fingerprint:
        """By what it is known again."""
        ...

    @property
    def is_labelled(self) -> bool:
        """True if it has labels."""
        ...

    @property
    def files(self) -> Sequence[Path]:
        """All that it is in."""
        ...

    def pieces(self, rows: int, first_id: int) -> list[Piece]:
        """The parts of it, each of about `rows` rows; the first row's number is `first_id`."""
        ...

    def read(self, piece: Piece) -> Iterator[Batch]:
        """The rows of a piece.

        Raises:
            ChangedInput: it is not what was planned. BadInput: it is not as its header says.
        """
        ...


def even_pieces(total: int, rows: int, first_id: int) -> list[Piece]:
    """Pieces of `rows` rows; the last may have fewer."""
    starts = range(0, total, rows)
    return [Piece(start, min(start + rows, total), min(rows, total - start), first_id + start) for start in starts]
