"""Labels in a file of their own: a number for each row, as .npy or IDX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.scoring.batch import NO_LABEL, NOT_A_DIGIT, Labels
from app.scoring.fingerprint import Fingerprint, check_unchanged
from app.scoring.inputs.array_file import ArrayFile, open_array
from app.scoring.refusals import BadInput

REMEDY = f"Label digits by 0 to 9, what is no digit by {NOT_A_DIGIT}, and a row without label by {NO_LABEL}."


@dataclass(frozen=True)
class LabelFile:
    """A file of labels, read by ranges of rows."""

    array: ArrayFile
    fingerprint: Fingerprint

    def read(self, start: int, stop: int) -> Labels:
        """The labels of rows `start` to `stop`."""
        check_unchanged(self.array.path, (self.fingerprint.size, self.fingerprint.mtime_ns))
        return as_labels(self.array.read(start, stop), str(self.array.path))


def open_labels(path: Path, *, rows: int, of: str) -> LabelFile:
    """The labels in `path`, one for each of the `rows` of `of`.

    Raises:
        BadInput: another number of them, or of another kind.
    """
    array = open_array(path)
    if array.item_shape != () or array.dtype.kind not in "iu":
        raise BadInput(
            f"labels {path}",
            found=f"{array.dtype} {array.shape}",
            expected="whole numbers, one for each row",
            remedy=REMEDY,
        )
    if array.rows != rows:
        raise BadInput(
            f"labels {path}",
            found=f"{array.rows:,} labels",
            expected=f"one for each of the {rows:,} rows of {of}",
            remedy="Name the labels of this input.",
        )
    return LabelFile(array, Fingerprint(path.name, array.kind, array.rows, *array.stamp))


def as_labels(values: NDArray[np.integer], name: str) -> Labels:
    """Labels of any integer type as int8.

    Raises:
        BadInput: one is no label.
    """
    if values.size and not (int(values.min()) >= NO_LABEL and int(values.max()) <= 9):
        odd = int(values.min()) if int(values.min()) < NO_LABEL else int(values.max())
        raise BadInput(f"labels of {name}", found=f"a label {odd}", expected="0 to 9", remedy=REMEDY)
    return values.astype(np.int8)
