"""The report's queries: counts as of one moment, so that little data comes back however many rows there are.

A version reads a drawing by answering or as a shadow; both count, but each version only once for each drawing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from itertools import combinations, groupby
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, String, and_, cast, exists, false, func, select, type_coerce

from app.storage.answer_counts import (
    MEASURES,
    AnswerCount,
    Disagreement,
    Double,
    Facts,
    Found,
    Given,
    LeftOut,
    Measure,
    Pair,
    ReadCount,
    Sure,
    Told,
    bin_of,
)
from app.storage.database import Database
from app.storage.drawing_bytes import unpack
from app.storage.tables import labels, results, shadows

NEWEST_TIMED = 50_000
NEWEST_DISAGREEMENTS = 24


def read_facts(
    database: Database, *, timed: int = NEWEST_TIMED, disagreements: int | None = NEWEST_DISAGREEMENTS
) -> Facts:
    """All facts that the report needs. An answer that arrives meanwhile is in none of them.

    Args:
        timed: how many of the newest answers give their latencies.
        disagreements: the most of them to read, with their drawings; None reads no drawing.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    with database.reading(patient=True) as connection:
        _hold_still(connection)
        given, newest, since, until, newest_recipe = _given(connection)
        labelled = _labelled(connection)
        recipe = newest_recipe if labelled.recipe is None else labelled.recipe
        doubles, shadowed, newest_shadows = _doubles(connection, recipe)
        shown: tuple[Disagreement, ...] | None = None if disagreements is None else ()
        if disagreements and any(double.first_prediction != double.second_prediction for double in doubles):
            shown = _disagreements(connection, disagreements)
        return Facts(
            since=since,
            until=until,
            given=given,
            found=_found(connection),
            told=labelled.told,
            read=labelled.read,
            pairs=labelled.pairs,
            doubles=doubles,
            shadowed=shadowed,
            classes=_classes(connection, newest, newest_shadows),
            timings=_timings(connection, timed),
            disagreements=shown,
            sure=labelled.sure,
            recipe=recipe,
            left_out=labelled.left_out,
        )


def _hold_still(connection: Connection) -> None:
    """Fixes the data to one moment until the connection returns to the pool; no writer waits for it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN DEFERRED")  # sqlite3 itself begins for a write only
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


# -- all answers -------------------------------------------------------------------------------------------------------


def _given(
    connection: Connection,
) -> tuple[tuple[Given, ...], dict[str, str], datetime | None, datetime | None, int | None]:
    """The counts, each version's newest identifier, the first and the last time, and the newest recipe."""
    named = (results.c[name] for name in ("model_version", "source", "flag", "variant", "reason"))
    columns = [_day(connection), *named, func.coalesce(results.c.asked, false())]
    ends = (func.min(results.c.created_at), func.max(results.c.created_at), func.max(results.c.recipe))
    query = select(*columns, func.count(), _newest(results.c.id), *ends).group_by(*columns)
    given = []
    newest: dict[str, str] = {}
    times: set[datetime] = set()
    recipes: set[int] = set()
    for row in connection.execute(query):
        day, version, source, flag, variant, reason, asked, count, identifier, since, until, recipe = row
        given.append(Given(date.fromisoformat(day), version, source, flag, variant, reason, bool(asked), count))
        newest[version] = max(identifier, newest.get(version, ""))
        times |= {since, until}
        recipes |= set() if recipe is None else {recipe}
    return tuple(given), newest, min(times, default=None), max(times, default=None), max(recipes, default=None)


def _found(connection: Connection) -> tuple[Found, ...]:
    """Counts of findings: the database counts distinct lists of names, which are few; single names are counted here."""
    day, listed = _day(connection), cast(results.c.findings, String)
    query = select(day, listed, func.count()).where(listed != "[]").group_by(day, listed)
    counts: Counter[tuple[str, str]] = Counter()
    for on, names, count in connection.execute(query):
        for name in set(msgspec.json.decode(names, type=list[str])):
            counts[on, name] += count
    return tuple(Found(date.fromisoformat(on), name, count) for (on, name), count in sorted(counts.items()))


def _timings(connection: Connection, timed: int) -> dict[str, NDArray[np.float64]]:
    columns = (results.c[name] for name in ("model_version", "latency_ms", "waited_ms", "computed_ms"))
    rows = connection.execute(select(*columns).order_by(results.c.id.desc()).limit(timed)).all()
    if not rows:
        return {}
    versions, *stages = zip(*rows, strict=True)
    names, table = np.array(versions), np.array(stages, np.float64).T  # None becomes NaN
    return {str(name): table[names == name] for name in np.unique(names)}


def _classes(
    connection: Connection, newest: dict[str, str], newest_shadows: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for version, identifier in newest_shadows.items():
        is_it = and_(shadows.c.result_id == UUID(identifier), shadows.c.model_version == version)
        found[version] = connection.scalar(select(shadows.c.scores).where(is_it))
    for version, identifier in newest.items():
        found[version] = connection.scalar(select(results.c.scores).where(results.c.id == UUID(identifier)))
    return {version: tuple(sorted(scores or ())) for version, scores in sorted(found.items())}


def _day(connection: Connection) -> ColumnElement[str]:
    """The day in UTC, as YYYY-MM-DD: SQLite keeps times as texts that begin that way."""
    if connection.dialect.name == "sqlite":
        return func.substr(results.c.created_at, 1, 10, type_=String)
    return func.to_char(func.timezone("UTC", results.c.created_at), "YYYY-MM-DD", type_=String)


def _newest(identifier: ColumnElement[UUID]) -> ColumnElement[str]:
    """The newest identifier, as text: PostgreSQL has no max() of UUIDs before version 18, and texts sort alike."""
    return func.max(cast(identifier, String), type_=String)


# -- several versions on one drawing -----------------------------------------------------------------------------------


def _doubles(connection: Connection, recipe: int | None) -> tuple[tuple[Double, ...], dict[str, int], dict[str, str]]:
    """The counts of this recipe; how many drawings each version read as a shadow, and the newest identifier of these.

    The database joins all shadow answers to a drawing into one text, so that each row is visited once.
    """
    text = _as_object(connection, shadows.c.model_version, shadows.c.prediction).label("said")
    said = select(shadows.c.result_id, text).group_by(shadows.c.result_id).subquery()
    columns = (results.c.model_version, results.c.prediction, results.c.recipe, said.c.said)
    query = select(*columns, func.count(), _newest(results.c.id)).select_from(
        results.join(said, said.c.result_id == results.c.id)
    )
    counts: Counter[tuple[str, str, str, str]] = Counter()
    newest: dict[str, str] = {}
    shadowed: Counter[str] = Counter()
    for version, prediction, by, others, count, identifier in connection.execute(query.group_by(*columns)):
        said_by = msgspec.json.decode(others, type=dict[str, str])
        said_by.pop(version, None)
        for name in said_by:
            shadowed[name] += count
            newest[name] = max(identifier, newest.get(name, ""))
        if by not in (None, recipe):
            continue
        for first, second in combinations(sorted([(version, prediction), *said_by.items()]), 2):
            counts[*first, *second] += count
    return tuple(Double(*key, count) for key, count in sorted(counts.items())), dict(shadowed), newest


def _as_object(connection: Connection, key: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[str]:
    """The keys and values of a group as one text of JSON."""
    if connection.dialect.name == "sqlite":
        return func.json_group_object(key, value, type_=String)
    return cast(func.jsonb_object_agg(key, value), String)


class _Labelled(NamedTuple):
    """Counts of labelled drawings; `recipe`: the newest of theirs."""

    told: tuple[Told, ...]
    read: tuple[ReadCount, ...]
    sure: tuple[Sure, ...]
    pairs: tuple[Pair, ...]
    recipe: int | None
    left_out: tuple[LeftOut, ...]


class _Said(NamedTuple):
    """One answer, by one version."""

    version: str
    prediction: str
    confidence: float
    certainty: float | None


class _Counts:
    """Labelled drawings that one recipe, or none, brought to 28x28, counted."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str | None, bool]] = Counter()
        self.read: Counter[tuple[str | None, bool, str, str]] = Counter()
        self.sure: dict[tuple[str | None, bool, str, Measure, int], tuple[int, int, float]] = {}
        self.pairs: Counter[tuple[str | None, bool, str, str, str, str]] = Counter()

    def add(self, label: str | None, asked: bool, answers: Sequence[_Said]) -> None:
        """Counts one drawing, and each version's answer."""
        self.told[label, asked] += 1
        for version, prediction, confidence, certainty in answers:
            self.read[label, asked, version, prediction] += 1
            for measure, share in zip(MEASURES, (confidence, certainty), strict=True):
                if share is not None:
                    key = (label, asked, version, measure, bin_of(share))
                    n, right, total = self.sure.get(key, (0, 0, 0.0))
                    self.sure[key] = (n + 1, right + (prediction == label), total + share)
        said = sorted((answer.version, answer.prediction) for answer in answers)
        for (first, by_first), (second, by_second) in combinations(said, 2):
            self.pairs[label, asked, first, by_first, second, by_second] += 1

    def add_all(self, other: _Counts) -> None:
        """Adds `other`'s counts, except what people said."""
        self.read += other.read
        self.pairs += other.pairs
        for key, sums in other.sure.items():
            n, right, total = self.sure.get(key, (0, 0, 0.0))
            self.sure[key] = (n + sums[0], right + sums[1], total + sums[2])


def _labelled(connection: Connection) -> _Labelled:
    """Counts labelled drawings. Rows come drawing by drawing and are counted here: three grouped joins in the database
    would take twice as long.

    A version that reads better with one recipe may read worse with the next: only the newest recipe counts.
    """
    names = ("model_version", "prediction", "confidence", "certainty")
    is_other = and_(shadows.c.result_id == results.c.id, shadows.c.model_version != results.c.model_version)
    asked_or_not = func.coalesce(results.c.asked, false())
    drawing = (type_coerce(labels.c.result_id, String), labels.c.label, asked_or_not, results.c.recipe)
    query = (
        select(*drawing, *(table.c[name] for table in (results, shadows) for name in names))
        .select_from(labels.join(results, results.c.id == labels.c.result_id).outerjoin(shadows, is_other))
        .order_by(labels.c.result_id)
        .execution_options(yield_per=1000)  # PostgreSQL sends no more at a time either
    )
    by_recipe: defaultdict[int | None, _Counts] = defaultdict(_Counts)
    for (_, label, asked, recipe), rows in groupby(connection.execute(query), key=lambda row: row[:4]):
        parts = list(rows)
        answers = [_Said(*parts[0][4:8]), *(_Said(*row[8:]) for row in parts if row[8] is not None)]
        by_recipe[recipe].add(label, bool(asked), answers)
    newest = max((recipe for recipe in by_recipe if recipe is not None), default=None)
    counted, told = _Counts(), Counter[tuple[str | None, bool]]()
    left_out: Counter[tuple[int, bool]] = Counter()
    for recipe, counts in by_recipe.items():
        told += counts.told
        if recipe is None or recipe == newest:
            counted.add_all(counts)
            continue
        for (_, asked), n in counts.told.items():
            left_out[recipe, asked] += n
    return _Labelled(
        told=tuple(Told(*key, n) for key, n in told.items()),
        read=tuple(ReadCount(*key, n) for key, n in counted.read.items()),
        sure=tuple(Sure(*key, *sums) for key, sums in counted.sure.items()),
        pairs=tuple(Pair(*key, n) for key, n in counted.pairs.items()),
        recipe=newest,
        left_out=tuple(LeftOut(*key, n) for key, n in sorted(left_out.items())),
    )


def _disagreements(connection: Connection, limit: int) -> tuple[Disagreement, ...]:
    differs = exists().where(shadows.c.result_id == results.c.id, shadows.c.prediction != results.c.prediction)
    said_by = ("model_version", "prediction", "confidence", "certainty")
    columns = (results.c[name] for name in ("id", "created_at", "pixels", *said_by))
    drawings = select(*columns).where(results.c.pixels.is_not(None), differs).order_by(results.c.id.desc())
    rows = connection.execute(drawings.limit(limit)).all()
    ids = [row.id for row in rows]
    answers = {row.id: [AnswerCount(*(getattr(row, name) for name in said_by))] for row in rows}
    columns = (shadows.c[name] for name in ("result_id", *said_by))
    others = select(*columns).where(shadows.c.result_id.in_(ids)).order_by(shadows.c.model_version)
    for identifier, *answer in connection.execute(others):
        answers[identifier].append(AnswerCount(*answer))
    told = select(labels.c.result_id, labels.c.label).where(labels.c.result_id.in_(ids))
    said = {row.result_id: row.label for row in connection.execute(told)}
    return tuple(
        Disagreement(
            row.id, row.created_at, unpack(row.pixels), tuple(answers[row.id]), row.id in said, said.get(row.id)
        )
        for row in rows
    )
