"""From rows to figures: against a plain recount of the rows, and what is never added up."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date

import msgspec
import numpy as np
import pytest
from sqlalchemy import select, update

from app.report.evaluation import DAYS, evaluate
from app.report.report_data import Report, Share
from app.storage.answer_counts import Double, Facts, Found, Given, LeftOut, Measure, Pair, ReadCount, Sure, Told, bin_of
from app.storage.database import Database
from app.storage.tables import labels, results, shadows
from tests.report.conftest import NOW, Filled, report_of
from tests.report.filled import NINE, TEN, VERSIONS, Version

NOTHING = Facts(None, None, (), (), (), (), (), (), {}, {}, {}, ())
DAY = date(2026, 3, 1)


def of(facts: Facts, default: str = "v1.0") -> Report:
    return evaluate(facts, default=default, made_at=NOW)


def given(version: str = "v1.0", *, n: int = 1, day: date = DAY, reason: str | None = None) -> Given:
    return Given(day, version, "page", "model-version", version, reason, False, n)


def read(label: str | None, prediction: str, n: int, *, version: str = "v1.0", asked: bool = True) -> ReadCount:
    return ReadCount(label, asked, version, prediction, n)


def sure(share: float, n: int, *, measure: Measure = "confidence", right: int = 0, label: str | None = "1") -> Sure:
    return Sure(label, True, "v1.0", measure, bin_of(share), n, right, share * n)


def counts(share: Share) -> tuple[int, int]:
    return share.part, share.of


class Recount:
    """Each labelled drawing's label, whether its maker was asked, and version -> prediction."""

    def __init__(self, database: Database) -> None:
        with database.reading() as connection:
            told = {row.result_id: row.label for row in connection.execute(select(labels))}
            rows = connection.execute(select(results)).all()
            self.drawings = {row.id: (told[row.id], row.asked, {row.model_version: row.prediction})
                             for row in rows if row.id in told}  # fmt: skip
            for row in connection.execute(select(shadows)):
                if row.result_id in self.drawings:
                    self.drawings[row.result_id][2][row.model_version] = row.prediction

    def of(self, version: str, *, asked: bool) -> list[tuple[str | None, str]]:
        """(label, prediction) of all that this version read."""
        return [
            (label, said[version]) for label, is_asked, said in self.drawings.values()
            if is_asked == asked and version in said
        ]  # fmt: skip


# -- against a plain recount -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 30, 3000])
def test_every_figure_of_labelled_drawings_is_a_plain_recount(filled: Filled, count: int):
    database = filled(count, seed=2)
    report, recount = report_of(database), Recount(database)
    assert len(report.versions) == (3 if count else 0)
    for version in report.versions:
        for asked, sample in ((True, version.asked), (False, version.volunteered)):
            rows = recount.of(version.name, asked=asked)
            known = [(label, said) for label, said in rows if label in version.classes]
            assert counts(sample.accuracy) == (sum(label == said for label, said in known), len(known))
            common = [(label, said) for label, said in known if label != "0"]
            assert counts(sample.common) == (sum(label == said for label, said in common), len(common))
            for one in sample.classes:
                right = sum(label == said == one.label for label, said in known)
                assert counts(one.recall) == (right, sum(label == one.label for label, _ in known))
                assert counts(one.precision) == (right, sum(said == one.label for _, said in known))
            confused = {(row.label, name): n for row in sample.confusions for name, n in row.read_as.items()}
            assert confused == Counter(rows)
            assert sample.calibration.n == len(known)
            is_measured = version.name == "v2.0" and known
            assert (sample.certainty and sample.certainty.n) == (len(known) if is_measured else None)


def test_pairs_are_a_plain_recount_on_the_classes_that_both_know(filled: Filled):
    database = filled(3000, seed=2)
    report, recount = report_of(database, "v1.1"), Recount(database)
    assert [one.challenger for one in report.comparisons] == ["v1.0", "v2.0"]
    for one in report.comparisons:
        assert one.classes == NINE
        for asked, pair in ((True, one.asked), (False, one.volunteered)):
            outcomes = Counter(
                (said[one.challenger] == label, said["v1.1"] == label)
                for label, is_asked, said in recount.drawings.values()
                if is_asked == asked and label in NINE and {one.challenger, "v1.1"} <= said.keys()
            )
            assert (pair.both_right, pair.wins, pair.losses, pair.both_wrong) == (
                *(outcomes[True, True], outcomes[True, False]),
                *(outcomes[False, True], outcomes[False, False]),
            )
            assert pair.n == outcomes.total()


@pytest.mark.long
def test_of_100_000_answers_the_accuracies_are_the_true_ones_and_the_verdicts_are_right(large: Database):
    report = report_of(large)
    for version in report.versions:
        truth = VERSIONS[version.name].accuracy
        accuracy = version.asked.accuracy
        assert accuracy.value == pytest.approx(truth, abs=3 * math.sqrt(truth * (1 - truth) / accuracy.of))
        assert version.volunteered.accuracy.value is not None
        assert version.volunteered.accuracy.value < truth - 0.02, "complaints"
    assert [verdict.outcome for verdict in report.verdicts] == ["better", "better"]
    assert report.answers == 100_000


# -- what is never added up --------------------------------------------------------------------------------------------


def test_withheld_classes_and_what_is_no_digit_are_in_no_accuracy_and_have_rows_of_their_own():
    rows = (read("1", "1", 30), read("0", "8", 50), read(None, "5", 60), read("2", "1", 10))
    said = (sure(0.9, 30, label="1"), sure(0.9, 50, label="0"), sure(0.9, 60, label=None), sure(0.9, 10, label="2"))
    facts = NOTHING._replace(read=rows, sure=said, given=(given(n=150),), classes={"v1.0": NINE})
    (version,) = of(facts).versions
    assert counts(version.asked.accuracy) == (30, 40)
    assert version.asked.calibration.n == 40
    assert {one.label: counts(one.precision) for one in version.asked.classes if one.precision.of} == {"1": (30, 40)}
    kinds = [(row.label, row.kind, row.read_as) for row in version.asked.confusions]
    assert kinds == [
        ("1", "common", {"1": 30}),
        ("2", "common", {"1": 10}),
        ("0", "withheld", {"8": 50}),
        (None, "not a digit", {"5": 60}),
    ]


def test_a_class_that_only_one_version_knows_is_in_its_accuracy_and_in_no_comparison():
    rows = [read("0", "0", 40, version="v2.0"), read("1", "1", 30, version="v2.0"), read("0", "8", 40)]
    pairs = (Pair("0", True, "v1.0", "8", "v2.0", "0", 40), Pair("1", True, "v1.0", "2", "v2.0", "1", 3))
    facts = NOTHING._replace(read=tuple(rows), pairs=pairs, given=(given(n=70),), classes={"v1.0": NINE, "v2.0": TEN})
    report = of(facts)
    newer = report.versions[1]
    assert counts(newer.asked.accuracy) == (70, 70)
    assert counts(newer.asked.common) == (30, 30)
    assert [row.kind for row in newer.asked.confusions] == ["common", "own"]
    (comparison,) = report.comparisons
    assert (comparison.asked.wins, comparison.asked.n) == (3, 3)


def test_asked_and_volunteered_labels_are_kept_apart():
    rows = (read("1", "1", 30), read("1", "2", 90, asked=False))
    told = (Told("1", True, 30), Told("1", False, 88), Told(None, False, 2))
    answers = (given(n=900), given(n=100)._replace(asked=True))
    report = of(NOTHING._replace(read=rows, told=told, given=answers, classes={"v1.0": NINE}))
    (version,) = report.versions
    assert (counts(version.asked.accuracy), counts(version.volunteered.accuracy)) == ((30, 30), (0, 90))
    assert (counts(report.asked.labels), counts(report.volunteered.labels)) == ((30, 100), (90, 900))
    assert (report.asked.not_a_digit, report.volunteered.not_a_digit) == (0, 2)


def test_complaints_would_condemn_the_version_that_answers_and_the_verdict_does_not_listen(filled: Filled):
    """Two equally accurate versions, one of which answers nearly always; people speak up at a wrong answer."""
    twins = {"v1.0": Version(TEN, 0.93, 0.95), "v2.0": Version(TEN, 0.93, 0.05)}
    report = report_of(filled(20_000, seed=8, versions=twins))
    (comparison,) = report.comparisons
    assert comparison.volunteered.log10_e > math.log10(20)
    assert comparison.volunteered.wins > 5 * comparison.volunteered.losses
    assert report.verdicts[0].outcome == "not shown"
    assert comparison.asked.n > 500


def test_confidence_and_certainty_are_two_curves():
    """Some answers are from before the release measured a temperature: these have a confidence alone."""
    said = (sure(0.999, 100, right=90), sure(0.96, 60, right=57, measure="certainty"))
    (version,) = of(NOTHING._replace(sure=said, given=(given(),), classes={"v1.0": NINE})).versions
    calibration, certainty = version.asked.calibration, version.asked.certainty
    assert certainty is not None
    assert (calibration.n, calibration.error) == (100, pytest.approx(0.099))
    assert (certainty.n, certainty.error) == (60, pytest.approx(0.01))
    assert [(one.low, one.high, one.right.of) for one in calibration.bins if one.right.of] == [(0.999, 1, 100)]
    assert [(one.low, one.high, one.right.of) for one in certainty.bins if one.right.of] == [(0.95, 0.98, 60)]
    assert version.volunteered.certainty is None


def test_what_is_left_out_is_named_by_recipe_the_newest_first():
    rows = (LeftOut(1, True, 3), LeftOut(1, False, 40), LeftOut(2, False, 5))
    report = of(NOTHING._replace(recipe=3, left_out=rows))
    assert report.recipe == 3
    assert [(one.recipe, one.asked, one.volunteered) for one in report.left_out] == [(2, 0, 5), (1, 3, 40)]


def test_a_verdict_does_not_mix_recipes(filled: Filled):
    """By the recipe of before everything that v1.1 says is wrong."""
    database, whole = filled(6000, seed=4, before=3000), report_of(filled(6000, seed=4))
    with database.writing() as connection:
        old = select(results.c.id).where(results.c.recipe == 1)
        for table, identifier in ((results, results.c.id), (shadows, shadows.c.result_id)):
            is_it = (table.c.model_version == "v1.1", identifier.in_(old))
            connection.execute(update(table).where(*is_it).values(prediction="9"))
    report = report_of(database)
    (left_out,) = report.left_out
    assert (left_out.recipe, whole.left_out) == (1, ())
    assert min(left_out.asked, left_out.volunteered) > 50
    (before, now) = (one.versions[1].asked for one in (whole, report))
    assert now.accuracy.value == pytest.approx(0.965, abs=0.03)
    assert before.accuracy.of * 0.4 < now.accuracy.of < before.accuracy.of * 0.65
    (before_pair, now_pair) = (one.comparisons[0].asked for one in (whole, report))
    assert before_pair.n * 0.4 < now_pair.n < before_pair.n * 0.65
    agreement = report.comparisons[0].agreement
    assert agreement.value is not None and agreement.value > 0.7
    assert agreement.of < 0.65 * whole.comparisons[0].agreement.of
    assert counts(report.asked.labels) == counts(whole.asked.labels), "coverage is of all answers"


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_an_empty_database_has_a_report():
    report = of(NOTHING)
    assert (report.answers, report.base, report.versions, report.days) == (0, None, (), ())
    assert [verdict.outcome for verdict in report.verdicts] == ["nothing"]


def test_versions_are_compared_with_the_default_one_or_else_with_the_one_that_read_most():
    facts = NOTHING._replace(
        given=(given("v1.0", n=5), given("v1.1", n=9)), shadowed={"v1.0": 9}, classes={"v1.0": NINE, "v1.1": NINE}
    )
    assert of(facts, "v1.1").base == "v1.1"
    assert of(facts, "v3.0").base == "v1.0"
    assert [version.name for version in of(facts, "v1.1").versions] == ["v1.1", "v1.0"]


def test_agreement_is_counted_on_all_drawings_and_answers_that_the_other_was_never_taught_are_named():
    doubles = (
        Double("v1.0", "1", "v2.0", "1", 70),
        Double("v1.0", "1", "v2.0", "7", 20),
        Double("v1.0", "8", "v2.0", "0", 10),
    )
    facts = NOTHING._replace(given=(given(n=100),), doubles=doubles, classes={"v1.0": NINE, "v2.0": TEN})
    (comparison,) = of(facts).comparisons
    assert (counts(comparison.agreement), comparison.untaught) == ((70, 100), 10)


def test_days_have_no_gaps_and_the_newest_are_shown():
    first, last = date(2025, 1, 1), date(2026, 3, 1)
    facts = NOTHING._replace(
        given=(
            *(given(n=3, day=first), given(n=4, day=date(2026, 2, 27)), given("v2.0", n=5, day=last)),
            given(n=2, day=last, reason="ERROR"),
        ),
        found=(Found(last, "blank", 6), Found(first, "faint", 1)),
        classes={"v1.0": NINE, "v2.0": TEN},
    )
    days = of(facts).days
    assert len(days) == DAYS
    assert (days[-1].day, days[-1].answers, days[-1].flag_errors) == (last, {"v1.0": 2, "v2.0": 5}, 2)
    assert days[-1].findings == {"blank": 6}
    assert [sum(day.answers.values()) for day in days[-3:]] == [4, 0, 7]
    assert of(facts).answers == 14, "days that are not shown count"
    assert len(of(facts._replace(given=facts.given[1:])).days) == 3


def test_what_chose_the_version_is_counted():
    facts = NOTHING._replace(
        given=(
            given(n=1, reason="SPLIT"),
            given(n=2, reason="SPLIT", day=date(2026, 2, 1)),
            given(n=4, reason="ERROR"),
        ),
        classes={"v1.0": NINE},
    )
    assert [(choice.variant, choice.reason, choice.answers) for choice in of(facts).choices] == [
        ("v1.0", "ERROR", 4),
        ("v1.0", "SPLIT", 3),
    ]


def test_latencies_are_by_stage():
    table = np.column_stack([np.arange(1.0, 101), np.full(100, 2.0), np.full(100, np.nan)])
    facts = NOTHING._replace(given=(given(n=100),), classes={"v1.0": NINE}, timings={"v1.0": table})
    latency = of(facts).versions[0].latency
    assert (latency.total.n, latency.total.p50, latency.total.p95) == (100, 50.5, pytest.approx(95.05))
    assert (latency.waited.p99, latency.computed.n, latency.computed.p50) == (2.0, 0, None)


def test_the_json_holds_every_figure_unrounded_and_can_be_read_back(filled: Filled):
    report = report_of(filled(3000))
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    accuracy = msgspec.json.decode(msgspec.json.encode(report))["versions"][0]["asked"]["accuracy"]
    assert accuracy["value"] == accuracy["part"] / accuracy["of"]


def test_the_same_facts_give_the_same_report(filled: Filled):
    database = filled(500)
    assert report_of(database) == report_of(database)
