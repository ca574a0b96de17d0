"""The contenders: each takes (N, 28, 28) uint8 images and gives scores, or answers as dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from onnx_peer import onnx_scores

from app.classifier import CLASSES, MODEL, classify_batch
from app.drawing.skew import find_skew
from app.model.sklearn_pickle.artefact import read_artefact

Images = NDArray[np.uint8]


def contenders(*, threads: int | None) -> dict[str, Callable[[Images], Any]]:
    """The contenders by name, in the order of their first turn."""
    plain = PlainPath(MODEL.path)
    contract = MODEL.card.contract if MODEL.card else None
    profile = contract.profile if contract else None
    return {
        "plain answers": plain.answers,
        "classify_batch": classify_batch,
        "plain scores": plain.scores,
        "engine": MODEL.scorer.scores,
        "onnxruntime": onnx_scores(read_artefact(MODEL.path), threads=threads),
        "find_skew": lambda images: find_skew(images, profile),
    }


class PlainPath:
    """The course's way: joblib, scikit-learn's predict_proba, a dictionary for each row."""

    def __init__(self, path: Path) -> None:
        # One of our own releases, built in this tree and checked against its record by the import above. Nothing that
        # a user of PixelWise can reach does this: unpickling executes the file's instructions.
        self.pipeline = joblib.load(path)

    def scores(self, images: Images) -> NDArray[np.float64]:
        return self.pipeline.predict_proba((images > 128).astype(float).reshape(len(images), -1))

    def answers(self, images: Images) -> list[dict[str, Any]]:
        answers = []
        for row in self.scores(images):
            best = row.argmax()
            answers.append(
                {
                    "prediction": CLASSES[best],
                    "confidence": float(row[best]),
                    "scores": {label: float(score) for label, score in zip(CLASSES, row, strict=True)},
                }
            )
        return answers
