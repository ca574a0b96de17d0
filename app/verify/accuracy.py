"""Checks of accuracy: counts with their intervals, compared with the card's promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.confidence_interval import wilson
from app.model.contract import Accuracy
from app.model.golden_set import GoldenSet, replay
from app.model.mnist import Digits, read_mnist_test
from app.model.refusals import MissingDigits
from app.model.scorer import Scorer
from app.verify.card import Card
from app.verify.checks import Check, check_golden, judge, skip
from app.verify.open_model import Model, Recorded

PROSE_TOLERANCE = 0.015
"""Tolerance below the cited figure, on MNIST's test file, for a release that does not name its test data: the scatter
of 10,000 digits is less, the difference between test sets is more."""


class Measured(NamedTuple):
    """`correct` of `n`."""

    correct: int
    n: int

    @property
    def value(self) -> float:
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval."""
        return wilson(self.correct, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.correct:,} of {self.n:,} right: {self.value:.2%} ({low:.1%} to {high:.1%})"


def mnist_for(models: Sequence[Model], folder: Path, *, warn: Callable[[str], None]) -> Digits | None:
    """MNIST's test digits, where a model has no recorded ones; None, with a warning, if they are not cached."""
    if all(model.recorded for model in models):
        return None
    try:
        return read_mnist_test(folder)
    except MissingDigits as error:
        warn(f"{error} Until then no answer of a release without golden set is called unsure by its confidence.")
        return None


def read_here(model: Model, mnist: Digits | None) -> GoldenSet | None:
    """MNIST's test digits with scores computed here: a substitute for recorded digits where a release has none."""
    if model.recorded is not None or mnist is None:
        return None
    images, labels = mnist
    return GoldenSet(images, labels, model.scorer.scores(images).astype(np.float64))


def measure(scorer: Scorer, images: NDArray[np.uint8], labels: Sequence[str]) -> Measured:
    """The share of the digits of known classes that the model reads rightly.

    Args:
        images: (N, 28, 28) uint8.
        labels: the N true labels; those of unknown classes do not count.
    """
    truth = np.array([scorer.classes.index(label) if label in scorer.classes else -1 for label in labels])
    known = truth >= 0
    read = scorer.scores(images[known]).argmax(axis=1)
    return Measured(int(np.count_nonzero(read == truth[known])), int(np.count_nonzero(known)))


def check_recorded(recorded: Recorded, scorer: Scorer) -> list[Check]:
    """Compares all recorded answers with those given here, and their accuracy with the card's."""
    replayed = replay(recorded.digits(), scorer)
    checks = check_golden(replayed, recorded.promise, whole=True)
    if replayed.n:  # otherwise the previous check has reported the missing digits
        checks.append(check_on_golden_set(Measured(replayed.correct, replayed.n), recorded.accuracy))
    return checks


def check_on_golden_set(share: Measured, promise: Accuracy) -> Check:
    """The golden digits' accuracy against the card's: a thousand digits scatter, so the two intervals must overlap."""
    low, high = share.interval
    agrees = low <= promise.interval[1] and promise.interval[0] <= high
    return judge("accuracy of golden digits", "here", str(share), "card", _promised(promise), agrees=agrees)


def check_on_mnist(share: Measured, card: Card | None) -> Check:
    """The accuracy on MNIST's whole test file against the card's interval, or the figure cited in its prose."""
    name = "accuracy on MNIST's test file"
    if card is not None and card.contract is not None:
        promise = card.contract.accuracy
        low, high = promise.interval
        return judge(name, "here", str(share), "card", _promised(promise), agrees=low <= share.value <= high)
    if card is None or card.stated.accuracy is None:
        return skip(name, "here", str(share), "prose", "no card states an accuracy")
    floor = card.stated.accuracy - PROSE_TOLERANCE
    promised = f"{card.stated.accuracy:.1%}, at least {floor:.1%} here (may contain training digits)"
    return judge(name, "here", str(share), "prose", promised, agrees=share.value >= floor)


def _promised(promise: Accuracy) -> str:
    low, high = promise.interval
    return f"{promise.correct:,} of {promise.n:,}: {promise.value:.2%} ({low:.1%} to {high:.1%})"
