"""The comparisons, their targets, and verdicts on a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

LINEAR, NETWORK = "LogisticRegression", "MLPClassifier"
NO_SLOWER = {1: 1.0, 50: 1.0, 1_000: 1.2, 10_000: 1.2}


@dataclass(frozen=True)
class Comparison:
    """Two contenders, and how many times faster the first one is meant to be: kind of model -> images -> ratio."""

    title: str
    ours: str
    other: str
    targets: Mapping[str, Mapping[int, float]]


COMPARISONS = (
    Comparison(
        "`classify_batch` : plain answers",
        ours="classify_batch",
        other="plain answers",
        targets={LINEAR: {1: 25, 50: 8, 1_000: 6, 10_000: 4}, NETWORK: NO_SLOWER},
    ),
    Comparison(
        "engine : plain scores",
        ours="engine",
        other="plain scores",
        targets={LINEAR: {50: 12, 1_000: 12}, NETWORK: NO_SLOWER},
    ),
    Comparison(
        "engine : onnxruntime",
        ours="engine",
        other="onnxruntime",
        targets={LINEAR: dict.fromkeys((1, 50, 1_000, 10_000), 1 / 1.5)},  # within 1.5x of its time
    ),
    Comparison(
        "skew guard : `classify_batch`",
        ours="find_skew",
        other="classify_batch",
        targets=dict.fromkeys((LINEAR, NETWORK), dict.fromkeys((50, 1_000, 10_000), 1.0)),
    ),
)
COLD_START_TARGETS = {"time": 4.0, "memory": 2.0}


@dataclass(frozen=True)
class Ratio:
    """How many times less than the other ours takes: the median of pairs taken side by side, and their spread.

    Attributes:
        target: the least ratio aimed at; None where there is no target.
        ours, other: medians, in the unit of the measurement.
    """

    value: float
    low: float
    high: float
    ours: float
    other: float
    target: float | None

    @property
    def verdict(self) -> str:
        """ "met", "not met", or nothing where there is no target."""
        if self.target is None:
            return ""
        return "met" if self.value >= self.target else "not met"


def ratio(ours: Sequence[float], other: Sequence[float], target: float | None) -> Ratio:
    pairs = sorted(theirs / mine for mine, theirs in zip(ours, other, strict=True))
    return Ratio(median(pairs), pairs[0], pairs[-1], median(ours), median(other), target)


def is_aimed(one_pass: Mapping[str, Any]) -> bool:
    """True if targets apply: with one thread, in a process that has handled nothing larger."""
    return one_pass["threads"] == 1 and not one_pass["after_large"]


def compared(one_pass: Mapping[str, Any], comparison: Comparison) -> dict[int, Ratio]:
    """Images of a batch -> ratio of the seconds of one batch. Targets are for the plain case: see `is_aimed`."""
    targets = comparison.targets.get(one_pass["kind"], {}) if is_aimed(one_pass) else {}
    return {
        int(size): ratio(seconds[comparison.ours], seconds[comparison.other], targets.get(int(size)))
        for size, seconds in one_pass["seconds"].items()
    }


def cold_start(runs: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Ratio]:
    """ "time" in seconds and "memory" in MiB of whole processes."""
    columns = {name: list(zip(*pairs, strict=True)) for name, pairs in runs.items()}
    return {
        what: ratio(columns["ours"][place], columns["plain"][place], COLD_START_TARGETS[what])
        for place, what in enumerate(("time", "memory"))
    }
