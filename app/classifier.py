"""The public face: `CLASSES`, `classify_batch`, `classify`.

The model that `.env` pins is opened and verified once, when this module is imported; if it breaks a promise of its
release, its card or this code, the import fails (docs/using.md, "Exit codes").
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from app.errors import BadImages
from app.settings import read_settings
from app.verify.checks import Code
from app.verify.open_model import ModelChoice, open_model
from app.verify.refusals import UnknownVersion

# The classes of each major version. Written here, never read from a model: a model with other classes is refused.
ROSTERS = {
    "v1": ("1", "2", "3", "4", "5", "6", "7", "8", "9"),
    "v2": ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    "v3": ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
}


class Answer(TypedDict):
    """`prediction`: the label with the highest score; `confidence`: that score; `scores`: every label's, sum 1."""

    prediction: str
    confidence: float
    scores: dict[str, float]


def roster(version: str) -> tuple[str, ...]:
    """The classes of a version such as "v1.0"; a version without a roster is refused, and the refusal names the line to
    edit."""
    form = re.fullmatch(r"(v[0-9]+)\.[0-9]+", version)
    if form is None or form[1] not in ROSTERS:
        lines = Path(__file__).read_text(encoding="utf-8").splitlines()
        raise UnknownVersion(version, rosters=list(ROSTERS), line=lines.index("ROSTERS = {") + 1)
    return ROSTERS[form[1]]


def classify_batch(images: NDArray[np.uint8]) -> list[Answer]:
    """One answer per image, in order.

    Args:
        images: (N, 28, 28) uint8, 0 paper to 255 ink; a pixel above 128 is ink. N = 0 gives []. Not changed.

    Raises:
        BadImages: a ValueError; another shape or dtype. Nothing is cast: a silent cast is a train/serve skew.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise BadImages(images, shape="(N, 28, 28)")
    scores = MODEL.scorer.scores(images)
    best = scores.argmax(axis=1).tolist()
    return [  # the model gives a score for each class, so strict=True would only cost time: a tenth, as measured
        {"prediction": CLASSES[index], "confidence": row[index], "scores": dict(zip(CLASSES, row))}  # noqa: B905
        for index, row in zip(best, scores.tolist(), strict=True)
    ]


def classify(image: NDArray[np.uint8]) -> Answer:
    """The answer for one (28, 28) uint8 image: a batch of one."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape != (28, 28):
        raise BadImages(image, shape="(28, 28)")
    return classify_batch(image[np.newaxis])[0]


_set = read_settings()
CLASSES = list(roster(_set.model_version))  # as in the course: `list(pipeline.classes_) == CLASSES` can hold
_source = ModelChoice(
    _set.model_version,
    _set.model_path,
    _set.models,
    _set.lock_file,
    _set.require_lock,
    is_default=True,
    trust=_set.trust,
)
MODEL = open_model(_source, Code(tuple(CLASSES)))
for _notice in MODEL.notices:
    logging.getLogger("pixelwise").warning(_notice)
