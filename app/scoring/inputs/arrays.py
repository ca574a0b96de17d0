"""Digits in .npy and IDX files: (N, 28, 28) uint8, 0 paper to 255 ink, taken as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.drawing.normalise import SIDE
from app.scoring.batch import BATCH_ROWS, Batch, Pixels
from app.scoring.fingerprint import Fingerprint, check_unchanged
from app.scoring.inputs.array_file import NPY_REMEDY, ArrayFile, open_array
from app.scoring.inputs.label_file import LabelFile, open_labels
from app.scoring.inputs.source import Piece, even_pieces
from app.scoring.refusals import BadInput

SHAPES = ((SIDE, SIDE), (SIDE * SIDE,))


@dataclass(frozen=True)
class ArraySource:
    """Digits in one file, with labels beside them or without."""

    array: ArrayFile
    fingerprint: Fingerprint
    labels: LabelFile | None = None

    @property
    def is_labelled(self) -> bool:
        return self.labels is not None

    @property
    def files(self) -> Sequence[Path]:
        return (self.array.path,)

    def pieces(self, rows: int, first_id: int) -> list[Piece]:
        """Even ranges; a compressed file can only be read from its beginning, and is one piece."""
        return even_pieces(self.array.rows, self.array.rows if self.array.is_packed else rows, first_id)

    def read(self, piece: Piece) -> Iterator[Batch]:
        """The rows of a piece, in batches."""
        path, planned = self.array.path, (self.fingerprint.size, self.fingerprint.mtime_ns)
        check_unchanged(path, planned)
        first = piece.start
        for pixels in self._blocks(piece):
            last = first + len(pixels)
            labels = None if self.labels is None else self.labels.read(first, last)
            ids = np.arange(piece.first_id + first - piece.start, piece.first_id + last - piece.start, dtype=np.int64)
            yield Batch(ids, pixels.reshape(-1, SIDE, SIDE), labels)
            first = last
        check_unchanged(path, planned)

    def _blocks(self, piece: Piece) -> Iterator[Pixels]:
        if self.array.is_packed:
            yield from self.array.unpacked(piece.start, piece.stop, BATCH_ROWS)
            return
        for start in range(piece.start, piece.stop, BATCH_ROWS):
            yield self.array.read(start, min(start + BATCH_ROWS, piece.stop))


def open_arrays(path: Path, name: str, labels: Path | None) -> ArraySource:
    """The digits in a .npy or IDX file, with the labels named, or those of an IDX file beside it.

    Raises:
        BadInput: no digits, or not as its header says.
    """
    array = open_array(path)
    if array.dtype != np.uint8 or array.item_shape not in SHAPES:
        raise BadInput(
            f"input {path}",
            found=f"an array {array.dtype} {array.shape}",
            expected="uint8 (N, 28, 28) or (N, 784)",
            remedy=NPY_REMEDY + " Floats in [0, 1]: multiply by 255 and round first.",
        )
    labels = labels or _beside(path)
    found = None if labels is None else open_labels(labels, rows=array.rows, of=name)
    said = None if found is None else found.fingerprint
    return ArraySource(array, Fingerprint(name, array.kind, array.rows, *array.stamp, labels=said), found)


def _beside(path: Path) -> Path | None:
    """MNIST's own names: the labels of `x-images-idx3-ubyte` are in `x-labels-idx1-ubyte`, each perhaps with `.gz`."""
    if "-images-idx3-ubyte" not in path.name:
        return None
    name = path.name.replace("-images-idx3-ubyte", "-labels-idx1-ubyte")
    names = dict.fromkeys((name, name.removesuffix(".gz"), f"{name.removesuffix('.gz')}.gz"))
    return next((path.with_name(one) for one in names if path.with_name(one).is_file()), None)
