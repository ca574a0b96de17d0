"""A model that was read, as the other rooms see it, and a format of files that such models are read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.contract import SCORE_TOLERANCE, THE_INPUT, Scale
from app.model.first_layer import FirstLayer

Architecture = Literal["linear", "network", "convolutional"]


@dataclass(frozen=True)
class Scorer:
    """A model that gives each image a score for each class. Several threads may use it.

    Attributes:
        format: the name of its `Format`.
        kind: of model, such as "LogisticRegression".
        architecture: the same in one of three words.
        labels: its classes in the model's own form, in the order of the scores; no roster has integers.
        features: pixels of an image.
        scores: (N, 28, 28) uint8, or any (N, ...) of `features` pixels, to (N, classes) float32; each row sums to 1.
            Images are not changed.
        logits: the same to the logits of these scores, (N, classes) float32 or float64, up to a constant for each row.
        provenance: a line for people on the file's origin.
        parameters: the number of learnt parameters.
        stated: facts in the file that a contract states too, by the contract's key, such as "sklearn".
        ink: the ink rule by which `scores` turns pixels into inputs, as a contract states it: "> 128" or "grey".
        threshold: inputs above it are 1 to the model, others 0; None if it takes inputs unchanged.
        weights: (features, classes) of a linear model; None for others.
        first_layer: of a network, to be looked at; None for others, and where it cannot be shown.
        relabel: the advice for its maker on getting labels of text; None if they are text.
    """

    format: str
    kind: str
    architecture: Architecture
    labels: tuple[str | int, ...]
    features: int
    scores: Callable[[NDArray[np.uint8]], NDArray[np.float32]] = field(repr=False)
    logits: Callable[[NDArray[np.uint8]], NDArray[np.floating]] = field(repr=False)
    provenance: str
    parameters: int
    stated: Mapping[str, object]
    ink: str = THE_INPUT.ink
    threshold: float | None = None
    weights: NDArray[np.floating] | None = field(default=None, repr=False)
    first_layer: FirstLayer | None = field(default=None, repr=False)
    relabel: str | None = None

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels as text."""
        return tuple(map(str, self.labels))


StatedScale = Callable[[], Scale | None]
"""Looks up the scale that the card of an artefact states; None if it states none, or there is no card."""


def no_card() -> None:
    """The scale stated by no card: none."""


class Format(NamedTuple):
    """A form of files that models are read from.

    Attributes:
        name: its value in a contract's `format`.
        suffix: the suffix of file names, such as ".pkl".
        fits: tells by the first bytes whether a file has this format.
        read: the model in a file's bytes, none of which is executed; raises ArtefactRefused and nothing else. It looks
            up the scale only if the file does not say what its model takes for pixels.
        max_bytes: the most bytes of a file; `read` is given no more.
        supported: describes the files that `read` takes, for refusals.
    """

    name: str
    suffix: str
    fits: Callable[[bytes], bool]
    read: Callable[[bytes, StatedScale], Scorer]
    max_bytes: int
    supported: str


def are_scores(scores: NDArray[np.floating]) -> bool:
    """True if scores are finite and each row sums to 1."""
    return bool(np.isfinite(scores).all() and np.allclose(scores.sum(axis=1), 1, rtol=0, atol=SCORE_TOLERANCE))
