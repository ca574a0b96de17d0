"""The golden set: held-out digits with the scores that scikit-learn gave when the release was made.

Chosen by a seeded draw, not by hand: misread digits are in it as often as they occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train import SEED

KNOWN, WITHHELD = 1_000, 20


@dataclass(frozen=True)
class GoldenSet:
    """Rows of known classes first, mixed; then those of withheld classes.

    Attributes:
        images: (N, 28, 28) uint8, 0 paper to 255 ink.
        labels: (N,) text of one character, the truth.
        scores: (N, k) float64, `predict_proba`, columns in the order of the classes.
        known: how many rows are of known classes.
        correct: how many of those are read rightly.
    """

    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    known: int
    correct: int

    @property
    def withheld(self) -> int:
        return len(self.labels) - self.known

    def write(self, path: Path) -> None:
        """A compressed .npz of the three arrays; equal sets give equal bytes."""
        np.savez_compressed(path, images=self.images, labels=self.labels, scores=self.scores)


def choose(
    images: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    classes: tuple[str, ...],
    *,
    known: int = KNOWN,
    withheld: int = WITHHELD,
) -> GoldenSet:
    """A golden set out of the whole test set; fewer rows where the test set has fewer."""
    draw = np.random.default_rng(SEED)
    is_known = np.isin(labels, classes)
    known_rows = draw.permutation(np.flatnonzero(is_known))[:known]
    withheld_rows = draw.permutation(np.flatnonzero(~is_known))[:withheld]
    rows = np.concatenate([known_rows, withheld_rows])
    read = np.array(classes)[scores[known_rows].argmax(axis=1)]
    return GoldenSet(
        images=images[rows],
        labels=labels[rows].astype("U1"),
        scores=scores[rows].astype(np.float64),
        known=len(known_rows),
        correct=int((read == labels[known_rows]).sum()),
    )
