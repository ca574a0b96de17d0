"""Strokes of a pen, drawn by the recipe: what the model sees does not depend on the canvas."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.drawing import strokes as pen
from app.drawing.normalise import normalise
from app.drawing.refusals import UnreadableImage
from app.drawing.skew import find_skew
from app.drawing.strokes import FARTHEST, MAX_POINTS, PEN, draw_strokes
from app.model.formats import read_model
from app.verify.card import read_card
from tests.cli.test_image_files import centre, ink_box
from tests.installation import CARD, Published

Grey = NDArray[np.uint8]
Points = list[tuple[float, float]]


def arc(x: float, y: float, across: float, down: float, begin: float, end: float) -> Points:
    """A part of an ellipse around (x, y); 0 degrees is to the right, 90 below."""
    turns = np.radians(np.linspace(begin, end, 25))
    return [(x + across * math.cos(turn), y + down * math.sin(turn)) for turn in turns]


HAND: dict[str, list[Points]] = {
    "0": [arc(0.5, 0.5, 0.3, 0.5, -90, 270)],
    "1": [[(0.5, 0.0), (0.46, 1.0)]],
    "2": [[*arc(0.5, 0.27, 0.32, 0.27, -170, 40), (0.12, 1.0), (0.9, 0.97)]],
    "3": [[*arc(0.45, 0.25, 0.3, 0.25, -150, 90), *arc(0.45, 0.75, 0.35, 0.25, -90, 150)]],
    "4": [[(0.2, 0.0), (0.12, 0.5), (0.8, 0.47)], [(0.78, 0.02), (0.7, 1.0)]],
    "5": [[(0.75, 0.0), (0.3, 0.02), (0.25, 0.42), *arc(0.42, 0.7, 0.33, 0.3, -100, 140)]],
    "6": [[(0.62, 0.0), (0.35, 0.35), *arc(0.45, 0.75, 0.25, 0.25, 200, -170)]],
    "7": [[(0.1, 0.06), (0.8, 0.0), (0.4, 1.0)]],
    "8": [[*arc(0.5, 0.25, 0.23, 0.25, 90, -270), *arc(0.5, 0.75, 0.27, 0.25, -90, 270)]],
    "9": [[*arc(0.45, 0.28, 0.27, 0.27, 0, -360), (0.7, 0.3), (0.6, 1.0)]],
}
"""Digits in a field of 1x1."""


def on_canvas(digit: str, side: float, *, scale: float = 0.7, x: float = 0.15, y: float = 0.15) -> list[Points]:
    return [[(side * (x + scale * px), side * (y + scale * py)) for px, py in stroke] for stroke in HAND[digit]]


def in_whole_pixels(strokes: list[Points]) -> list[Points]:
    return [[(round(x), round(y)) for x, y in stroke] for stroke in strokes]


def difference(one: Grey, other: Grey) -> Grey:
    return np.abs(one.astype(int) - other)


def mean_apart(one: Grey, other: Grey) -> float:
    """The mean difference of grey values, of 255, where a shift by one pixel is none: the centre of mass is put on a
    whole pixel, and half a grey step may decide on which."""
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float(difference(one, np.roll(other, shift, (0, 1))).mean()) for shift in shifts)


# -- the recipe --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digit", HAND)
def test_the_ink_is_20_pixels_long_and_its_mass_is_in_the_centre(digit: str):
    image = draw_strokes(on_canvas(digit, 280))
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert max(ink_box(image)) == 20
    assert centre(image) == pytest.approx((14, 14), abs=0.51)


@pytest.mark.parametrize("digit", HAND)
@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v2.0"])
def test_plainly_drawn_digits_are_read_and_nothing_about_them_is_odd(
    published: Callable[[str], Published], version: str, digit: str
):
    release = published(version)
    scorer = read_model(release.artefact)
    contract = read_card(release.files[CARD]).contract
    assert contract is not None
    if digit in scorer.classes:
        image = draw_strokes(on_canvas(digit, 280))[np.newaxis]
        assert scorer.classes[int(scorer.scores(image).argmax())] == digit
        assert find_skew(image, contract.profile) == [()]


def test_each_pixel_is_as_dark_as_its_distance_from_the_line_says():
    """The definition, pixel by pixel, on a stroke of uneven pieces that crosses itself."""
    stroke = [(0.0, 0.0), (100.0, 3.0), (99.0, 80.0), (98.5, 80.0), (20.0, 10.0), (3.0, 70.0)]
    scale = (20 - PEN) / 100
    drawn = [(PEN / 2 + scale * x, PEN / 2 + scale * y) for x, y in stroke]
    expected = np.zeros((20, 20))
    for row in range(20):
        for column in range(20):
            distance = min(from_line((column + 0.5, row + 0.5), *ends) for ends in pairwise(drawn))
            expected[row, column] = 255 * min(max(PEN / 2 + 0.5 - distance, 0), 1)
    image = draw_strokes([stroke])
    rows, columns = np.nonzero(image)
    found = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert np.abs(found - expected[: len(found), : found.shape[1]]).max() <= 0.51
    assert np.count_nonzero(expected >= 0.5) == np.count_nonzero(image)


def from_line(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    along = (end[0] - start[0], end[1] - start[1])
    share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / (along[0] ** 2 + along[1] ** 2)
    share = min(max(share, 0), 1)
    return math.dist(point, (start[0] + share * along[0], start[1] + share * along[1]))


@pytest.mark.parametrize("digit", ["2", "4", "8"])
def test_it_gives_nearly_what_the_bitmap_of_the_same_pen_gives(digit: str):
    side, scale = 400, 0.7
    longest = side * scale * max(np.ptp([point for stroke in HAND[digit] for point in stroke], axis=0))
    width = longest * PEN / (20 - PEN)
    canvas = np.zeros((side, side), bool)
    y, x = np.indices(canvas.shape)
    for stroke in on_canvas(digit, side):
        for start, end in pairwise(stroke):
            for share in np.linspace(0, 1, max(2, int(math.dist(start, end) / width * 6))):
                px, py = (a + share * (b - a) for a, b in zip(start, end, strict=True))
                canvas |= np.hypot(x + 0.5 - px, y + 0.5 - py) < width / 2
    bitmap = normalise(canvas.astype(np.uint8) * 255)
    assert mean_apart(draw_strokes(on_canvas(digit, side)), bitmap) < 6


def test_a_line_of_a_thousand_points_is_the_line_of_two():
    many = [(100 + 80 * share, 50 + 30 * share) for share in np.linspace(0, 1, 1000)]
    assert difference(draw_strokes([many]), draw_strokes([[many[0], many[-1]]])).max() <= 1


def test_strokes_are_not_joined():
    apart = draw_strokes([[(0, 0), (0, 100)], [(60, 0), (60, 100)]])
    joined = draw_strokes([[(0, 0), (0, 100), (60, 0), (60, 100)]])
    middle = apart[:, 12:16]
    assert not middle.any()
    assert joined[:, 12:16].any()


# -- any canvas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, 28, 100, 333.3, 1000, 100_000])
@pytest.mark.parametrize("digit", HAND)
def test_the_size_of_the_canvas_and_the_place_on_it_do_not_matter(digit: str, side: float):
    there = draw_strokes(on_canvas(digit, side))
    assert difference(there, draw_strokes(on_canvas(digit, 280))).max() <= 1
    assert difference(there, draw_strokes(on_canvas(digit, side, scale=0.2, x=0.71, y=0.03))).max() <= 1


@pytest.mark.parametrize("side", [1.7, 100, 281, 999])
@pytest.mark.parametrize(("right", "down"), [(0, 1), (1, 0), (1, 1), (0.3, 1), (1, -0.5)])
def test_a_straight_line_lies_on_the_same_pixels_whatever_its_length(side: float, right: float, down: float):
    """Its centre of mass is halfway between two pixels."""
    lines = [[[(x, y), (x + size * right, y + size * down)]] for x, y, size in ((0, 0, 1), (side / 3, side / 7, side))]
    assert difference(*map(draw_strokes, lines)).max() <= 1


@pytest.mark.parametrize("side", range(100, 1001, 100))
@pytest.mark.parametrize("digit", HAND)
def test_points_in_whole_pixels_give_the_same_within_one_grey_step_of_the_median_pixel(digit: str, side: int):
    image = draw_strokes(in_whole_pixels(on_canvas(digit, side)))
    true = draw_strokes(on_canvas(digit, 280))
    assert np.median(difference(image, true)) <= 1
    assert mean_apart(image, true) < 6


# -- dots and nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [[], [[]], [[], []], [np.empty((0, 2))]])
def test_no_points_are_all_paper(nothing: list[Points]):
    image = draw_strokes(nothing)
    assert image.shape == (28, 28)
    assert not image.any()


@pytest.mark.parametrize("tap", [[[(7, 9)]], [[(7, 9), (7, 9)]], [[(7, 9)], [], [(7, 9)]], [[(7, 9), (7, 9.0001)]]])
def test_a_tap_is_a_dot_as_wide_as_the_pen(tap: list[Points]):
    image = draw_strokes(tap)
    assert ink_box(image) == (2, 2)
    assert centre(image) == pytest.approx((14, 14), abs=0.51)


def test_the_tap_of_an_unsteady_hand_is_a_dot_too():
    unsteady = [[(140, 140), (143, 141), (141, 146)]]
    assert np.array_equal(draw_strokes(unsteady, pen_width=16), draw_strokes([[(140, 140)]]))
    assert max(ink_box(draw_strokes(unsteady, pen_width=5))) == 20


@pytest.mark.parametrize("pen_width", [0, 3, 16, 100])
def test_the_pen_s_width_on_the_canvas_does_not_matter_otherwise(pen_width: float):
    assert np.array_equal(draw_strokes(on_canvas("5", 280), pen_width=pen_width), draw_strokes(on_canvas("5", 280)))


def test_a_dot_beside_a_stroke_is_drawn():
    image = draw_strokes([[(0, 0), (0, 100)], [(60, 50)]])
    assert image[:, 16:].any()


# -- hostile input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.1 * FARTHEST, -1e308])
def test_a_coordinate_that_is_no_place_is_refused(value: float):
    with pytest.raises(UnreadableImage, match="a coordinate that is none"):
        draw_strokes([[(0, 0), (1, 1)], [(1, value)]])


def test_as_many_points_as_the_limit_are_drawn_and_one_more_is_refused():
    points = [(index % 7, index % 5) for index in range(MAX_POINTS)]
    assert draw_strokes([points]).any()
    with pytest.raises(UnreadableImage, match=": 5,001 points; expected at most 5,000"):
        draw_strokes([points, [(0, 0)]])


def test_however_long_the_lines_are_they_are_drawn_in_portions(monkeypatch: pytest.MonkeyPatch):
    zigzag = [(280 * (index % 2), index) for index in range(200)]
    whole = draw_strokes([zigzag])
    monkeypatch.setattr(pen, "PIECES_AT_ONCE", 7)
    assert np.array_equal(draw_strokes([zigzag]), whole)


COORDINATE = st.floats(-FARTHEST, FARTHEST) | st.integers(-300, 300).map(float) | st.floats(-1e-6, 1e-6)


@settings(max_examples=100)
@given(st.lists(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=6), max_size=5))
def test_any_points_give_ink_that_lies_in_the_box(strokes: list[Points]):
    image = draw_strokes(strokes)
    assert image.any() == any(strokes)
    if image.any():
        assert max(ink_box(image)) <= 20
