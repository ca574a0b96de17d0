"""Certainty of answers, and the rule for unsure ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.model.golden_set import GoldenSet

SURE_FROM = 0.85
"""Calibrated certainty below which an answer is called unsure. Of v2.0's answers to strokes of the hand used to choose
its temperature, 90.3% are sure, and 99.0% of these right; at 0.9 the figures are 87.4% and 99.2%."""


def certainties(scores: NDArray[np.floating[Any]], temperature: float) -> NDArray[np.float64]:
    """The chance that an answer is right: the highest score after the logits are divided by `temperature`.

    Args:
        scores: (N, k) in [0, 1], each row's sum 1, k at least 1.
        temperature: above 0, as the release measured it; 1 leaves the scores as they are.

    Returns:
        (N,) in (0, 1]. The order of the scores, and so the answer, does not change.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", 2017 (temperature scaling).
    """
    highest = scores.max(axis=1, keepdims=True).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # scores that are not numbers give a certainty that is not one
        certain: NDArray[np.float64] = 1 / ((scores / highest) ** (1 / temperature)).sum(axis=1)
    return certain


def certainties_of(answers: Sequence[Mapping[str, Any]], temperature: float | None) -> Sequence[float] | Sequence[None]:
    """The certainties of `classify_batch`'s answers; None for each if the release measured no temperature."""
    if temperature is None or not answers:
        return [None] * len(answers)
    found: list[float] = certainties(np.array([list(one["scores"].values()) for one in answers]), temperature).tolist()
    return found


def is_unsure(confidence: float, certainty: float | None, *, below: float | None, is_doubted: bool) -> bool:
    """True if its certainty, or else its confidence, is below `below`, or a finding doubts every score.

    Args:
        below: SURE_FROM for a certainty, `unsure_below(…)` for a confidence; None: no bound is known.
        is_doubted: it may be a withheld digit, or none at all.
    """
    return (confidence if certainty is None else certainty) < (below or 0.0) or is_doubted


def unsure_below(golden: GoldenSet, classes: Sequence[str]) -> float | None:
    """The confidence below which an answer is called unsure, by a release that measured no temperature.

    It best separates the recorded wrong answers from the right ones: the sum of the share of wrong answers below it and
    the share of right answers not below it is largest (Youden's index, so the many right answers do not outweigh the
    few wrong ones). It lies halfway between two recorded confidences, as far from both as possible; of several equally
    good values it is the lowest, which calls the fewest answers unsure.

    Args:
        golden: digits with their recorded scores. A digit of a withheld class has no right answer, so it counts as
            wrong: such digits are drawn by people too.
        classes: the labels of the columns of `golden.scores`.

    Returns:
        None when all answers are right or all are wrong, or when no confidence tells them apart better than chance.
    """
    answers = np.asarray(classes)[golden.scores.argmax(axis=1)]
    is_right = answers == np.asarray(golden.labels)
    right = int(np.count_nonzero(is_right))
    wrong = len(is_right) - right
    if not right or not wrong:
        return None
    confidences, places = np.unique(golden.scores.max(axis=1), return_inverse=True)
    count = len(confidences)
    # Whole numbers, so that equal ones are equal: a wrong answer weighs `right`, a right one `wrong`.
    gains = right * np.bincount(places[~is_right], minlength=count) - wrong * np.bincount(
        places[is_right], minlength=count
    )
    gained = np.cumsum(gains)[:-1]  # by calling unsure up to confidences[i]; the last would be all, and gain 0
    if gained.max(initial=0) <= 0:
        return None
    best = int(gained.argmax())
    return float(confidences[best] + confidences[best + 1]) / 2
