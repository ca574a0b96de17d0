"""Every statistic against a value that was computed another way: published, by fractions, by its definition."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats

from app.report.statistics import (
    ENOUGH,
    MIN_LABELS,
    calibration,
    chance_of_a_win,
    log_e_value,
    mcnemar,
    more_needed,
    percentiles,
    share,
)

COUNTS = [(0, 0), (1, 0), (0, 1), (3, 3), (5, 2), (15, 2), (12, 20), (94, 77), (60, 110)]

# -- shares ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(part: int, of: int, low: float, high: float):
    """R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
    table I, method 3: the score method of Wilson."""
    found = share(part, of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.value == part / of


@pytest.mark.parametrize(("part", "of"), [(0, 1), (1, 1), (7, 20), (20, 20), (913, 1000), (99_999, 100_000)])
def test_the_ends_are_the_truths_that_lie_just_1_96_deviations_from_the_share(part: int, of: int):
    found = share(part, of)
    z = NormalDist().inv_cdf(0.975)
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(part / of - end) == pytest.approx(z * math.sqrt(end * (1 - end) / of), rel=1e-9)
    assert found.low <= part / of <= found.high
    ready_made = scipy.stats.binomtest(part, of).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((ready_made.low, ready_made.high), abs=1e-12)


def test_of_nothing_there_is_no_share():
    assert (share(0, 0).value, share(0, 0).low, share(0, 0).high) == (None, None, None)


def test_below_the_least_number_there_is_no_value_and_from_it_on_there_is():
    assert share(7, MIN_LABELS - 1, least=MIN_LABELS).value is None
    assert share(7, MIN_LABELS, least=MIN_LABELS).value == 0.35


# -- two versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wins", "losses"), COUNTS)
def test_mcnemar_adds_the_outcomes_that_are_at_most_as_likely(wins: int, losses: int):
    total = wins + losses
    ways = [math.comb(total, k) for k in range(total + 1)]
    by_definition = Fraction(sum(way for way in ways if way <= ways[wins]), 2**total)
    assert mcnemar(wins, losses) == pytest.approx(float(by_definition), rel=1e-9)
    ready_made = scipy.stats.binomtest(wins, total).pvalue if total else 1.0
    assert mcnemar(wins, losses) == pytest.approx(ready_made, rel=1e-9)


def test_mcnemar_of_the_issue_s_example():
    assert round(mcnemar(94, 77), 2) == 0.22


@pytest.mark.parametrize(("wins", "losses"), COUNTS)
def test_the_e_value_is_what_a_gambler_has_who_bets_by_what_he_saw(wins: int, losses: int):
    """Krichevsky and Trofimov: before each drawing the chance of a win is (wins + 1/2) / (drawings + 1)."""
    money, won, lost = Fraction(1), 0, 0
    for _ in range(wins):
        money *= 2 * Fraction(2 * won + 1, 2 * (won + lost) + 2)
        won += 1
    for _ in range(losses):
        money *= 2 * Fraction(2 * lost + 1, 2 * (won + lost) + 2)
        lost += 1
    assert math.exp(log_e_value(wins, losses)) == pytest.approx(float(money), rel=1e-9)


def test_the_e_value_is_the_mean_over_all_chances_of_a_win():
    angles = (np.arange(100_000) + 0.5) / 100_000 * math.pi / 2  # Beta(1/2, 1/2) is the squared sine of any angle
    chances = np.sin(angles) ** 2
    for wins, losses in COUNTS:
        mean = np.mean((2 * chances) ** wins * (2 * (1 - chances)) ** losses)
        assert math.exp(log_e_value(wins, losses)) == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("total", [1, 2, 7, 40])
def test_where_neither_is_better_the_e_value_is_1_on_average(total: int):
    """So it is a fair bet, and Ville's inequality holds for it."""
    mean = sum(math.comb(total, k) * math.exp(log_e_value(k, total - k)) for k in range(total + 1)) / 2**total
    assert mean == pytest.approx(1, rel=1e-9)


def counts_at_looks(random: np.random.Generator, accuracies: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """1,000 streams of 4,000 drawings, read by two models that err on different ones; wins and losses at 100 looks."""
    shape = (1000, 100, 40)
    first, second = (random.random(shape) < accuracy for accuracy in accuracies)
    return tuple(np.cumsum((a & ~b).sum(axis=2), axis=1) for a, b in ((first, second), (second, first)))


def test_of_1000_streams_of_equally_accurate_models_looked_at_100_times_at_most_6_5_percent_raise_an_alarm():
    wins, losses = counts_at_looks(np.random.default_rng(4), (0.93, 0.93))
    evidence = np.vectorize(log_e_value)(wins, losses)
    assert np.mean((evidence >= math.log(ENOUGH)).any(axis=1)) <= 0.065
    p_values = np.vectorize(mcnemar)(wins, losses)
    assert np.mean((p_values < 0.05).any(axis=1)) > 0.2, "what a p-value does when it is looked at a hundred times"


def test_of_streams_of_unequal_models_nearly_all_raise_an_alarm():
    wins, losses = counts_at_looks(np.random.default_rng(4), (0.95, 0.92))
    evidence = np.vectorize(log_e_value)(wins, losses)
    assert np.mean((evidence >= math.log(ENOUGH)).any(axis=1)) > 0.95


@pytest.mark.parametrize(("wins", "losses"), COUNTS)
def test_the_chances_that_are_left_are_those_against_which_the_bet_has_not_reached_20(wins: int, losses: int):
    low, high = chance_of_a_win(wins, losses)

    def against(chance: float) -> float:
        """The logarithm of what the gambler makes against this chance instead of a half."""
        likelihood = wins * math.log(chance) + losses * math.log(1 - chance)
        return log_e_value(wins, losses) - (wins + losses) * math.log(2) - likelihood

    for chance in np.arange(0.0005, 1, 0.001).tolist():
        assert (against(chance) < math.log(ENOUGH)) == (low < chance < high), chance
    assert (low <= 0.5 <= high) == (log_e_value(wins, losses) <= math.log(ENOUGH))


def test_the_true_chance_is_left_out_at_any_look_in_at_most_5_percent_of_streams():
    random = np.random.default_rng(5)
    wins = np.cumsum((random.random((300, 40, 10)) < 0.7).sum(axis=2), axis=1)
    losses = 10 * np.arange(1, 41) - wins
    low, high = np.vectorize(chance_of_a_win)(wins, losses)
    assert np.mean(((low > 0.7) | (high < 0.7)).any(axis=1)) <= 0.05


def test_so_many_more_labels_as_are_said_to_be_needed_do_show_a_difference():
    for wins, losses, n in ((94, 77, 5435), (14, 3, 100), (3, 1, 40), (1, 0, 20)):
        more = more_needed(wins, losses, n)
        assert more is not None and more > 0
        enough, too_little = (n + more) / n, (n + 0.98 * more - 1) / n
        assert log_e_value(wins * enough, losses * enough) >= math.log(ENOUGH) - 1e-9
        assert log_e_value(wins * too_little, losses * too_little) < math.log(ENOUGH)


def test_no_number_of_labels_is_said_to_be_needed_where_none_is_in_sight_and_0_where_there_are_enough():
    assert more_needed(50, 50, 1000) is None
    assert more_needed(0, 0, 100) is None
    assert more_needed(5001, 5000, 100_000) is None
    assert more_needed(30, 1, 100) == 0


# -- one version -------------------------------------------------------------------------------------------------------


def test_the_calibration_error_is_the_mean_distance_of_confidence_and_accuracy():
    """Of 10 answers with 0.55 on average 8 are right, of 30 with 0.95 27: (10 * 0.25 + 30 * 0.05) / 40."""
    found = calibration([(0, 0, 0.0), (10, 8, 5.5), (30, 27, 28.5)], (0, 0.5, 0.9, 1))
    assert found.error == pytest.approx(0.1)
    assert found.n == 40
    assert [(one.low, one.high) for one in found.bins] == [(0, 0.5), (0.5, 0.9), (0.9, 1)]
    assert [one.mean for one in found.bins] == [None, 0.55, pytest.approx(0.95)]
    assert [one.right.value for one in found.bins] == [None, None, 0.9], "no value of fewer than 20"


def test_a_version_that_is_as_sure_as_it_is_right_has_nearly_no_calibration_error():
    random = np.random.default_rng(6)
    confidences = random.random(200_000)
    is_right = random.random(200_000) < confidences
    places = np.minimum((confidences * 10).astype(int), 9)
    counts = [
        (int((places == place).sum()), int(is_right[places == place].sum()), float(confidences[places == place].sum()))
        for place in range(10)
    ]
    edges = [place / 10 for place in range(11)]
    error = calibration(counts, edges).error
    assert error is not None and error < 0.004
    overconfident = calibration([(n, right, min(n, total + 0.1 * n)) for n, right, total in counts], edges).error
    assert overconfident is not None and overconfident == pytest.approx(0.1, abs=0.01)


def test_of_too_few_labels_there_is_no_calibration_error():
    assert calibration([(19, 10, 12.0)], (0, 1)).error is None
    assert calibration([(20, 10, 12.0)], (0, 1)).error == pytest.approx(0.1)
    assert calibration([(0, 0, 0.0)], (0, 1)).error is None


def test_a_percentile_lies_between_the_two_values_around_its_place():
    """p95 of 200 sorted values: at place 0.95 * 199 = 189.05, counted from 0."""
    values = np.random.default_rng(7).lognormal(size=200)
    ordered = sorted(values.tolist())
    found = percentiles(np.concatenate([values, [np.nan] * 5]))
    assert found.n == 200
    assert found.p50 == pytest.approx((ordered[99] + ordered[100]) / 2)
    assert found.p95 == pytest.approx(ordered[189] + 0.05 * (ordered[190] - ordered[189]))
    assert found.p99 == pytest.approx(ordered[197] + 0.01 * (ordered[198] - ordered[197]))


@pytest.mark.parametrize(
    ("n", "known"), [(0, ""), (1, ""), (2, "p50"), (19, "p50"), (20, "p50 p95"), (99, "p50 p95"), (100, "p50 p95 p99")]
)
def test_a_percentile_above_which_no_value_would_lie_is_not_stated(n: int, known: str):
    found = percentiles(np.ones(n))
    assert " ".join(name for name in ("p50", "p95", "p99") if getattr(found, name) is not None) == known
