"""Plain words, and never more than the labels bear out."""

from __future__ import annotations

import math

import pytest

from app.report.number_format import about, drawings, e_value, milliseconds, p_value, per_cent, short, sureness, times
from app.report.report_data import Paired
from app.report.statistics import chance_of_a_win, log_e_value, mcnemar
from app.report.verdict import judge, nothing_to_compare, words_of


def paired(wins: int, losses: int, n: int) -> Paired:
    """As counted on `n` drawings; those that both read rightly are the rest."""
    low, high = chance_of_a_win(wins, losses)
    log10_e = log_e_value(wins, losses) / math.log(10)
    return Paired(n, n - wins - losses, wins, losses, 0, mcnemar(wins, losses), log10_e, low, high)


def test_a_difference_that_is_shown_is_named_with_the_better_one_first_and_how_sure_it_is():
    better = judge("v1.0", "v1.1", paired(60, 10, 900))
    assert (better.challenger, better.outcome) == ("v1.1", "better")
    assert words_of(better) == (
        "v1.1 reads better than v1.0: on 900 drawings whose makers said what they drew, 60 times only v1.1 was right, "
        "10 times only v1.0.",
        "Very sure: if both read equally well, chance alone would show as much less than once in a million times, "
        "however often one looks.",
        "The evidence is e = 3.8 × 10⁷, where 20 is enough, however often one looks; p < 0.0001, for a single look; "
        "n = 900.",
    )
    worse = judge("v1.0", "v1.1", paired(1, 15, 900))
    assert (worse.challenger, worse.outcome) == ("v1.1", "worse")
    assert worse.sentence.startswith("v1.0 reads better than v1.1: on 900 drawings")
    assert worse.sentence.endswith("15 times only v1.0 was right, once only v1.1")
    assert worse.how_sure.startswith(
        "Sure: if both read equally well, chance alone would show as much at most once in "
    )


@pytest.mark.parametrize(("wins", "losses"), [(12, 0), (15, 2), (20, 1), (25, 1)])
def test_chance_is_never_said_to_be_rarer_than_the_evidence_allows(wins: int, losses: int):
    asked = paired(wins, losses, 100)
    verdict = judge("v1.0", "v1.1", asked)
    once_in = float(verdict.how_sure.partition("once in ")[2].partition(" times")[0].replace(",", ""))
    assert 0.9 * 10**asked.log10_e < once_in <= 10**asked.log10_e
    assert verdict.how_sure.startswith("Very sure" if asked.log10_e >= 3 else "Sure")


def test_where_no_difference_is_shown_it_says_that_not_enough_was_said_to_tell_and_what_would():
    verdict = judge("v1.1", "v2.0", paired(94, 77, 5435))
    assert verdict.outcome == "not shown"
    assert words_of(verdict) == (
        "Not enough was said to tell whether v2.0 or v1.1 reads better: on 5,435 drawings whose makers said what they "
        "drew, 94 times only v2.0 was right, 77 times only v1.1.",
        "Chance alone may do as much. If labels go on falling like this, about 38,000 more would show a difference.",
        "The evidence is e = 0.14, where 20 is enough, however often one looks; p = 0.22, for a single look; "
        "n = 5,435.",
    )
    other = judge("v1.1", "v2.0", paired(3, 4, 40)).sentence
    assert other.endswith("3 times only v2.0 was right, 4 times only v1.1")


def test_a_small_p_value_is_not_enough_for_somebody_who_looks_every_day():
    asked = paired(14, 3, 100)
    assert asked.p < 0.05
    verdict = judge("v1.0", "v1.1", asked)
    assert verdict.outcome == "not shown"
    assert "p = 0.013, enough for one look, not for many, as it is below 0.05;" in verdict.remark
    for other in (paired(9, 8, 100), paired(60, 10, 900)):
        assert "enough for one look" not in judge("v1.0", "v1.1", other).remark


@pytest.mark.parametrize(
    ("n", "told", "missing"),
    [
        (
            0,
            "nobody has said yet what a drawing is that both read, and it takes 20",
            "20 more are needed before anything can be told.",
        ),
        (1, "people have said what 1 drawing that both read is, and it takes 20", "19 more are needed"),
        (19, "people have said what 19 drawings that both read are, and it takes 20", "1 more is needed"),
    ],
)
def test_of_too_few_labels_only_their_number_is_said(n: int, told: str, missing: str):
    verdict = judge("v1.0", "v2.0", paired(n, 0, n))
    assert verdict.outcome == "too few"
    assert verdict.sentence == f"Not enough was said to tell whether v2.0 or v1.0 reads better: {told}"
    assert verdict.how_sure.startswith(missing)
    assert "p =" not in " ".join(words_of(verdict))
    assert judge("v1.0", "v2.0", paired(12, 0, 20)).outcome == "better"


def test_where_both_err_alike_no_number_of_labels_is_promised():
    assert "no number of them in sight" in judge("v1.0", "v2.0", paired(5, 5, 100)).how_sure


def test_without_a_second_version_it_says_how_to_get_one():
    assert words_of(nothing_to_compare([]))[0] == "Nothing was read yet."
    alone = nothing_to_compare(["v1.0"])
    assert (alone.challenger, alone.outcome) == (None, "nothing")
    sentence, remark = words_of(alone)
    assert sentence.startswith("Only v1.0 has read anything yet")
    assert "MODEL_VERSIONS" in remark


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        *((p_value(p), said) for p, said in ((1.0, "p = 1.00"), (0.221, "p = 0.22"), (0.0127, "p = 0.013"))),
        *((p_value(p), said) for p, said in ((0.00034, "p = 0.00034"), (0.0001, "p = 0.0001"), (0.0, "p < 0.0001"))),
        *((e_value(e), said) for e, said in ((-0.85, "e = 0.14"), (0.9, "e = 7.9"), (1.72, "e = 52"))),
        *((e_value(e), said) for e, said in ((3.5, "e = 3,162"), (147.59, "e = 3.9 × 10¹⁴⁷"), (-4.0, "e = 0.0001"))),
        *((times(count), said) for count, said in ((0, "never"), (1, "once"), (1234, "1,234 times"))),
        *((drawings(count), said) for count, said in ((1, "1 drawing"), (5435, "5,435 drawings"))),
        *((about(count), said) for count, said in ((0, "1"), (7, "7"), (124, "120"), (38467, "38,000"))),
        *((sureness(share), said) for share, said in ((0.929, "92%"), (0.29, "29%"), (0.9999, "99%"), (1.0, "99%"))),
        *((per_cent(share), said) for share, said in ((0.91452, "91.5%"), (1.0, "100.0%"), (None, "–"))),
        *((milliseconds(ms), said) for ms, said in ((0.614, "0.61"), (7.14, "7.1"), (1234.5, "1,234"), (None, "–"))),
        *((short(name, 5), said) for name, said in (("v1.0", "v1.0"), ("v1.23", "v1.23"), ("v12.34", "v12.…"))),
    ],
)
def test_numbers_are_said_so(shown: str, expected: str):
    assert shown == expected
