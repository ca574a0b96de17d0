"""What the report asks: each count against a plain recount of all rows, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import event, func, insert, select, update

from app.drawing.normalise import RECIPE
from app.storage import report_queries as analytics
from app.storage.answer_counts import EDGES, Double, Facts, LeftOut, Pair, bin_of
from app.storage.database import Database
from app.storage.drawing_bytes import unpack
from app.storage.identifiers import lowest_id
from app.storage.migrate import upgrade
from app.storage.report_queries import read_facts
from app.storage.result_rows import Result, Store
from app.storage.tables import labels, results, shadows
from tests.report.filled import fill
from tests.storage.conftest import Make

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Rows:
    """All rows as Python objects, and each drawing's readings: version -> (prediction, confidence, certainty)."""

    def __init__(self, database: Database) -> None:
        with database.reading() as connection:
            self.results = connection.execute(select(results).order_by(results.c.id)).all()
            self.shadows = connection.execute(select(shadows)).all()
            self.labels = {row.result_id: row.label for row in connection.execute(select(labels))}
        self.by_id = {row.id: row for row in self.results}
        self.readings: dict[UUID, dict[str, tuple[str, float, float | None]]] = {
            row.id: {row.model_version: (row.prediction, row.confidence, row.certainty)} for row in self.results
        }
        for row in self.shadows:
            said = (row.prediction, row.confidence, row.certainty)
            self.readings[row.result_id].setdefault(row.model_version, said)

    def labelled(
        self, *, recipe: int = RECIPE
    ) -> Iterator[tuple[str | None, bool, dict[str, tuple[str, float, float | None]]]]:
        """Those of this recipe, or of none."""
        for identifier, label in self.labels.items():
            if self.by_id[identifier].recipe in (None, recipe):
                yield label, bool(self.by_id[identifier].asked), self.readings[identifier]


def counted(rows: Any, *, without: tuple[str, ...] = ()) -> Counter[tuple[Any, ...]]:
    """What the facts say, by all but their count."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        key = tuple(value for name, value in row._asdict().items() if name not in ("n", *without))
        assert key not in counts, "two counts of the same"
        counts[key] = row.n
    return counts


@pytest.fixture
def random_rows(database: Database) -> tuple[Facts, Rows]:
    fill(database, 700, seed=3, days=4, before=300)
    return read_facts(database), Rows(database)


def add_shadow(database: Database, result: Result, version: str, prediction: str, confidence: float = 0.5) -> None:
    with database.writing() as connection:
        scores = dict.fromkeys("0123456789", 0.1)
        connection.execute(
            insert(shadows).values(
                result_id=result.id,
                model_version=version,
                model_sha256="cd" * 32,
                created_at=NOW,
                prediction=prediction,
                confidence=confidence,
                scores=scores,
            )
        )


def add_label(database: Database, result: Result, label: str | None) -> None:
    with database.writing() as connection:
        values = {"result_id": result.id, "label": label, "owner": "o", "created_at": NOW, "updated_at": NOW}
        connection.execute(insert(labels).values(values))


# -- against a plain recount -------------------------------------------------------------------------------------------


def test_answers_are_counted_by_all_that_they_are_told_apart_by(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected = Counter(
        (row.created_at.date(), row.model_version, row.source, row.flag, row.variant, row.reason, bool(row.asked))
        for row in rows.results
    )
    assert counted(facts.given) == expected
    assert (facts.since, facts.until) == (rows.results[0].created_at, rows.results[-1].created_at)


def test_findings_are_counted_by_day(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected = Counter((row.created_at.date(), name) for row in rows.results for name in row.findings)
    assert counted(facts.found) == expected
    assert len({found.finding for found in facts.found}) == 4


def test_labels_are_counted_once_for_each_drawing(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    said = Counter((label, bool(rows.by_id[identifier].asked)) for identifier, label in rows.labels.items())
    assert counted(facts.told) == said
    assert sum(told.n for told in facts.told) == len(rows.labels)


def test_readings_of_labelled_drawings_are_counted_by_version(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected = Counter(
        (label, asked, version, prediction)
        for label, asked, readings in rows.labelled()
        for version, (prediction, _, _) in readings.items()
    )
    assert counted(facts.read) == expected


def test_how_sure_versions_were_is_counted_by_measure_and_by_bin_and_never_mixed(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected, right, totals = Counter(), Counter(), Counter()
    for label, asked, readings in rows.labelled():
        for version, (prediction, confidence, certainty) in readings.items():
            for measure, share in (("confidence", confidence), ("certainty", certainty)):
                if share is not None:
                    key = (label, asked, version, measure, np.searchsorted(EDGES[1:-1], share, "right"))
                    expected[key] += 1
                    right[key] += prediction == label
                    totals[key] += share
    assert counted(facts.sure, without=("right", "total")) == expected
    for sure in facts.sure:
        assert (sure.right, sure.total) == (right[sure[:5]], pytest.approx(totals[sure[:5]]))
    measured = {version: {one.measure for one in facts.sure if one.version == version} for version in facts.classes}
    assert measured == {"v1.0": {"confidence"}, "v1.1": {"confidence"}, "v2.0": {"confidence", "certainty"}}


def test_labelled_drawings_of_an_older_recipe_are_left_out_and_counted(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    old = Counter(bool(rows.by_id[one].asked) for one in rows.labels if rows.by_id[one].recipe == 1)
    assert facts.recipe == RECIPE == 2
    assert set(facts.left_out) == {LeftOut(1, asked, n) for asked, n in old.items()}
    assert len(old) == 2


def test_pairs_are_counted_on_every_labelled_drawing_that_two_versions_read(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected: Counter[tuple[Any, ...]] = Counter()
    for label, asked, readings in rows.labelled():
        for first, second in combinations(sorted(readings), 2):
            expected[label, asked, first, readings[first][0], second, readings[second][0]] += 1
    assert counted(facts.pairs) == expected
    assert {(pair.first, pair.second) for pair in facts.pairs} == {("v1.0", "v1.1"), ("v1.0", "v2.0"), ("v1.1", "v2.0")}


def test_doubles_are_counted_on_every_drawing_that_two_versions_read(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected: Counter[tuple[Any, ...]] = Counter()
    for identifier, readings in rows.readings.items():
        if rows.by_id[identifier].recipe == 1:
            continue
        for first, second in combinations(sorted(readings), 2):
            expected[first, readings[first][0], second, readings[second][0]] += 1
    assert counted(facts.doubles) == expected
    assert facts.shadowed == Counter(row.model_version for row in rows.shadows)


def test_the_classes_of_a_version_are_those_of_its_scores(random_rows: tuple[Facts, Rows]):
    facts, _ = random_rows
    nine = tuple("123456789")
    assert facts.classes == {"v1.0": nine, "v1.1": nine, "v2.0": tuple("0123456789")}


def test_timings_are_those_of_the_newest_answers(random_rows: tuple[Facts, Rows], database: Database):
    facts, rows = random_rows
    for timings, newest in (
        (facts.timings, rows.results),
        (read_facts(database, timed=100).timings, rows.results[-100:]),
    ):
        assert sum(map(len, timings.values())) == len(newest)
        for version, table in timings.items():
            of_version = [row for row in reversed(newest) if row.model_version == version]
            expected = [[row.latency_ms, row.waited_ms, row.computed_ms] for row in of_version]
            np.testing.assert_allclose(table, np.array(expected, np.float64))
    assert np.isnan(np.concatenate(list(facts.timings.values()))).any(), "older rows have no stages"


def test_disagreements_are_the_newest_drawings_that_were_read_differently(random_rows: tuple[Facts, Rows]):
    facts, rows = random_rows
    expected = [
        row
        for row in reversed(rows.results)
        if row.pixels is not None and len({prediction for prediction, *_ in rows.readings[row.id].values()}) > 1
    ][:24]
    assert [one.id for one in facts.disagreements] == [row.id for row in expected]
    for one, row in zip(facts.disagreements, expected, strict=True):
        assert (one.created_at, one.pixels) == (row.created_at, unpack(row.pixels))
        assert one.answers[0] == (row.model_version, row.prediction, row.confidence, row.certainty)
        said = {version: reading[:3] for version, reading in rows.readings[row.id].items()}
        assert {answer.version: answer[1:] for answer in one.answers} == said
        assert (one.is_labelled, one.label) == (row.id in rows.labels, rows.labels.get(row.id))
    assert {one.is_labelled for one in facts.disagreements} == {True, False}


# -- edges -------------------------------------------------------------------------------------------------------------


def test_an_empty_database_has_no_facts(database: Database):
    assert read_facts(database) == Facts(None, None, (), (), (), (), (), (), {}, {}, {}, ())


def test_a_version_counts_once_for_a_drawing_that_it_answered_and_shadowed(database: Database, make: Make):
    result = make()
    Store(database).add([result])
    add_shadow(database, result, result.model_version, "1")
    add_shadow(database, result, "v2.0", "1")
    add_label(database, result, "7")
    facts = read_facts(database)
    assert [(read.version, read.prediction, read.n) for read in facts.read] == [("v1.0", "7", 1), ("v2.0", "1", 1)]
    assert [pair[2:] for pair in facts.pairs] == [("v1.0", "7", "v2.0", "1", 1)]
    assert facts.doubles == (("v1.0", "7", "v2.0", "1", 1),)
    assert facts.shadowed == {"v2.0": 1}


def test_a_version_that_was_never_asked_has_its_classes_from_its_shadows(database: Database, make: Make):
    result = make()
    Store(database).add([result])
    add_shadow(database, result, "v2.0", "0")
    assert read_facts(database).classes == {"v1.0": ("1", "7"), "v2.0": tuple("0123456789")}


def test_classes_are_those_of_the_newest_answer(database: Database, make: Make):
    Store(database).add([make(scores={"1": 1.0}), make(scores={"2": 1.0}), make(scores={"3": 1.0, "4": 0.0})])
    assert read_facts(database).classes == {"v1.0": ("3", "4")}


def test_answers_from_before_there_was_asking_count_as_not_asked(database: Database, make: Make):
    results_ = [make(), make(asked=True)]
    Store(database).add(results_)
    with database.writing() as connection:
        connection.execute(update(results).where(results.c.id == results_[0].id).values(asked=None))
    for result in results_:
        add_label(database, result, "7")
    facts = read_facts(database)
    assert sorted((given.asked, given.n) for given in facts.given) == [(False, 1), (True, 1)]
    assert sorted((told.asked, told.n) for told in facts.told) == [(False, 1), (True, 1)]


def test_a_day_is_one_of_utc(database: Database, make: Make):
    """The server of these tests is in Kathmandu, five hours and three quarters ahead."""
    moments = [datetime(2026, 2, 3, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 4, 0, 0, tzinfo=UTC)]
    Store(database).add([make(id=lowest_id(moment)) for moment in moments])
    facts = read_facts(database)
    days = [date(2026, 2, 3), date(2026, 2, 4)]
    assert sorted(given.day for given in facts.given) == days
    assert [found.day for found in facts.found] == days
    assert (facts.since, facts.until) == tuple(moments)


def test_a_finding_counts_once_for_a_drawing(database: Database, make: Make):
    Store(database).add([make(findings=("blank", "blank", "faint")), make(findings=()), make(findings=("faint",))])
    assert [(found.finding, found.n) for found in read_facts(database).found] == [("blank", 1), ("faint", 2)]


@pytest.mark.parametrize(("share", "place"), [(0, 0), (0.4999, 0), (0.5, 1), (0.9, 3), (0.9899, 5), (0.999, 8), (1, 8)])
def test_a_share_on_an_edge_is_in_the_upper_bin_and_1_in_the_last(share: float, place: int):
    assert bin_of(share) == place
    assert len(EDGES) == 10


def test_the_recipe_is_the_newest_of_labelled_drawings_and_without_any_of_all(database: Database, make: Make):
    """A recipe of which nobody said anything yet would leave a report without a verdict."""
    ready, first, second = make(), make(recipe=1), make(recipe=2)
    Store(database).add([ready, first, second])
    for result in (ready, first, second):
        add_shadow(database, result, "v2.0", "1")
    pair = Pair("7", False, "v1.0", "7", "v2.0", "1", 1)
    expected = [(None, 2, 2, ()), (ready, 2, 2, ()), (first, 1, 2, ()), (second, 2, 2, (LeftOut(1, False, 1),))]
    for labelled, recipe, agreed, left_out in expected:
        if labelled is not None:
            add_label(database, labelled, "7")
        facts = read_facts(database)
        assert (facts.recipe, facts.left_out) == (recipe, left_out)
        assert facts.doubles == (Double("v1.0", "7", "v2.0", "1", agreed),)
    assert facts.pairs == (pair._replace(n=2),)
    assert [told.n for told in facts.told] == [3]


def test_where_nothing_was_drawn_there_is_no_recipe_and_all_counts(database: Database, make: Make):
    result = make()
    Store(database).add([result])
    add_label(database, result, "7")
    facts = read_facts(database)
    assert (facts.recipe, facts.left_out, len(facts.read)) == (None, (), 1)


def test_texts_of_any_kind_come_back_as_they_are(database: Database, make: Make):
    version, flag = 'v1"\\</script>{}\u2028é', "it's; DROP TABLE results --"
    result = make(model_version=version, flag=flag, variant='"', findings=('a"]', "<b>"))
    Store(database).add([result])
    add_shadow(database, result, "'\"other\\", "1")
    facts = read_facts(database)
    assert (facts.given[0].version, facts.given[0].flag, facts.given[0].variant) == (version, flag, '"')
    assert {found.finding for found in facts.found} == {'a"]', "<b>"}
    assert {facts.doubles[0].first, facts.doubles[0].second} == {version, "'\"other\\"}


def test_drawings_that_were_deleted_are_not_shown(database: Database, make: Make):
    kept, deleted = make(), make(pixels=None)
    Store(database).add([kept, deleted])
    for result in (kept, deleted):
        add_shadow(database, result, "v2.0", "1")
    assert [one.id for one in read_facts(database).disagreements] == [kept.id]


def test_at_most_so_many_disagreements_are_read(database: Database, make: Make):
    made = [make() for _ in range(5)]
    Store(database).add(made)
    for result in made:
        add_shadow(database, result, "v2.0", "1")
        add_shadow(database, result, "v3.0", "2")
    found = read_facts(database, disagreements=2).disagreements
    assert [one.id for one in found] == [made[4].id, made[3].id]
    assert [len(one.answers) for one in found] == [3, 3]


def test_no_drawing_is_read_for_those_who_are_shown_none(database: Database, make: Make):
    result = make()
    Store(database).add([result])
    add_shadow(database, result, "v2.0", "1")
    asked: list[str] = []
    event.listen(database.patient, "before_cursor_execute", lambda *given: asked.append(given[2]))
    facts = read_facts(database, disagreements=None)
    assert facts.disagreements is None
    assert len(asked) > 5 and not [statement for statement in asked if "pixels" in statement]
    assert read_facts(database)._replace(disagreements=None, timings={}) == facts._replace(timings={})
    assert [statement for statement in asked if "pixels" in statement]


def test_what_is_stored_meanwhile_is_in_none_of_it(database: Database, make: Make):
    store = Store(database)
    store.add([make()])
    count = select(func.count()).select_from(results)
    with database.reading() as connection:
        analytics._hold_still(connection)
        assert connection.scalar(count) == 1
        store.add([make(), make()])  # and does not wait
        assert connection.scalar(count) == 1
    with database.reading() as connection:
        assert connection.scalar(count) == 3


def test_the_report_is_a_reader_only(database: Database, make: Make):
    Store(database).add([make()])
    read_facts(database)
    with database.writing() as connection:  # no transaction was left open
        connection.execute(update(results).values(source="page"))
    assert read_facts(database).given[0].source == "page"


@pytest.mark.long
def test_100_000_answers_are_counted_by_the_database(tmp_path: Path):
    """What comes out grows by days and versions, not by answers; benchmarks/analytics.py has how long it takes."""
    counts = {}
    for answers in (20_000, 100_000):
        database = Database(f"sqlite:///{answers}.db", root=tmp_path)
        upgrade(database)
        fill(database, answers)
        facts = read_facts(database)
        database.close()
        assert sum(given.n for given in facts.given) == answers
        assert facts.until is not None and facts.since is not None and facts.until - facts.since > timedelta(days=50)
        counts[answers] = sum(map(len, (facts.given, facts.found, facts.told, facts.read, facts.pairs, facts.doubles)))
    assert counts[100_000] < 2 * counts[20_000], counts
