"""Lines: thin ones become about as wide as MNIST's, others stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from app.drawing.line_width import FARTHEST, WIDE, as_wide_as_mnist, distances
from app.drawing.normalise import BOX, normalise
from tests.conftest import Mnist

Floats = NDArray[np.float32]


def upright(pen: float, side: int = 200) -> Floats:
    """A straight line with a pixel of paper around it, its right edge grey where `pen` is no whole number."""
    width = int(np.ceil(pen))
    line = np.ones((side, width), np.float32)
    line[:, -1] = 1 - (width - pen)
    return np.pad(line, 1)


def cross(pen: int, side: int = 200) -> Floats:
    sheet = Image.new("L", (side, side), 0)
    pencil = ImageDraw.Draw(sheet)
    pencil.line([(0, 0), (side, side)], fill=255, width=pen)
    pencil.line([(side, 0), (0, side)], fill=255, width=pen)
    return np.asarray(sheet, np.float32) / 255


def width_of(ink: Floats) -> float:
    """Of a line across the whole longest side, in pixels of the 28x28 field."""
    return float(normalise(np.rint(ink * 255).astype(np.uint8)).sum() / 255 / BOX)


@pytest.mark.parametrize("side", [60, 200, 900])
@pytest.mark.parametrize("share", [0.01, 0.02, 0.04, 0.07])
def test_a_thin_line_becomes_about_as_wide_as_mnist_s(side: int, share: float):
    pen = max(1.0, share * side)
    assert width_of(as_wide_as_mnist(upright(pen, side))) == pytest.approx(WIDE, abs=0.6)


@pytest.mark.parametrize("pen", [2, 4, 8])
def test_a_digit_of_thin_lines_has_as_much_ink_as_one_of_wide_ones(pen: int):
    assert width_of(as_wide_as_mnist(cross(pen))) == pytest.approx(width_of(cross(24)), rel=0.25)


@pytest.mark.parametrize("pen", [24, 30, 60])
def test_a_line_that_is_wide_enough_stays_as_it_is(pen: int):
    for ink in (upright(pen), cross(pen)):
        assert np.array_equal(as_wide_as_mnist(ink), ink)


def test_of_mnist_s_own_digits_some_stay_as_they_are_and_the_others_are_widened_a_little(mnist: Mnist):
    """The outside truth: their median is 1.95, and it must not move far."""
    before, after = [], []
    for digit in mnist.test_images[:300]:
        box = digit[np.ix_((digit > 128).any(axis=1), (digit > 128).any(axis=0))].astype(np.float32) / 255
        before.append(float(box.sum()))
        after.append(float(as_wide_as_mnist(box).sum() * (max(box.shape) / max(as_wide_as_mnist(box).shape)) ** 2))
    assert np.median(after) == pytest.approx(np.median(before), rel=0.15)
    assert 0.2 <= np.mean(np.isclose(after, before)) <= 0.8


def test_edges_of_widened_lines_are_grey_and_both_sides_are_widened_alike():
    wide = as_wide_as_mnist(upright(3.0))
    assert np.count_nonzero((wide > 0.05) & (wide < 0.95)) > 0
    assert np.allclose(wide, wide[:, ::-1])
    assert np.allclose(wide, wide[::-1])
    assert wide.min() >= 0
    assert wide.max() <= 1


def test_widened_lines_keep_their_place():
    """The field grows by the same margin on each side."""
    thin = cross(4)
    wide = as_wide_as_mnist(thin)
    grown = wide.shape[0] - 160
    assert grown > 0
    assert grown % 2 == 0
    rows, columns = np.indices(wide.shape)
    assert float((rows * wide).sum() / wide.sum()) == pytest.approx((wide.shape[0] - 1) / 2, abs=1)
    assert float((columns * wide).sum() / wide.sum()) == pytest.approx((wide.shape[1] - 1) / 2, abs=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 3), (2, 900)])
def test_ink_of_odd_shapes_stays_ink(shape: tuple[int, int]):
    with np.errstate(all="raise"):
        ink = as_wide_as_mnist(np.ones(shape, np.float32))
    assert ink.max() == 1
    assert ink.dtype == np.float32


def test_the_ink_itself_is_not_changed():
    ink = cross(4)
    before = ink.copy()
    as_wide_as_mnist(ink)
    assert np.array_equal(ink, before)


@pytest.mark.parametrize("seed", range(40))
def test_distances_are_those_of_scipy(seed: int) -> None:
    chance = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(chance.standard_normal(tuple(chance.integers(1, 90, 2))), chance.uniform(0, 5))
    inside = noise > np.quantile(noise, chance.uniform(0, 0.5))
    inside.flat[0] = False  # somewhere distance begins
    expected = ndimage.distance_transform_edt(inside).astype(np.float32)
    assert np.array_equal(distances(inside), expected)
    within = chance.uniform(0, 12)
    assert np.array_equal(np.clip(distances(inside, within=within), 0, within), np.clip(expected, 0, within))


def test_distances_of_what_is_outside_are_zero() -> None:
    assert not distances(np.zeros((5, 4), np.bool_)).any()


def test_distances_end_at_the_farthest() -> None:
    inside = np.ones((400, 3), np.bool_)
    inside[0] = False
    assert distances(inside)[:, 1].tolist() == [min(row, FARTHEST) for row in range(400)]
