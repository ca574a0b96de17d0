"""Digits of many hands: those of their label, the same for the same seed, and of two hands that share nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.drawing.strokes import MAX_POINTS, draw_strokes
from app.model.formats import read_model
from drawn.digits import LABELS, STEP, draw_digit, find_writer
from drawn.forms import FORMS, Hand
from tests.installation import Published

HANDS = tuple(FORMS)
OF_EACH = 120


def draw(label: str, hand: Hand, *seed: int) -> list[np.ndarray]:
    return draw_digit(label, np.random.default_rng(seed), hand=hand)


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


# -- what they are -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.long
def test_they_are_of_their_labels_and_as_hard_as_those_of_people(hand: Hand, published: Callable[[str], Published]):
    """v2.0 reads 90.5% of real stylus digits as strokes, and 95.4% of real canvas drawings. It was not asked while the
    forms were chosen, but for these bounds; of flagged ones and closed fours it has seen few."""
    engine = read_model(published("v2.0").artefact)
    rights = []
    for number, label in enumerate(LABELS):
        images = np.stack([draw_strokes(draw(label, hand, number, place)) for place in range(OF_EACH)])
        rights.append(float(np.mean(engine.scores(images).argmax(axis=1) == number)))
        assert rights[-1] >= 0.8, label
    assert 0.9 <= float(np.mean(rights)) <= 0.975


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("label", LABELS)
def test_every_form_lies_in_its_field_and_is_drawn(hand: Hand, label: str):
    for weight, form in FORMS[hand][label]:
        assert weight > 0
        for stroke in form.split(";"):
            points = [word.rstrip("!").split(",") for word in stroke.split()]
            assert len(points) >= 2
            assert all(0 <= int(place) <= 100 for point in points for place in point)
            assert not stroke.split()[0].endswith("!")
            assert not stroke.split()[-1].endswith("!")


@pytest.mark.parametrize("label", LABELS)
def test_the_longest_side_is_1_and_the_line_has_no_gaps(label: str):
    for place in range(50):
        strokes = draw(label, "test", place)
        points = np.concatenate(strokes)
        assert points.min(axis=0) == pytest.approx((0, 0))
        assert points.max() == pytest.approx(1)
        assert len(points) <= MAX_POINTS
        for stroke in strokes:
            assert stroke.shape[1] == 2
            assert np.hypot(*np.diff(stroke, axis=0).T).max() < 6 * STEP


# -- chance ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", LABELS)
def test_the_same_seed_draws_the_same_digit_and_no_two_seeds_do(label: str):
    drawn = [draw(label, "test", seed) for seed in range(5)]
    assert same(drawn[0], draw(label, "test", 0))
    assert not any(same(drawn[0], other) for other in drawn[1:])


def test_no_form_belongs_to_both_hands_and_every_digit_has_several_in_each():
    assert set(FORMS) == {"calibration", "test"}
    for label in LABELS:
        one, other = ({form for _, form in FORMS[hand][label]} for hand in HANDS)
        assert not one & other
        assert min(len(one), len(other)) >= 2


@pytest.mark.parametrize("label", LABELS)
def test_the_same_seed_draws_something_else_with_the_other_hand(label: str):
    assert not same(draw(label, "calibration", 1), draw(label, "test", 1))


def test_writers_differ_in_everything_and_turn_no_digit_by_more_than_10_degrees():
    chance = np.random.default_rng(1)
    writers = [find_writer(chance) for _ in range(300)]
    for trait in ("slant", "aspect", "waist", "turn", "roundness", "looseness", "overshoot", "apart", "warp", "tremor"):
        assert len({getattr(writer, trait) for writer in writers}) > 200, trait
    assert max(abs(writer.turn) for writer in writers) <= np.radians(10)
