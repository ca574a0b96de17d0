"""From the counts of the database to the figures of the report. Pure functions: equal facts give equal reports."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from app.report.report_data import (
    Choice,
    ClassFigures,
    Comparison,
    Confusions,
    Day,
    Dispute,
    LabelCounts,
    Latency,
    LeftOut,
    Paired,
    Report,
    Said,
    Sample,
    VersionFigures,
)
from app.report.statistics import (
    MIN_LABELS,
    Calibration,
    calibration,
    chance_of_a_win,
    log_e_value,
    mcnemar,
    percentiles,
    share,
)
from app.report.verdict import judge, nothing_to_compare
from app.storage.answer_counts import EDGES, Disagreement, Facts, Measure, Pair, ReadCount, Sure

DAYS = 90
"""Number of days shown, the newest ones."""
FAILED = "ERROR"
"""OpenFeature's reason when a flag could not be evaluated and its default was used."""


def evaluate(facts: Facts, *, default: str, made_at: datetime) -> Report:
    """The whole report.

    Args:
        default: the version that the others are compared with; if it read nothing, the version that read most.
        made_at: now, with a time zone.
    """
    answers: Counter[str] = Counter()
    for given in facts.given:
        answers[given.version] += given.n
    base = _base(facts, answers, default)
    names = sorted(facts.classes, key=lambda name: (name != base, name))
    known = [set(facts.classes[name]) for name in names]
    common = set.intersection(*known) if known else set()
    comparisons = tuple(_compare(facts, base, name) for name in names if base is not None and name != base)
    return Report(
        made_at=made_at,
        since=facts.since,
        until=facts.until,
        answers=answers.total(),
        base=base,
        recipe=facts.recipe,
        left_out=_left_out(facts),
        verdicts=tuple(judge(str(base), one.challenger, one.asked) for one in comparisons)
        or (nothing_to_compare(names),),
        asked=_labelled(facts, asked=True),
        volunteered=_labelled(facts, asked=False),
        versions=tuple(_version(facts, name, common) for name in names),
        comparisons=comparisons,
        disputes=None if facts.disagreements is None else tuple(map(_dispute, facts.disagreements)),
        choices=_choices(facts),
        days=_days(facts),
    )


def _base(facts: Facts, answers: Counter[str], default: str) -> str | None:
    if default in facts.classes or not facts.classes:
        return default if default in facts.classes else None
    return max(sorted(facts.classes), key=lambda name: answers[name] + facts.shadowed.get(name, 0))


# -- labels ------------------------------------------------------------------------------------------------------------


def _labelled(facts: Facts, *, asked: bool) -> LabelCounts:
    told = [row for row in facts.told if row.asked == asked]
    given = sum(row.n for row in facts.given if row.asked == asked)
    return LabelCounts(share(sum(row.n for row in told), given), sum(row.n for row in told if row.label is None))


def _left_out(facts: Facts) -> tuple[LeftOut, ...]:
    counts: defaultdict[int, Counter[bool]] = defaultdict(Counter)
    for row in facts.left_out:
        counts[row.recipe][row.asked] += row.n
    return tuple(LeftOut(recipe, n[True], n[False]) for recipe, n in sorted(counts.items(), reverse=True))


def _version(facts: Facts, name: str, common: Collection[str]) -> VersionFigures:
    sources: Counter[str] = Counter()
    for given in facts.given:
        if given.version == name:
            sources[given.source] += given.n
    rows = [row for row in facts.read if row.version == name]
    sure = [row for row in facts.sure if row.version == name and row.label in facts.classes[name]]
    classes = facts.classes[name]
    timings = facts.timings.get(name, np.empty((0, 3)))
    return VersionFigures(
        name=name,
        classes=classes,
        answers=sources.total(),
        sources=dict(sorted(sources.items())),
        shadowed=facts.shadowed.get(name, 0),
        asked=_sample(*_only(rows, sure, asked=True), classes, common),
        volunteered=_sample(*_only(rows, sure, asked=False), classes, common),
        latency=Latency(*(percentiles(timings[:, stage]) for stage in range(3))),
    )


def _only(rows: Sequence[ReadCount], sure: Sequence[Sure], *, asked: bool) -> tuple[list[ReadCount], list[Sure]]:
    return [row for row in rows if row.asked == asked], [row for row in sure if row.asked == asked]


def _sample(rows: Sequence[ReadCount], sure: Sequence[Sure], classes: Sequence[str], common: Collection[str]) -> Sample:
    known = [row for row in rows if row.label in classes]
    shared = [row for row in known if row.label in common]
    return Sample(
        accuracy=share(_right(known), _sum(known), least=MIN_LABELS),
        common=share(_right(shared), _sum(shared), least=MIN_LABELS),
        classes=tuple(_class(label, known) for label in classes),
        confusions=_confusions(rows, classes, common),
        calibration=_calibration(sure, "confidence"),
        certainty=_calibration(sure, "certainty") if any(row.measure == "certainty" for row in sure) else None,
    )


def _class(label: str, known: Sequence[ReadCount]) -> ClassFigures:
    drawn = [row for row in known if row.label == label]
    said = [row for row in known if row.prediction == label]
    found = _right(drawn)
    recall, precision = (share(found, _sum(rows), least=MIN_LABELS) for rows in (drawn, said))
    return ClassFigures(label, recall, precision)


def _confusions(rows: Sequence[ReadCount], classes: Sequence[str], common: Collection[str]) -> tuple[Confusions, ...]:
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.label][row.prediction] += row.n
    order = {"common": 0, "own": 1, "withheld": 2, "not a digit": 3}
    found = [
        Confusions(
            label,
            "not a digit"
            if label is None
            else "common"
            if label in common
            else "own"
            if label in classes
            else "withheld",
            dict(sorted(read_as.items())),
        )
        for label, read_as in counts.items()
    ]
    return tuple(sorted(found, key=lambda one: (order[one.kind], one.label or "")))


def _calibration(sure: Sequence[Sure], measure: Measure) -> Calibration:
    """The calibration of one measure: a curve that mixed two would be meaningless."""
    bins: list[tuple[int, int, float]] = []
    for place in range(len(EDGES) - 1):
        rows = [row for row in sure if row.measure == measure and row.bin == place]
        bins.append((sum(row.n for row in rows), sum(row.right for row in rows), math.fsum(row.total for row in rows)))
    return calibration(bins, EDGES)


def _sum(rows: Iterable[ReadCount]) -> int:
    return sum(row.n for row in rows)


def _right(rows: Iterable[ReadCount]) -> int:
    return sum(row.n for row in rows if row.prediction == row.label)


# -- two versions ------------------------------------------------------------------------------------------------------


def _compare(facts: Facts, base: str, challenger: str) -> Comparison:
    both = (base, challenger)
    classes = sorted(set(facts.classes[base]) & set(facts.classes[challenger]))
    pairs = [row for row in facts.pairs if row.label in classes and {row.first, row.second} == set(both)]
    doubles = [row for row in facts.doubles if {row.first, row.second} == set(both)]
    differ = [row for row in doubles if row.first_prediction != row.second_prediction]
    total = sum(row.n for row in doubles)
    return Comparison(
        challenger=challenger,
        classes=tuple(classes),
        asked=_paired([row for row in pairs if row.asked], challenger),
        volunteered=_paired([row for row in pairs if not row.asked], challenger),
        agreement=share(total - sum(row.n for row in differ), total, least=MIN_LABELS),
        untaught=sum(row.n for row in differ if not {row.first_prediction, row.second_prediction} <= set(classes)),
    )


def _paired(pairs: Iterable[Pair], challenger: str) -> Paired:
    counts: Counter[tuple[bool, bool]] = Counter()
    for row in pairs:
        right = (row.first_prediction == row.label, row.second_prediction == row.label)
        counts[right if row.first == challenger else (right[1], right[0])] += row.n
    wins, losses = counts[True, False], counts[False, True]
    low, high = chance_of_a_win(wins, losses)
    return Paired(
        n=counts.total(),
        both_right=counts[True, True],
        wins=wins,
        losses=losses,
        both_wrong=counts[False, False],
        p=mcnemar(wins, losses),
        log10_e=log_e_value(wins, losses) / math.log(10),
        low=low,
        high=high,
    )


def _dispute(one: Disagreement) -> Dispute:
    answers = tuple(Said(*answer) for answer in one.answers)
    return Dispute(one.id, one.created_at, one.pixels, answers, one.is_labelled, one.label)


# -- all answers -------------------------------------------------------------------------------------------------------


def _choices(facts: Facts) -> tuple[Choice, ...]:
    counts: Counter[tuple[str | None, str | None, str | None]] = Counter()
    for given in facts.given:
        counts[given.flag, given.variant, given.reason] += given.n
    order = sorted(counts.items(), key=lambda item: tuple(part or "" for part in item[0]))
    return tuple(Choice(*key, n) for key, n in order)


def _days(facts: Facts) -> tuple[Day, ...]:
    """Days up to that of the newest answer, including days without any."""
    if not facts.given:
        return ()
    answers: dict[date, Counter[str]] = defaultdict(Counter)
    errors: Counter[date] = Counter()
    findings: dict[date, Counter[str]] = defaultdict(Counter)
    for given in facts.given:
        answers[given.day][given.version] += given.n
        errors[given.day] += given.n if given.reason == FAILED else 0
    for found in facts.found:
        findings[found.day][found.finding] += found.n
    newest = max(answers)
    count = min(DAYS, (newest - min(answers)).days + 1)
    days = [newest - timedelta(days=age) for age in reversed(range(count))]
    return tuple(
        Day(day, dict(sorted(answers[day].items())), errors[day], dict(sorted(findings[day].items()))) for day in days
    )
