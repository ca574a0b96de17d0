import numpy as np
import pytest

from evaluation import Confusion, Share, evaluate, wilson


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe, "Two-sided confidence intervals", 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_is_the_published_one(correct, n, low, high):
    assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)


def test_the_wilson_interval_is_symmetric_and_stays_within_0_and_1():
    assert wilson(20, 20) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 20)[0] == 0.0


def test_the_card_of_the_design_is_reproduced():
    share = Share(8252, 9020)
    assert share.value == 0.9149
    assert share.interval == (0.909, 0.92)


LABELS = np.array(list("1122330000"))
SCORES = np.array(
    [
        [0.9, 0.1, 0.0],  # 1 read as 1
        [0.2, 0.8, 0.0],  # 1 read as 2
        [0.1, 0.9, 0.0],  # 2
        [0.0, 0.9, 0.1],  # 2
        [0.0, 0.6, 0.4],  # 3 read as 2
        [0.0, 0.6, 0.4],  # 3 read as 2
        [0.7, 0.2, 0.1],  # withheld, read as 1
        [0.5, 0.4, 0.1],  # withheld, read as 1
        [0.1, 0.1, 0.8],  # withheld, read as 3
        [0.9, 0.1, 0.0],  # withheld, read as 1
    ]
)


def test_withheld_digits_do_not_count_in_the_accuracy():
    measured = evaluate(LABELS, SCORES, ("1", "2", "3"))
    assert (measured.accuracy.correct, measured.accuracy.n) == (3, 6)
    assert {label: (share.correct, share.n) for label, share in measured.per_class.items()} == {
        "1": (1, 2),
        "2": (2, 2),
        "3": (0, 2),
    }


def test_confusions_are_true_then_read_and_the_worst_comes_first():
    measured = evaluate(LABELS, SCORES, ("1", "2", "3"))
    assert measured.confusions == (Confusion("3", "2", 2), Confusion("1", "2", 1))
    assert evaluate(LABELS, SCORES, ("1", "2", "3"), worst=1).confusions == (Confusion("3", "2", 2),)


def test_what_withheld_digits_are_read_as_is_told_with_the_mean_confidence():
    ((label, readings),) = evaluate(LABELS, SCORES, ("1", "2", "3")).withheld.items()
    assert label == "0"
    assert [(each.read, each.count) for each in readings] == [("1", 3), ("3", 1)]
    assert readings[0].confidence == pytest.approx(0.7)


def test_a_model_that_knows_every_digit_has_none_withheld():
    assert evaluate(LABELS[:6], SCORES[:6], ("1", "2", "3")).withheld == {}
