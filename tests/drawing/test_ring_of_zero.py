"""The ring of a 0, for versions that were never taught one: on MNIST's held-out digits, and on strokes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.drawing.ring_of_zero import MAY_BE_WITHHELD, SMALLEST, SPLIT, THICKEST, has_ring, with_withheld
from app.drawing.strokes import draw_strokes
from app.model.contract import INK_ABOVE


def arc(*, begin: float = 0, end: float = 360, width: float = 7, height: float = 10) -> list[tuple[float, float]]:
    """Points of an ellipse; 0 degrees is its right end, 90 its lower one."""
    angles = np.radians(np.linspace(begin, end, 60))
    return [(width * math.cos(angle), height * math.sin(angle)) for angle in angles]


def test_most_zeros_of_the_held_out_digits_have_one_and_few_others(mnist):
    """The bounds were chosen on the training digits; docs/decisions.md has these figures."""
    rings, zeros = np.array(has_ring(mnist.test_images)), mnist.test_labels == 0
    assert rings[zeros].mean() >= 0.6
    assert rings[~zeros].mean() <= 0.01
    assert (int(rings[zeros].sum()), int(zeros.sum())) == (894, 980)
    assert (int(rings[~zeros].sum()), int((~zeros).sum())) == (49, 9_020)


@pytest.mark.parametrize(
    "strokes",
    [
        [arc()],
        [arc(width=4)],
        [arc(begin=-90, end=255)],
        [arc(begin=-60, end=290)],
        [arc(begin=-90, end=90), arc(begin=90, end=270)],
        [[*arc(begin=-90, end=285), (0, -14)]],
    ],
    ids=["round", "narrow", "hardly closed", "too long", "two strokes", "a tail of a few pixels"],
)
def test_a_zero_has_one_however_it_is_drawn(strokes):
    assert has_ring(draw_strokes(strokes)[np.newaxis]) == [True]


@pytest.mark.parametrize(
    "strokes",
    [
        [arc(begin=45, end=315)],
        [arc(begin=-10, end=190)],
        [[*arc(begin=-90, end=270, height=5, width=5), (5, 15)]],
        [[(0, -18), *arc(begin=-180, end=180, height=6, width=5)]],
        [arc(height=5, width=5), [(x, y + 10) for x, y in arc(height=5, width=5)]],
        [[(0, 0), (0, 20)]],
        [[(0, 0)]],
        [],
    ],
    ids=["c", "u", "9", "6", "8", "1", "dot", "blank"],
)
def test_another_shape_has_none(strokes):
    assert has_ring(draw_strokes(strokes)[np.newaxis]) == [False]


def test_the_words_of_rows_say_what_single_pixels_say(mnist):
    images = np.concatenate([mnist.test_images[mnist.test_labels == digit][:60] for digit in range(10)])
    noise = np.random.default_rng(7).integers(0, 256, (100, 28, 28), np.uint8)
    images = np.concatenate([images, noise, np.full((1, 28, 28), 255, np.uint8)])
    expected = [plain(image > INK_ABOVE) for image in images]
    assert has_ring(images) == expected == [ring for image in images for ring in has_ring(image[np.newaxis])]
    assert 50 < sum(expected) < 100


def plain(ink: np.ndarray) -> bool:
    """The rule, pixel by pixel."""
    where = {(row, column) for row, column in np.argwhere(ink).tolist()}
    inside = {
        (row, column)
        for row in range(28)
        for column in range(28)
        if (row, column) not in where
        and all(
            any((row + down * step, column + right * step) in where for step in range(1, 28))
            for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
        )
    }
    if len(inside) < SMALLEST:
        return False
    ends = [
        (min(place[axis] for place in points), max(place[axis] for place in points))
        for axis in (0, 1)
        for points in (where, inside)
    ]
    margins = [abs(one - other) for pair in (ends[:2], ends[2:]) for one, other in zip(*pair, strict=True)]
    first, last = ends[1]
    split = 0
    for column in range(28):
        rows = sorted(row for row, other in inside if other == column)
        split += bool(rows) and rows[-1] - rows[0] + 1 > len(rows)
    return max(margins) <= THICKEST and {row for row, _ in inside} == set(range(first, last + 1)) and split <= SPLIT


def test_it_is_found_beside_what_else_is_found_and_only_where_0_is_withheld(mnist):
    images = np.stack([draw_strokes([arc()]), draw_strokes([[(0, 0), (0, 1)]]), draw_strokes([arc()])])
    other = (MAY_BE_WITHHELD._replace(name="other"),)
    found = [(), (), other]
    assert with_withheld(found, images, ("0",)) == [(MAY_BE_WITHHELD,), (), (*other, MAY_BE_WITHHELD)]
    assert with_withheld(found, images, ()) is found
    assert with_withheld(found, images, ("7", "8")) is found
    assert with_withheld([], np.empty((0, 28, 28), np.uint8), ("0",)) == []
