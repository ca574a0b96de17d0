"""A trained model as a release takes it, whatever trained it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation import Count
from words import Words


@dataclass(frozen=True)
class NoDigit:
    """A model's word that it sees no digit, and how often it says so.

    Attributes:
        below: the confidence below which it does; chosen on training data.
        digits: of the test digits of its classes.
        strokes: of digits drawn with a pen; None where none were at hand.
        shapes: of shapes that are no digits, of kinds that it was not trained on.
        kinds: the same, kind by kind.
    """

    below: float
    digits: Count
    strokes: Count | None
    shapes: Count
    kinds: Mapping[str, Count]


@dataclass(frozen=True)
class Trained:
    """The model, what its file states, and what its card says of it.

    Attributes:
        suffix: of its file, such as ".pkl".
        write: writes the file.
        scores: (N, 28, 28) uint8 -> (N, k) float64, the share of each class, in the order of its recipe.
        stated: the contract's keys that its format demands, such as {"sklearn": "1.9.1", "steps": {…}}.
        features: its inputs.
        ink: the contract's ink rule, "> 128" or "grey".
        report: on the test digits, for the log.
        title: of the model, for its commit and tag.
        libraries: name -> version of what trained it.
        words: its card's sentences on such a file.
        files: the names of the scripts that made it.
        data: name -> SHA-256 of files that it learnt from beside MNIST's.
        no_digit: None where it cannot say that it sees none.
    """

    suffix: str
    write: Callable[[Path], None]
    scores: Callable[[np.ndarray], np.ndarray]
    stated: Mapping[str, Any]
    features: int
    ink: str
    report: str
    title: str
    libraries: Mapping[str, str]
    words: Words
    files: tuple[str, ...]
    data: Mapping[str, str] = field(default_factory=dict)
    no_digit: NoDigit | None = None
