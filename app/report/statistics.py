"""From counts to figures, each with its uncertainty.

The distributions come from scipy.special. scipy.stats offers the interval and the test ready-made, from the same
functions, but takes half a second and 50 MB to load each time the page is opened; the tests compare both with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaln  # type: ignore[import-untyped]  # scipy has no types

from app.model.confidence_interval import wilson

MIN_LABELS = 20
"""Fewest labels for which an accuracy is stated: the truth behind 10 of 19 lies between a third and three quarters."""
CONFIDENCE = 0.95
ENOUGH = 20.0
"""An e-value from which a difference counts as shown: 1 / (1 - CONFIDENCE)."""
PERCENTILES = (50, 95, 99)
MOST_TIMES = 1000.0
"""If even this many times the labels would show no difference, none is in sight."""


class Share(msgspec.Struct, frozen=True):
    """`part` of `of`. `value` is None where there are too few to state it; `low` to `high`: 95%, by Wilson."""

    part: int
    of: int
    value: float | None
    low: float | None
    high: float | None


class Bin(msgspec.Struct, frozen=True):
    """Answers as sure as `low` to below `high`, in the last bin to 1; `mean`: how sure on average."""

    low: float
    high: float
    mean: float | None
    right: Share


class Calibration(msgspec.Struct, frozen=True):
    """`error`: how far "so sure" and "right" lie apart, on average over all `n`; None for fewer than MIN_LABELS."""

    n: int
    error: float | None
    bins: tuple[Bin, ...]


class Percentiles(msgspec.Struct, frozen=True):
    """Of `n` milliseconds. One is None where fewer than one value would lie above it."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None


def share(part: int, of: int, *, least: int = 1) -> Share:
    """The share, and the interval in which the truth lies.

    Args:
        least: the fewest for which a value is stated.
    """
    if of == 0:
        return Share(part, of, None, None, None)
    low, high = wilson(part, of)
    return Share(part, of, part / of if of >= least else None, low, high)


# -- two versions on the same drawings: `wins` where only the one is right, `losses` where only the other is -----------


def mcnemar(wins: int, losses: int) -> float:
    """The exact two-sided p-value of "neither is better", valid for a single look.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12
    (1947): drawings that both read rightly, or both wrongly, carry no information; the others fall like a fair coin.
    """
    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))


def log_e_value(wins: float, losses: float) -> float:
    """The natural logarithm of the evidence against "neither is better", valid however often one looks.

    It is the fortune that a gambler has made from 1 by betting on each drawing where one is right and the other wrong,
    without knowing which is better: chances of a win are weighted by Beta(1/2, 1/2). If neither is better, it ever
    reaches 20 with a probability of at most 1/20.

    wins 15, losses 2 -> log(52.2...); wins 9, losses 8 -> log(0.196...)

    Source: J. Ville, "Étude critique de la notion de collectif" (1939), for the bound; R. Krichevsky and V. Trofimov,
    "The performance of universal encoding", IEEE Transactions on Information Theory 27 (1981), for the bet; for both,
    A. Ramdas and others, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38 (2023).
    """
    return float(betaln(wins + 0.5, losses + 0.5) - betaln(0.5, 0.5) + (wins + losses) * math.log(2))


def chance_of_a_win(wins: int, losses: int) -> tuple[float, float]:
    """Bounds of the chance of a win, however often one looks: evidence against chances between them is below ENOUGH.

    They exclude a half if and only if the e-value is above ENOUGH.
    """
    total = wins + losses
    if not total:
        return 0.0, 1.0
    # The gambler's fortune against a chance other than a half; lowest at wins / total, and rising on both sides.
    bet = float(betaln(wins + 0.5, losses + 0.5) - betaln(0.5, 0.5)) - math.log(ENOUGH)

    def is_in(chance: float) -> bool:
        return bet <= _times_log(wins, chance) + _times_log(losses, 1 - chance)

    centre = wins / total
    return _edge(is_in, centre, 0.0), _edge(is_in, centre, 1.0)


def more_needed(wins: int, losses: int, n: int) -> int | None:
    """About how many more labels would show a difference, if they fall like the `n` so far; None: none in sight."""

    def is_too_little(times: float) -> bool:
        return log_e_value(times * wins, times * losses) < math.log(ENOUGH)

    if not is_too_little(1.0):
        return 0
    if is_too_little(MOST_TIMES):
        return None
    return math.ceil(n * (_edge(is_too_little, 1.0, MOST_TIMES) - 1))


def _times_log(count: int, chance: float) -> float:
    return count * math.log(chance) if count and chance else -math.inf if count else 0.0


def _edge(is_in: Callable[[float], bool], inside: float, outside: float) -> float:
    """The end of `is_in` between two numbers; it holds for the first."""
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_in(middle) else (inside, middle)
    return inside


# -- one version -------------------------------------------------------------------------------------------------------


def calibration(counts: Sequence[tuple[int, int, float]], edges: Sequence[float]) -> Calibration:
    """The calibration of confidence, or of certainty.

    Args:
        counts: for each bin, in order: answers, right ones, the sum of their measure.
        edges: of the bins, one more than there are bins.

    Source: C. Guo and others, "On calibration of modern neural networks", ICML 2017: the expected calibration error,
    there with equally wide bins. These say little where all is near 1: J. Nixon and others, "Measuring calibration in
    deep learning", CVPR workshops 2019.
    """
    total = sum(n for n, _, _ in counts)
    bins = tuple(
        Bin(low, high, measured / n if n else None, share(right, n, least=MIN_LABELS))
        for (low, high), (n, right, measured) in zip(pairwise(edges), counts, strict=True)
    )
    error = sum(abs(right - measured) for _, right, measured in counts) / total if total >= MIN_LABELS else None
    return Calibration(total, error, bins)


def percentiles(milliseconds: NDArray[np.float64]) -> Percentiles:
    """The percentiles of the values that are not NaN."""
    measured = milliseconds[~np.isnan(milliseconds)]
    n = len(measured)
    values = np.percentile(measured, PERCENTILES).tolist() if n else [0.0] * len(PERCENTILES)
    is_known = [n * (100 - percentile) >= 100 for percentile in PERCENTILES]
    return Percentiles(n, *(value if known else None for value, known in zip(values, is_known, strict=True)))
