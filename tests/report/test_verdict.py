"""One sentence, and never more than the labels bear out."""

from __future__ import annotations

import math

import pytest

from app.report.number_format import about, e_value, milliseconds, p_value, per_cent, short, times
from app.report.report_data import Paired
from app.report.statistics import chance_of_a_win, log_e_value, mcnemar
from app.report.verdict import judge, nothing_to_compare


def paired(wins: int, losses: int, n: int) -> Paired:
    """As counted on `n` drawings; those that both read rightly are the rest."""
    low, high = chance_of_a_win(wins, losses)
    log10_e = log_e_value(wins, losses) / math.log(10)
    return Paired(n, n - wins - losses, wins, losses, 0, mcnemar(wins, losses), log10_e, low, high)


def test_no_difference_is_said_as_the_issue_says_it():
    verdict = judge("v1.1", "v2.0", paired(94, 77, 5435))
    assert verdict.outcome == "not shown"
    assert verdict.sentence == (
        "v2.0 is right where v1.1 is wrong 94 times, the reverse 77 times: no difference shown, p = 0.22, n = 5,435"
    )
    assert verdict.remark == (
        "The evidence is e = 0.14 of the 20 that are needed. "
        "If asked labels go on falling like this, about 38,000 more would show one."
    )


def test_a_difference_that_is_shown_is_named_with_the_better_one():
    better = judge("v1.0", "v1.1", paired(60, 10, 900))
    assert (better.challenger, better.outcome) == ("v1.1", "better")
    assert better.sentence == (
        "v1.1 is right where v1.0 is wrong 60 times, the reverse 10 times: a difference is shown, v1.1 reads better, "
        "p < 0.0001, n = 900"
    )
    worse = judge("v1.0", "v1.1", paired(1, 20, 900))
    assert worse.outcome == "worse"
    assert (
        "1 is right where v1.0 is wrong once, the reverse 20 times: a difference is shown, v1.0 reads" in worse.sentence
    )


def test_a_small_p_value_is_not_enough_for_somebody_who_looks_every_day():
    asked = paired(14, 3, 100)
    assert asked.p < 0.05
    verdict = judge("v1.0", "v1.1", asked)
    assert verdict.outcome == "not shown"
    assert "no difference shown, p = 0.013" in verdict.sentence
    assert "(p is below 0.05: enough for one look, not for many)" in verdict.remark
    assert "p is below" not in judge("v1.0", "v1.1", paired(9, 8, 100)).remark


def test_of_too_few_labels_only_their_number_is_said():
    verdict = judge("v1.0", "v2.0", paired(7, 0, 7))
    assert verdict.outcome == "too few"
    assert verdict.sentence == "Too few labels to compare v2.0 with v1.0: 7 of 20"
    assert verdict.remark.startswith("About 13 more asked labels")
    assert judge("v1.0", "v2.0", paired(12, 0, 20)).outcome == "better"


def test_where_both_err_alike_no_number_of_labels_is_promised():
    assert "no number of them in sight" in judge("v1.0", "v2.0", paired(5, 5, 100)).remark


def test_without_a_second_version_it_says_how_to_get_one():
    assert nothing_to_compare([]).sentence == "Nothing was read yet"
    alone = nothing_to_compare(["v1.0"])
    assert (alone.challenger, alone.outcome) == (None, "nothing")
    assert alone.sentence.startswith("Only v1.0 has read anything yet")
    assert "MODEL_VERSIONS" in alone.remark


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        *((p_value(p), said) for p, said in ((1.0, "p = 1.00"), (0.221, "p = 0.22"), (0.0127, "p = 0.013"))),
        *((p_value(p), said) for p, said in ((0.00034, "p = 0.00034"), (0.0001, "p = 0.0001"), (0.0, "p < 0.0001"))),
        *((e_value(e), said) for e, said in ((-0.85, "e = 0.14"), (0.9, "e = 7.9"), (1.72, "e = 52"))),
        *((e_value(e), said) for e, said in ((3.5, "e = 3,162"), (147.59, "e = 3.9 × 10¹⁴⁷"), (-4.0, "e = 0.0001"))),
        *((times(count), said) for count, said in ((0, "0 times"), (1, "once"), (1234, "1,234 times"))),
        *((about(count), said) for count, said in ((0, "1"), (7, "7"), (124, "120"), (38467, "38,000"))),
        *((per_cent(share), said) for share, said in ((0.91452, "91.5%"), (1.0, "100.0%"), (None, "–"))),
        *((milliseconds(ms), said) for ms, said in ((0.614, "0.61"), (7.14, "7.1"), (1234.5, "1,234"), (None, "–"))),
        *((short(name, 5), said) for name, said in (("v1.0", "v1.0"), ("v1.23", "v1.23"), ("v12.34", "v12.…"))),
    ],
)
def test_numbers_are_said_so(shown: str, expected: str):
    assert shown == expected
