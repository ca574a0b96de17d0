"""Some rows of an input, and their answers, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BATCH_ROWS = 4800
"""Rows read at a time: twenty blocks of the engine."""
NOT_A_DIGIT = -1
"""The label of what is no digit, as `pixelwise labels export` writes it."""
NO_LABEL = -2
"""Stands for a missing label in an array."""

Ids = NDArray[np.int64] | list[str]
"""A number for each row, or a name."""
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int8]


class Unread(NamedTuple):
    """Why the model is not asked about a row: the name of the finding, and the reason in words."""

    finding: str
    reason: str


class Batch(NamedTuple):
    """Rows of an input.

    Attributes:
        ids: of the n rows.
        pixels: (n, 28, 28) uint8, 0 paper to 255 ink; all paper where a row is unread.
        labels: (n,) 0 to 9, NOT_A_DIGIT or NO_LABEL; None if the input has none.
        unread: by place in the batch.
    """

    ids: Ids
    pixels: Pixels
    labels: Labels | None = None
    unread: dict[int, Unread] = {}  # noqa: RUF012  # a named tuple's default, never written to


class Rows(NamedTuple):
    """Answers to all rows of a shard.

    Attributes:
        ids: of the n rows.
        places: (n,) int8, of the prediction in `classes`; -1 where there is none.
        confidences: (n,) float32; NaN where there is none.
        findings: (n,) int32, of the findings in `found`.
        found: names of findings, each text those of one row with a space between.
        reasons: (n,) texts, None where the row was read; None if all were.
        labels: (n,), as in a batch.
        scores: (n, classes) float32, NaN where there are none; None if they are not wanted.
        classes: in the order of scores.
    """

    ids: Ids
    places: NDArray[np.int8]
    confidences: NDArray[np.float32]
    findings: NDArray[np.int32]
    found: Sequence[str]
    reasons: Sequence[str | None] | None
    labels: Labels | None
    scores: NDArray[np.float32] | None
    classes: tuple[str, ...]
