"""Two releases on the same archive as figures: how often they agree, and, where it is labelled, which reads better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from app.report.number_format import drawings, e_value, p_value, times
from app.report.statistics import ENOUGH, MIN_LABELS, Share, chance_of_a_win, log_e_value, mcnemar, share


class Scored(msgspec.Struct, frozen=True):
    """One of the two: a folder of answers, its release, and how many labelled digits that both know it read rightly."""

    folder: str
    version: str
    sha256: str
    accuracy: Share


class Shown(msgspec.Struct, frozen=True):
    """A digit that was read differently: 784 grey values; a prediction is None where nothing was read."""

    id: str
    pixels: bytes
    predictions: tuple[str | None, str | None]
    confidences: tuple[float | None, float | None]
    label: str | None


class Times(msgspec.Struct, frozen=True):
    """How often the one read this where the other read that; "none" is no prediction."""

    first: str
    second: str
    n: int


class ScoredDiff(msgspec.Struct, frozen=True):
    """All of the comparison.

    Attributes:
        sides: the first and the second.
        agreement: of all rows, those with the same answer.
        disagreements: the most frequent first.
        labelled: rows with a label that both know; then by who was right.
        p: of McNemar's exact test; None without labels.
        log10_e: of the e-value; low, high: bounds of the second's share of what only one read rightly.
        sentence, remark: for people.
        shown: some digits of disagreements; None: the input is not there any more, or is another.
    """

    sides: tuple[Scored, Scored]
    agreement: Share
    disagreements: tuple[Times, ...]
    labelled: int
    both_right: int
    only_first: int
    only_second: int
    neither: int
    p: float | None
    log10_e: float | None
    low: float
    high: float
    sentence: str
    remark: str
    shown: tuple[Shown, ...] | None


def evaluate_diff(
    names: Sequence[tuple[str, str, str]],
    pairs: Mapping[tuple[str, str], int],
    right: Mapping[tuple[bool, bool], int],
    shown: Sequence[Shown] | None,
) -> ScoredDiff:
    """The figures of counts.

    Args:
        names: of both: folder, version, sha256.
        pairs: rows by what the first and the second read.
        right: labelled rows by which of the two was right.
        shown: some digits of disagreements.
    """
    rows = sum(pairs.values())
    same = sum(n for (one, other), n in pairs.items() if one == other)
    both, first, second, none = (right.get(key, 0) for key in _WHO)
    labelled = both + first + second + none
    low, high = chance_of_a_win(second, first)
    apart = sorted(((n, *pair) for pair, n in pairs.items() if pair[0] != pair[1]), key=lambda one: (-one[0], one[1:]))
    sides = tuple(
        Scored(*name, share(both + only, labelled, least=MIN_LABELS))
        for name, only in zip(names, (first, second), strict=True)
    )
    log10_e = log_e_value(second, first) / math.log(10) if labelled else None
    p = mcnemar(second, first) if labelled else None
    sentence, remark = _words(names, share(same, rows), labelled, first, second, p, log10_e)
    return ScoredDiff(
        sides=(sides[0], sides[1]),
        agreement=share(same, rows),
        disagreements=tuple(Times(one, other, n) for n, one, other in apart),
        labelled=labelled,
        both_right=both,
        only_first=first,
        only_second=second,
        neither=none,
        p=p,
        log10_e=log10_e,
        low=low,
        high=high,
        sentence=sentence,
        remark=remark,
        shown=None if shown is None else tuple(shown),
    )


_WHO = ((True, True), (True, False), (False, True), (False, False))


def _words(
    names: Sequence[tuple[str, str, str]],
    agreement: Share,
    labelled: int,
    first: int,
    second: int,
    p: float | None,
    log10_e: float | None,
) -> tuple[str, str]:
    (_, one, _), (_, other, _) = names
    apart = agreement.of - agreement.part
    agreed = f"{one} and {other} read {apart:,} of {drawings(agreement.of)} differently"
    if p is None or log10_e is None or labelled < MIN_LABELS:
        return agreed, f"Fewer than {MIN_LABELS} labels of digits that both know: nothing tells which reads better."
    better, worse = (other, one) if second > first else (one, other)
    most, least = max(first, second), min(first, second)
    counted = (
        f"on {drawings(labelled)} with a label, {times(most)} only {better} was right, {times(least)} only {worse}"
    )
    figures = f"McNemar: {p_value(p)}; {e_value(log10_e)}."
    if log10_e >= math.log10(ENOUGH):
        return f"{better} reads better than {worse}: {counted}", f"{agreed}. {figures}"
    return f"Not shown which of {one} and {other} reads better: {counted}", f"{agreed}. {figures}"
