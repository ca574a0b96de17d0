"""A model's results on held-out digits, measured once; card and contract are written from this."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T", str, tuple[str, str])

Z_95 = 1.959963984540054
"""The normal distribution's 97.5% quantile: 95% lie between -Z and Z."""


@dataclass(frozen=True)
class Share:
    """`correct` of `n`, with its 95% Wilson interval."""

    correct: int
    n: int

    @property
    def value(self) -> float:
        """Rounded to 4 places: a percentage with two decimals states it in full."""
        return round(self.correct / self.n, 4)

    @property
    def interval(self) -> tuple[float, float]:
        """Rounded to 3 places: percentages with one decimal state it in full."""
        low, high = wilson(self.correct, self.n)
        return round(low, 3), round(high, 3)


@dataclass(frozen=True)
class Count:
    """`count` of `n`."""

    count: int
    n: int

    @property
    def value(self) -> float:
        """Rounded to 4 places."""
        return round(self.count / self.n, 4)


@dataclass(frozen=True)
class Confusion:
    """`count` digits that are `true` and were read as `read`."""

    true: str
    read: str
    count: int


@dataclass(frozen=True)
class Reading:
    """`count` withheld digits were read as `read`, with this mean confidence."""

    read: str
    count: int
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """Measured on the test set; digits of unknown classes count only in `withheld`.

    Attributes:
        accuracy: over all digits of known classes.
        per_class: the same for each class.
        confusions: most frequent first; none that never happened.
        withheld: each withheld label -> what it is read as, most frequent first.
    """

    accuracy: Share
    per_class: dict[str, Share]
    confusions: tuple[Confusion, ...]
    withheld: dict[str, tuple[Reading, ...]]


def wilson(correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """The Wilson score interval of the share p = correct / n.

    (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)

    Unlike p ± z sqrt(p(1-p)/n) it stays within 0 and 1 and is right for shares near them.
    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    p = correct / n
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def evaluate(
    labels: np.ndarray, scores: np.ndarray, classes: tuple[str, ...], *, worst: int = 5
) -> Evaluation:
    """Evaluates these scores.

    Args:
        labels: (N,) text of one character, the truth; labels outside `classes` are the withheld ones.
        scores: (N, k) float64, columns in the order of `classes`.
        worst: how many confusions to name.
    """
    read, confidence = np.array(classes)[scores.argmax(axis=1)], scores.max(axis=1)
    known = np.isin(labels, classes)
    right = read == labels
    wrong = zip(labels[known & ~right].tolist(), read[known & ~right].tolist(), strict=True)
    return Evaluation(
        accuracy=_share(right[known]),
        per_class={label: _share(right[labels == label]) for label in classes if (labels == label).any()},
        confusions=tuple(
            Confusion(true, read, count) for (true, read), count in _most_frequent(wrong)[:worst]
        ),
        withheld={
            label: tuple(
                Reading(answer, count, float(confidence[(labels == label) & (read == answer)].mean()))
                for answer, count in _most_frequent(read[labels == label].tolist())
            )
            for label in np.unique(labels[~known]).tolist()
        },
    )


def _share(right: np.ndarray) -> Share:
    return Share(int(right.sum()), len(right))


def _most_frequent(things: Iterable[T]) -> list[tuple[T, int]]:
    # Ties in the order of the things themselves: the same measurement always writes the same card.
    return sorted(Counter(things).items(), key=lambda item: (-item[1], item[0]))
