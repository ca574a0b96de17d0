"""The rule for "unsure" against examples computed by hand, and against trying every threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.golden_set import GoldenSet
from app.model.unsure import is_unsure, unsure_below
from tests.installation import Published

CLASSES = ("1", "2")


def golden(*digits: tuple[str, float]) -> GoldenSet:
    """Digits by their truth and the score of class 1; class 2 has the rest."""
    scores = np.array([(score, 1 - score) for _, score in digits]).reshape(-1, 2)
    return GoldenSet(np.zeros((len(digits), 28, 28), np.uint8), tuple(label for label, _ in digits), scores)


def told_apart(recorded: GoldenSet, threshold: float) -> float:
    """The definition: the share of wrong answers below, plus the share of right ones not below."""
    confidences = [max(row) for row in recorded.scores.tolist()]
    answers = [CLASSES[row.index(max(row))] for row in recorded.scores.tolist()]
    pairs = list(zip(answers, recorded.labels, confidences, strict=True))
    wrong = [confidence < threshold for answer, label, confidence in pairs if answer != label]
    right = [confidence >= threshold for answer, label, confidence in pairs if answer == label]
    return sum(wrong) / len(wrong) + sum(right) / len(right)


def test_it_lies_halfway_between_the_wrong_answers_and_the_right_ones():
    assert unsure_below(golden(("1", 0.9), ("1", 0.8), ("2", 0.6)), CLASSES) == pytest.approx(0.7)


def test_where_they_overlap_the_largest_sum_of_shares_decides():
    # Wrong at 0.6 and 0.8; right at 0.7, 0.9 and, as class 2, at 0.95. At 0.65: 1/2 + 3/3. At 0.85: 2/2 + 2/3.
    overlap = golden(("2", 0.6), ("1", 0.7), ("2", 0.8), ("1", 0.9), ("2", 0.05))
    assert unsure_below(overlap, CLASSES) == pytest.approx(0.85)


def test_of_thresholds_that_are_as_good_the_lowest_is_taken():
    # At 0.65: 1/2 + 2/2. At 0.85: 2/2 + 1/2.
    assert unsure_below(golden(("2", 0.6), ("1", 0.7), ("2", 0.8), ("1", 0.9)), CLASSES) == pytest.approx(0.65)


def test_a_withheld_digit_is_wrong_whatever_the_answer():
    assert unsure_below(golden(("0", 0.75), ("1", 0.85), ("1", 0.99)), CLASSES) == pytest.approx(0.8)


def test_many_right_answers_do_not_outvote_a_few_wrong_ones():
    many = golden(*[("1", 0.7)] * 10, *[("1", 0.9)] * 90, ("2", 0.8))
    assert unsure_below(many, CLASSES) == pytest.approx(0.85)


@pytest.mark.parametrize(
    "digits",
    [[("1", 0.9), ("1", 0.6)], [("2", 0.9), ("0", 0.6)], [("2", 0.9), ("1", 0.9)], [("2", 0.9), ("1", 0.6)]],
    ids=["all right", "all wrong", "one confidence", "the wrong one is surer"],
)
def test_there_is_none_when_nothing_can_be_told_apart(digits: list[tuple[str, float]]):
    assert unsure_below(golden(*digits), CLASSES) is None


@given(st.lists(st.tuples(st.sampled_from("012"), st.integers(0, 20).map(lambda step: step / 20)), max_size=30))
def test_no_threshold_does_better(digits: list[tuple[str, float]]):
    recorded = golden(*digits)
    found = unsure_below(recorded, CLASSES)
    right = [label == CLASSES[score < 0.5] for label, score in digits]
    if not any(right) or all(right):
        assert found is None
        return
    best = max(told_apart(recorded, step / 80) for step in range(82))
    assert told_apart(recorded, found or 0.0) == pytest.approx(best)
    assert (found is None) == (best == pytest.approx(1))  # calling nothing unsure gives 1


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v2.0"])
def test_most_wrong_answers_of_a_release_are_unsure_and_most_right_ones_are_not(published, version: str):
    release: Published = published(version)
    classes = np.array(["1", "2", "3", "4", "5", "6", "7", "8", "9"] if version[1] == "1" else list("0123456789"))
    recorded = release.golden
    threshold = unsure_below(recorded, tuple(classes))
    assert threshold is not None
    is_right = classes[recorded.scores.argmax(axis=1)] == np.array(recorded.labels)
    is_unsure = recorded.scores.max(axis=1) < threshold
    assert is_unsure[~is_right].mean() > 0.7
    assert is_unsure[is_right].mean() < 0.2


@pytest.mark.parametrize(
    ("certainty", "below", "may_be_withheld", "unsure"),
    [
        (0.84, 0.85, False, True),
        (0.85, 0.85, False, False),
        (0.99, 0.85, True, True),
        (None, 0.61, False, True),
        (None, 0.6, False, False),
        (None, None, False, False),
        (None, None, True, True),
    ],
)
def test_an_answer_is_unsure_by_its_certainty_else_by_its_confidence_or_when_it_may_be_withheld(
    certainty: float | None, below: float | None, may_be_withheld: bool, unsure: bool
):
    assert is_unsure(0.6, certainty, below=below, is_doubted=may_be_withheld) == unsure
