"""On what people write, and with what: each of these digits is read rightly on plain paper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.drawing.recipe import Seen
from tests.conftest import long
from tests.drawing.sheets import (
    SIDE,
    Colour,
    Coverage,
    Values,
    lines,
    on,
    photographed,
    seen,
    seven,
    unread,
    written,
)

MANY = 27
"""Digits, as many as the table of faults has."""

Sheet = Callable[[Coverage], Values]


@pytest.fixture(scope="module")
def good(read: Callable[[Seen], str]) -> list[tuple[str, Coverage]]:
    """Digits that are read rightly on plain paper."""
    right = [one for one in written(40) if read(seen(on(one.ink))) == one.label]
    assert len(right) >= MANY
    return [(one.label, one.ink) for one in right[:MANY]]


@pytest.fixture
def wrong(read: Callable[[Seen], str], good: list[tuple[str, Coverage]]) -> Callable[[Sheet], int]:
    """How many of them are answered wrongly on such sheets; one that is not read, and said so, is none of these."""

    def count(sheet: Sheet) -> int:
        shown = [(label, seen(sheet(ink))) for label, ink in good]
        return sum(one.unread is None and read(one) != label for label, one in shown)

    return count


@pytest.fixture
def right(read: Callable[[Seen], str], good: list[tuple[str, Coverage]]) -> Callable[[Sheet], int]:
    """How many are read rightly."""

    def count(sheet: Sheet) -> int:
        shown = [(label, seen(sheet(ink))) for label, ink in good]
        return sum(one.unread is None and read(one) == label for label, one in shown)

    return count


# -- frames ------------------------------------------------------------------------------------------------------------


def framed(values: Values, *, level: int, width: int, inset: int, sides: str = "tblr") -> Values:
    """A frame; where it lacks a side, the picture's edge has cut it off, and the others go on to the edge."""
    framed = values.copy()
    height, across = framed.shape[:2]
    top, left = (inset if side in sides else 0 for side in "tl")
    bottom, right = (full - (inset if side in sides else 0) for full, side in ((height, "b"), (across, "r")))
    for side, lane in (
        ("t", np.s_[top : top + width, left:right]),
        ("b", np.s_[bottom - width : bottom, left:right]),
        ("l", np.s_[top:bottom, left : left + width]),
        ("r", np.s_[top:bottom, right - width : right]),
    ):
        if side in sides:
            framed[lane] = level
    return framed


@pytest.mark.parametrize("inset", [0, 5, *long(1, 20)])
@pytest.mark.parametrize("width", [1, 3, *long(2)])
@pytest.mark.parametrize("level", [0, 0x33])
def test_a_digit_within_a_frame_is_read(right: Callable[[Sheet], int], level: int, width: int, inset: int):
    assert right(lambda ink: framed(on(ink), level=level, width=width, inset=inset)) == MANY


@pytest.mark.parametrize("sides", ["t", "tb", "lr", "tl", "tr", "bl", "br", "tlr"])
@pytest.mark.parametrize("inset", [3, *long(8, 20)])
def test_a_digit_within_a_frame_that_the_edge_has_cut_off_is_read_on_a_photograph(
    right: Callable[[Sheet], int], sides: str, inset: int
):
    read = right(lambda ink: photographed(framed(on(ink), level=0x33, width=2, inset=inset, sides=sides)))
    assert read >= MANY - 1


@pytest.mark.parametrize("sides", ["t", "tb", "tl", "tlr"])
def test_a_digit_within_a_frame_that_the_edge_has_cut_off_is_read_or_said(wrong: Callable[[Sheet], int], sides: str):
    assert wrong(lambda ink: framed(on(ink), level=0, width=2, inset=8, sides=sides)) <= 1


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("level", [0, 0x33])
def test_a_frame_with_nothing_in_it_is_a_frame(level: int, width: int):
    sheet = np.full((SIDE, SIDE), 255, np.uint8)
    assert unread(framed(sheet, level=level, width=width, inset=0)) == "frame"


@pytest.mark.parametrize("inset", [6])
def test_a_frame_inside_of_the_picture_with_nothing_in_it_is_a_frame(inset: int):
    sheet = np.full((SIDE, SIDE), 255, np.uint8)
    assert unread(framed(sheet, level=0, width=2, inset=inset)) == "frame"


# -- paper -------------------------------------------------------------------------------------------------------------


def squared(spacing: int, level: int) -> Sheet:
    """Squared paper whose lines are two pixels wide, below the ink."""

    def sheet(ink: Coverage) -> Values:
        paper = np.full((SIDE, SIDE), 255, np.uint8)
        for begin in range(spacing // 2, SIDE, spacing):
            paper[begin : begin + 2] = paper[:, begin : begin + 2] = level
        return np.minimum(paper, on(ink))

    return sheet


@pytest.mark.parametrize("spacing", [20, *long(40)])
@pytest.mark.parametrize("level", [180, *long(210)])
def test_a_digit_on_squared_paper_is_read(right: Callable[[Sheet], int], spacing: int, level: int):
    paper = squared(spacing, level)
    assert right(paper) >= MANY - 1
    assert right(lambda ink: photographed(paper(ink))) >= MANY - 1


def test_a_digit_on_dark_squared_paper_is_read_or_said(wrong: Callable[[Sheet], int]):
    assert wrong(squared(40, 120)) <= 1


@pytest.mark.parametrize("paper", [60, 100, 128, 129, 180, 255])
def test_paper_of_any_grey_is_paper(right: Callable[[Sheet], int], paper: int):
    assert right(lambda ink: on(ink, paper, 0 if paper > 100 else 255)) == MANY


@pytest.mark.parametrize("place", [(3, 3), (8, SIDE // 2), (SIDE - 6, SIDE - 6)])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_speck_changes_nothing(good: list[tuple[str, Coverage]], place: tuple[int, int], size: int):
    for _, ink in good:
        sheet = on(ink)
        row, column = place
        sheet[row : row + size, column : column + size] = 0
        assert np.array_equal(seen(sheet).pixels, seen(on(ink)).pixels)


# -- ink ---------------------------------------------------------------------------------------------------------------

WHITE: Colour = (255, 255, 255)


@pytest.mark.parametrize(
    ("paper", "pen"),
    [
        pytest.param(WHITE, (255, 255, 0), id="yellow"),
        pytest.param(WHITE, (0, 255, 0), id="lime", marks=pytest.mark.long),
        pytest.param(WHITE, (255, 165, 0), id="orange", marks=pytest.mark.long),
        pytest.param(WHITE, (0, 255, 255), id="cyan", marks=pytest.mark.long),
        pytest.param((128, 128, 128), (0, 0, 255), id="blue on grey", marks=pytest.mark.long),
        pytest.param((92, 92, 92), (50, 80, 200), id="blue on grey of its lightness"),
        pytest.param((0, 130, 0), (255, 0, 0), id="red on green of its lightness", marks=pytest.mark.long),
    ],
)
def test_ink_that_only_its_colour_tells_from_the_paper_is_read(
    right: Callable[[Sheet], int], paper: Colour, pen: Colour
):
    assert right(lambda ink: on(ink, paper, pen)) == MANY
    assert right(lambda ink: photographed(on(ink, paper, pen))) >= MANY - 1


@pytest.mark.parametrize("pen", [128, 152, 200, 235])
def test_grey_ink_on_white_is_read(right: Callable[[Sheet], int], pen: int):
    assert right(lambda ink: on(ink, 255, pen)) == MANY


def test_pencil_is_read(right: Callable[[Sheet], int]):
    assert right(lambda ink: on(ink, 235, 152)) == MANY
    assert right(lambda ink: photographed(on(ink, 235, 152), noise=5)) >= MANY - 1


@pytest.mark.parametrize("pen", [245, 250])
def test_ink_that_hardly_differs_from_its_paper_is_faint_and_never_blank(pen: int):
    assert unread(on(written(1)[0].ink, 255, pen)) == "faint"


def test_of_the_grain_of_an_empty_sheet_nobody_says_that_it_is_ink():
    grain = np.random.default_rng(1).normal(0, 3, (600, 600))
    finding = seen(np.clip(235 + grain, 0, 255).astype(np.uint8)).unread
    assert finding is not None
    assert "ink" not in finding.remedy.lower()


@pytest.mark.parametrize("contrast", range(8, 130, 6))
def test_beside_a_visible_7_nothing_is_called_blank(contrast: int):
    sheet = lines(seven())
    pale = np.where(sheet == 0, 255 - contrast, 255).astype(np.uint8)
    for values in (pale, 255 - pale, photographed(pale, noise=1)):
        assert unread(values) in (None, "faint")
    assert unread(pale) is None or contrast < 0.06 * 255


def test_ink_as_weak_as_the_noise_is_not_several_digits():
    chance = np.random.default_rng(0)
    for one in written(10):
        noisy = on(one.ink, 235, 225) + chance.normal(0, 5, (SIDE, SIDE))
        assert unread(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)) in (None, "faint", "blank")


def test_a_neighbour_that_the_edge_cuts_is_none(read: Callable[[Seen], str], good: list[tuple[str, Coverage]]):
    right = 0
    for label, ink in good:
        sheet = on(ink)
        sheet[60:190, :14] = np.minimum(sheet[60:190, :14], on(good[5][1])[60:190, 100:114])
        sheet[70:180, :10] = 0
        right += read(seen(photographed(sheet))) == label
    assert right >= MANY - 1


# -- sheets on something else ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("around", "paper", "pen"), [(60, 205, 40), *long((255, 0, 255), (200, 50, 210))])
@pytest.mark.parametrize("take", [lambda values: values, photographed], ids=["drawn", "photographed"])
def test_a_digit_on_a_sheet_that_lies_on_something_else_is_read(
    right: Callable[[Sheet], int], around: int, paper: int, pen: int, take: Callable[[Values], Values]
):
    def sheet(ink: Coverage) -> Values:
        return take(np.pad(on(ink, paper, pen), 70, constant_values=around))

    assert right(sheet) >= MANY - 6


def test_a_board_with_a_light_frame_is_a_board(right: Callable[[Sheet], int]):
    assert right(lambda ink: photographed(np.pad(on(ink, 55, 210), 18, constant_values=220))) >= MANY - 2


@pytest.mark.parametrize("gap", [40, 80])
def test_digits_one_above_the_other_are_two(gap: int):
    sheet = lines(seven(60, 40, 120), seven(60, 160 + gap, 120), height=340 + gap)
    assert unread(sheet) == unread(photographed(sheet)) == "several-digits"


def test_a_ring_around_a_digit_is_none_of_it():
    sheet = Image.fromarray(lines(seven(95, 85, 75), pen=8))
    ImageDraw.Draw(sheet).ellipse((40, 45, 200, 205), outline=0, width=6)
    assert unread(np.array(sheet)) is None
    bare, ringed = seen(lines(seven(95, 85, 75), pen=8)), seen(np.array(sheet))
    assert np.array_equal(bare.pixels, ringed.pixels)
