"""Ink on a page: where it should be, as wide as the pen, of strokes and of MNIST's digits."""

from __future__ import annotations

import numpy as np
import pytest

from drawn.page import Page, ink_box, ink_of_digit, ink_of_strokes, pen_width
from tests.conftest import Mnist

PAGE = Page(height=300, width=400, x=180.0, y=140.0, side=200.0, pen=12.0)
ONE = [np.array([(0.5, 0.0), (0.5, 0.5), (0.5, 1.0)])]


def chance() -> np.random.Generator:
    return np.random.default_rng(1)


def test_strokes_lie_where_the_page_says_whatever_their_unit():
    ink = ink_of_strokes(ONE, PAGE, chance())
    assert ink.shape == (300, 400)
    assert ink.min() == 0
    assert ink.max() == 1
    left, top, right, bottom = ink_box(ink)
    assert (left + right) / 2 == pytest.approx(180, abs=2)
    assert (top + bottom) / 2 == pytest.approx(140, abs=3)
    assert bottom - top == pytest.approx(212, abs=5)
    assert np.array_equal(ink, ink_of_strokes([1000 * ONE[0]], PAGE, chance()))


@pytest.mark.parametrize("pen", [3.0, 12.0, 24.0])
def test_a_line_is_as_wide_as_the_pen(pen: float):
    assert pen_width(ink_of_strokes(ONE, PAGE._replace(pen=pen), chance())) == pytest.approx(pen, rel=0.3, abs=1)


def test_a_page_that_is_turned_turns_the_digit_clockwise():
    ink = ink_of_strokes(ONE, PAGE._replace(turn=90.0), chance())
    left, top, right, bottom = ink_box(ink)
    assert right - left > 200
    assert bottom - top < 20
    ink = ink_of_strokes(ONE, PAGE._replace(turn=20.0), chance())
    assert np.flatnonzero(ink[60] > 0.5).mean() > 180 > np.flatnonzero(ink[220] > 0.5).mean()
    ink = ink_of_strokes([ONE[0][:, ::-1]], PAGE._replace(turn=20.0), chance())
    assert np.flatnonzero(ink[:, 100] > 0.5).mean() < 140 < np.flatnonzero(ink[:, 260] > 0.5).mean()


def test_digits_of_mnist_have_the_page_s_place_and_size(mnist: Mnist):
    for digit in mnist.test_images[:30]:
        left, top, right, bottom = ink_box(ink_of_digit(digit, PAGE))
        assert max(bottom - top, right - left) == pytest.approx(212, abs=20)
        assert (left + right) / 2 == pytest.approx(180, abs=8)
        assert (top + bottom) / 2 == pytest.approx(140, abs=8)


def test_a_page_s_pen_makes_the_lines_of_mnist_thin(mnist: Mnist):
    for digit in mnist.test_images[:20]:
        thick, thin = ink_of_digit(digit, PAGE._replace(pen=40.0)), ink_of_digit(digit, PAGE._replace(pen=4.0))
        assert pen_width(thick) > 10
        assert pen_width(thin) < 10
        assert 0 < thin.sum() < 0.5 * thick.sum()
