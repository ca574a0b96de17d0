from __future__ import annotations

import msgspec
import numpy as np
import pytest

from app.model.contract import Accuracy
from app.model.formats import read_model
from app.verify.accuracy import Measured, check_on_golden_set, check_on_mnist, measure
from app.verify.card import Card, Stated, read_prose
from tests.attacks.honest import honest_pipeline
from tests.verify.test_card import card as card_bytes
from tests.verify.test_card import read_card


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # Worked examples of the literature: R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # The other side of the same intervals.
        (29, 29, 0.8830, 1.0),
        (182, 263, 0.6338, 0.7447),
    ],
)
def test_the_interval_is_wilson_s(correct: int, n: int, low: float, high: float):
    assert Measured(correct, n).interval == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize("correct", [0, 1, 5, 9, 10])
def test_the_interval_holds_exactly_the_shares_that_do_not_contradict_the_count(correct: int):
    """Its definition: the bounds are the p for which the count lies 1.96 standard errors of p away."""
    for bound in Measured(correct, 10).interval:
        away = abs(correct / 10 - bound)
        assert away == pytest.approx(1.959963984540054 * (bound * (1 - bound) / 10) ** 0.5, abs=1e-7)


def test_the_interval_stays_within_0_and_1_and_holds_the_share():
    for correct in range(21):
        low, high = Measured(correct, 20).interval
        assert 0 <= low <= correct / 20 <= high <= 1


def test_a_share_is_shown_with_its_interval():
    assert str(Measured(8252, 9020)) == "8,252 of 9,020 right: 91.49% (90.9% to 92.0%)"


def test_digits_of_unknown_classes_do_not_count():
    engine = read_model(honest_pipeline(classes="123", features=784))
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    read = ["123"[index] for index in engine.scores(images).argmax(axis=1)]
    wrong = {"1": "2", "2": "3", "3": "1"}
    labels = [*read[:20], *(wrong[label] for label in read[20:30]), *["0"] * 5, *["9"] * 5]
    assert measure(engine, images, labels) == Measured(20, 30)


# -- against a card ----------------------------------------------------------------------------------------------------


def with_contract(low: float, high: float) -> Card:
    contract = read_card(card_bytes()).contract
    assert contract is not None
    accuracy = Accuracy(value=0.9, correct=900, n=1000, interval=(low, high))
    return Card(msgspec.structs.replace(contract, accuracy=accuracy), read_prose(""), "")


def with_prose(text: str) -> Card:
    return Card(None, read_prose(text), text)


@pytest.mark.parametrize(
    ("correct", "outcome"), [(879, "differs"), (880, "agrees"), (900, "agrees"), (920, "agrees"), (921, "differs")]
)
def test_a_contract_is_held_to_its_interval_on_both_sides(correct: int, outcome: str):
    check = check_on_mnist(Measured(correct, 1000), with_contract(0.88, 0.92))
    assert (check.outcome, check.promised_by) == (outcome, "card")
    assert "88.0% to 92.0%" in check.promised


@pytest.mark.parametrize(
    ("correct", "outcome"), [(904, "differs"), (905, "agrees"), (920, "agrees"), (999, "agrees"), (0, "differs")]
)
def test_a_figure_in_prose_is_a_floor_less_1_5_points(correct: int, outcome: str):
    """Above it nothing is held: MNIST's test file may contain digits that such a release was trained on."""
    check = check_on_mnist(Measured(correct, 1000), with_prose("Expected accuracy: ~92%"))
    assert (check.outcome, check.promised_by) == (outcome, "prose")
    assert check.promised == "92.0%, at least 90.5% here (may contain training digits)"


@pytest.mark.parametrize("card", [None, Card(None, Stated(None, None, frozenset(), frozenset(), None), "")])
def test_without_any_figure_the_check_is_skipped_and_says_why(card: Card | None):
    check = check_on_mnist(Measured(9, 10), card)
    assert (check.outcome, check.why) == ("skipped", "no card states an accuracy")


@pytest.mark.parametrize(
    ("correct", "outcome"), [(870, "differs"), (892, "agrees"), (915, "agrees"), (930, "agrees"), (945, "differs")]
)
def test_a_thousand_golden_digits_agree_when_the_two_intervals_meet(correct: int, outcome: str):
    promise = Accuracy(value=0.9149, correct=8252, n=9020, interval=(0.909, 0.92))
    check = check_on_golden_set(Measured(correct, 1000), promise)
    assert (check.name, check.outcome) == ("accuracy of golden digits", outcome)
    assert check.promised == "8,252 of 9,020: 91.49% (90.9% to 92.0%)"
