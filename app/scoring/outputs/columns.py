"""The columns of a shard, in their order, for every format."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.scoring.batch import Labels, Rows


class Answers(NamedTuple):
    """The answers of n rows: int8 places among classes, -1 for none; float32 confidences; labels."""

    places: NDArray[np.int8]
    confidences: NDArray[np.float32]
    labels: Labels | None


REASON = "reason"
ANSWERS = ("prediction", "confidence", "label")


def score_columns(rows: Rows) -> list[str]:
    """The names of the columns of scores."""
    return [] if rows.scores is None else [f"score_{label}" for label in rows.classes]


def column_names(rows: Rows) -> list[str]:
    """id, prediction, confidence, findings, reason, label where the input has labels, and the scores."""
    labels = [] if rows.labels is None else ["label"]
    return ["id", "prediction", "confidence", "findings", REASON, *labels, *score_columns(rows)]
