"""Pieces of ink: those of the digit, and what is none of its own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.drawing.find_digit import find_digit
from tests.drawing.sheets import PEN, SIDE, lines, seven

Mask = NDArray[np.bool_]


def ink(*strokes: list[tuple[float, float]], width: int = SIDE, pen: int = PEN) -> Mask:
    return lines(*strokes, width=width, pen=pen) < 128


def frame(inset: int, width: int) -> Mask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    end = SIDE - inset
    mask[inset:end, inset:end] = True
    mask[inset + width : end - width, inset + width : end - width] = False
    return mask


SEVEN = lines(seven()) < 128


@pytest.mark.parametrize("is_drawn", [False, True])
def test_a_digit_alone_is_all_its_ink_in_its_box(is_drawn: bool):
    digit = find_digit(SEVEN, is_drawn=is_drawn)
    rows, columns = np.nonzero(SEVEN)
    assert np.array_equal(digit.ink, SEVEN)
    assert (digit.top, digit.left) == (rows.min(), columns.min())
    assert (digit.bottom, digit.right) == (rows.max() + 1, columns.max() + 1)
    assert digit.side == max(digit.bottom - digit.top, digit.right - digit.left)
    assert (digit.digits, digit.is_framed) == (1, False)


@pytest.mark.parametrize("is_drawn", [False, True])
def test_where_there_is_no_ink_there_is_no_digit(is_drawn: bool):
    digit = find_digit(np.zeros((30, 40), np.bool_), is_drawn=is_drawn)
    assert not digit.ink.any()
    assert (digit.digits, digit.is_framed, digit.side) == (0, False, 0)


@pytest.mark.parametrize("inset", [0, 1, 8, 20])
@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("is_drawn", [False, True])
def test_a_frame_is_peeled_off(inset: int, width: int, is_drawn: bool):
    digit = find_digit(SEVEN | frame(inset, width), is_drawn=is_drawn)
    assert np.array_equal(digit.ink, SEVEN)
    assert digit.is_framed


def test_a_frame_at_the_rim_with_nothing_in_it_is_no_digit():
    digit = find_digit(frame(0, 2))
    assert digit.digits == 0
    assert digit.is_framed


def test_a_ring_that_fills_its_picture_is_a_0_and_no_frame():
    down, across = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    radius = np.hypot(down / 0.95, across / 0.7)
    ring = (radius < 1) & (radius > 0.85)
    for is_drawn in (False, True):
        digit = find_digit(ring, is_drawn=is_drawn)
        assert np.array_equal(digit.ink, ring)
        assert not digit.is_framed


@pytest.mark.parametrize("is_drawn", [False, True])
def test_a_digit_of_bars_that_fills_its_picture_is_no_frame(is_drawn: bool):
    """As a calculator shows a 2."""
    two = np.zeros((SIDE, SIDE), np.bool_)
    two[5:17, 40:200] = two[114:126, 40:200] = two[-17:-5, 40:200] = True
    two[5:126, 188:200] = two[114:-5, 40:52] = True
    dusty = two.copy()
    dusty[60:63, 100:103] = True
    digit = find_digit(dusty, is_drawn=is_drawn)
    assert np.array_equal(digit.ink, two)
    assert not digit.is_framed


@pytest.mark.parametrize("is_drawn", [False, True])
def test_dust_is_dropped_and_the_digit_stays_whole(is_drawn: bool):
    dusty = SEVEN.copy()
    for row, column in ((2, 2), (30, 200), (120, 20), (150, 200), (237, 120)):
        dusty[row : row + 3, column : column + 3] = True
    assert np.array_equal(find_digit(dusty, is_drawn=is_drawn).ink, SEVEN)


def test_on_a_small_field_nothing_is_dust():
    field = np.zeros((28, 28), np.bool_)
    field[5:24, 12:15] = True
    field[6, 9] = True
    assert np.array_equal(find_digit(field, is_drawn=True).ink, field)


def test_what_the_edge_cuts_off_is_none_of_the_digit():
    neighbour = np.zeros((SIDE, SIDE), np.bool_)
    neighbour[70:84, :30] = neighbour[150:164, :30] = neighbour[70:164, 24:38] = True
    digit = find_digit(SEVEN | neighbour)
    assert np.array_equal(digit.ink, SEVEN)
    assert digit.digits == 1


def test_a_digit_that_touches_the_rim_is_read_where_there_is_no_other():
    cut = np.roll(SEVEN, -70, axis=1)
    assert cut[:, 0].any()
    assert np.array_equal(find_digit(cut).ink, cut)


def test_the_edge_of_a_table_is_none_of_the_digit():
    table = SEVEN.copy()
    table[:, :12] = True
    assert np.array_equal(find_digit(table).ink, SEVEN)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("is_drawn", [False, True])
def test_digits_beside_each_other_are_counted(count: int, is_drawn: bool):
    sheet = ink(*(list(seven(20 + 120 * place, 50, 130)) for place in range(count)), width=40 + 120 * count)
    assert find_digit(sheet, is_drawn=is_drawn).digits == count


@pytest.mark.parametrize("is_drawn", [False, True])
def test_pieces_above_each_other_or_that_overlap_are_one_digit(is_drawn: bool):
    five = ink([(80, 80), (75, 120), (130, 115), (165, 150), (150, 195), (80, 205)], [(95, 45), (170, 45)])
    four = ink([(90, 40), (60, 130), (145, 130)], [(150, 60), (150, 210)])
    for pieces in (five, four):
        digit = find_digit(pieces, is_drawn=is_drawn)
        assert digit.digits == 1
        assert np.array_equal(digit.ink, pieces)


def test_a_small_piece_far_away_is_none_of_a_written_digit_and_a_near_one_is():
    far, near = SEVEN.copy(), SEVEN.copy()
    far[205:229, 2:22] = True
    near[100:108, 128:160] = True
    assert np.array_equal(find_digit(far).ink, SEVEN)
    assert np.array_equal(find_digit(near).ink, near)


@pytest.mark.parametrize("is_drawn", [False, True])
def test_a_small_piece_beside_the_digit_is_no_second_one(is_drawn: bool):
    beside = SEVEN.copy()
    beside[90:120, 175:200] = True
    digit = find_digit(beside, is_drawn=is_drawn)
    assert np.array_equal(digit.ink, beside)
    assert digit.digits == 1


@pytest.mark.parametrize("is_drawn", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 3), (28, 29)])
def test_masks_of_odd_shapes_have_a_digit_or_none(shape: tuple[int, int], is_drawn: bool):
    for mask in (np.ones(shape, np.bool_), np.zeros(shape, np.bool_), np.indices(shape).sum(axis=0) % 2 == 0):
        digit = find_digit(mask, is_drawn=is_drawn)
        assert digit.ink.shape == shape
        assert (digit.digits > 0) == digit.ink.any()
        assert not (digit.ink & ~mask).any()


def test_the_mask_itself_is_not_changed():
    mask = SEVEN | frame(0, 2)
    before = mask.copy()
    find_digit(mask)
    assert np.array_equal(mask, before)
