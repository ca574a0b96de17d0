"""From any picture to what the model is shown: one digit, or said why not; the same for the same picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.drawing.line_width import WIDE
from app.drawing.recipe import EMPTY, Seen, see_strokes
from tests.drawing.sheets import (
    PEN,
    SIDE,
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

Sheet = Callable[[Coverage], Values]


def plain(ink: Coverage) -> Values:
    return on(ink)


# -- nothing, too small, too many --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
def test_a_sheet_with_nothing_on_it_is_blank(level: int):
    assert unread(np.full((90, 120), level, np.uint8)) == "blank"
    assert unread(np.full((90, 120, 3), (level, 10, 200), np.uint8)) == "blank"


def test_paper_alone_is_blank_in_any_light():
    assert unread(photographed(np.full((SIDE, SIDE), 255, np.uint8))) == "blank"


@pytest.mark.parametrize("side", [3, 4, 5])
def test_a_tiny_digit_is_too_small_and_the_remedy_says_how_small(side: int):
    for sheet in (lines(seven(100, 100, side), pen=1), photographed(lines(seven(100, 100, side), pen=1))):
        finding = seen(sheet).unread
        assert finding is not None
        assert finding.name == "too-small"
        assert any(f"only {pixels} pixels" in finding.remedy for pixels in (side, side + 1, side + 2))


@pytest.mark.parametrize("side", [10, 16])
def test_a_small_digit_is_read(read: Callable[[Seen], str], side: int):
    assert read(seen(lines(seven(100, 100, side), pen=2))) == "7"


def test_a_small_digit_on_a_large_photograph_is_looked_at_again_alone():
    """As sharp as one that fills its picture: the file's own pixels are used."""
    large = np.full((1200, 1200), 255, np.uint8)
    large[500:740, 500:740] = lines(seven())
    alone, far = seen(photographed(lines(seven()))), seen(photographed(large))
    assert np.abs(alone.pixels.astype(int) - far.pixels).mean() < 8


@pytest.mark.parametrize("side", [30, 40, 60])
def test_one_fiftieth_of_a_large_photograph_is_read_and_two_of_them_are_two(read: Callable[[Seen], str], side: int):
    large = np.full((1500, 2000), 255, np.uint8)
    small = lines(seven(10, 10, side), pen=4)[: side + 20, : side + 20]
    large[700 : 720 + side, 500 : 520 + side] = small
    assert read(seen(photographed(large))) == "7"
    large[700 : 720 + side, 520 + side : 540 + 2 * side] = small
    assert unread(photographed(large)) == "several-digits"


@pytest.mark.parametrize("turn", [0, 2])
def test_a_marker_s_1_that_runs_over_the_rim_is_read(read: Callable[[Seen], str], turn: int):
    sheet = lines([(150, 100), (140, 400)], pen=40, width=300, height=440)
    assert read(seen(photographed(np.rot90(sheet[80:370], turn)))) == "1"


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("take", [lambda values: values, photographed], ids=["drawn", "photographed"])
def test_several_digits_are_counted(count: int, take: Callable[[Values], Values]):
    sheet = take(lines(*(seven(30 + 130 * place, 50) for place in range(count)), width=60 + 130 * count))
    finding = seen(sheet).unread
    assert finding is not None
    assert finding.name == "several-digits"
    assert f"are {count} digits" in finding.remedy


def test_digits_one_above_the_other_are_not_said_to_be_side_by_side():
    finding = seen(np.vstack([lines(seven()), lines(seven())])).unread
    assert finding is not None
    assert finding.remedy == "There are 2 digits: send a picture of each."


def test_a_7_beside_a_1_is_two_digits():
    """The 1 is as straight as an edge of paper."""
    assert unread(lines(seven(30, 50), [(190, 50), (190, 190)])) == "several-digits"


def rings(*boxes: tuple[int, int, int, int]) -> Values:
    sheet = Image.new("L", (SIDE, SIDE), 255)
    for box in boxes:
        ImageDraw.Draw(sheet).ellipse(box, outline=0, width=12)
    return np.array(sheet)


PIECES = {
    "a 4 in two strokes": ("4", lines([(90, 40), (60, 130), (170, 130)], [(150, 60), (150, 210)])),
    "a 5 with its hat apart": (
        "5",
        lines([(80, 70), (75, 120), (130, 115), (165, 150), (150, 195), (80, 205)], [(95, 42), (170, 42)]),
    ),
    "an 8 of two rings": ("8", rings((75, 43, 145, 107), (80, 120, 170, 200))),
}


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("take", [lambda values: values, photographed], ids=["drawn", "photographed"])
def test_pieces_of_one_digit_are_one_digit(read: Callable[[Seen], str], name: str, take: Callable[[Values], Values]):
    label, sheet = PIECES[name]
    assert read(seen(take(sheet))) == label


# -- what never matters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("take", [plain, lambda ink: photographed(on(ink))], ids=["drawn", "photographed"])
def test_the_same_picture_is_seen_the_same_and_stays_as_it_was(take: Sheet):
    for one in written(10):
        values = take(one.ink)
        before = values.copy()
        once = seen(values)
        values.flags.writeable = False
        assert np.array_equal(seen(values).pixels, once.pixels)
        assert np.array_equal(values, before)


@pytest.mark.parametrize("take", [plain, lambda ink: photographed(on(ink), noise=1)], ids=["drawn", "photographed"])
def test_a_picture_and_the_same_one_half_or_twice_as_large_are_seen_alike(take: Sheet):
    apart = []
    for one in written(20):
        values = take(one.ink)
        there = seen(values).pixels.astype(int)
        for side in (SIDE // 2, 2 * SIDE):
            other = np.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BOX))
            apart.append(np.abs(seen(other).pixels - there).mean())
    assert np.mean(apart) < 6
    assert max(apart) < 20  # a pixel to the side is 15


def test_edges_stay_grey():
    for values in (on(written(1)[0].ink), photographed(on(written(1)[0].ink))):
        pixels = seen(values).pixels
        assert pixels.max() >= 240
        assert np.count_nonzero((pixels > 20) & (pixels < 235)) > 0.2 * np.count_nonzero(pixels)


@pytest.mark.parametrize("pen", [3, 6, 10])
def test_a_line_of_any_thin_pen_is_as_wide_as_mnist_s(pen: int):
    """A digit of one straight line 20 pixels long: its ink by its length is its width."""
    upright = lines([(120, 30), (120, 210)], pen=pen)
    for values in (upright, photographed(upright)):
        assert seen(values).pixels.sum() / 255 / 20 == pytest.approx(WIDE, abs=0.6)


def test_what_is_not_read_is_all_paper_and_cannot_be_written_to():
    shown = seen(np.full((50, 50), 255, np.uint8))
    assert not shown.pixels.any()
    assert shown.pixels.shape == (28, 28)
    with pytest.raises(ValueError, match="read-only"):
        EMPTY[0, 0] = 1


def test_strokes_without_points_are_blank():
    shown = see_strokes([[]])
    assert shown.unread is not None
    assert shown.unread.name == "blank"
    assert see_strokes([[(0, 0), (5, 5)]]).unread is None


SHAPES = [(1, 1), (2, 2), (3, 3), (1, 28), (1, 1000), (1000, 1), (28, 28), (28, 29), (5, 3000), (640, 641), (10_000, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pictures_of_odd_shapes_are_read_or_not_without_a_number_going_astray(shape: tuple[int, int]):
    chance = np.random.default_rng(1)
    ramp = np.linspace(0, 255, shape[0] * shape[1]).reshape(shape).astype(np.uint8)
    checks = (np.indices(shape).sum(axis=0) % 2 * 255).astype(np.uint8)
    kinds = [np.full(shape, level, np.uint8) for level in (0, 128, 255)]
    for grey in (*kinds, ramp, checks, chance.integers(0, 256, shape, np.uint8)):
        for values in (grey, np.stack([grey, 255 - grey, grey], axis=2)):
            with np.errstate(all="raise"):
                shown = seen(values)
            assert shown.pixels.shape == (28, 28)
            assert shown.pixels.any() == (shown.unread is None)


def test_the_pen_of_these_sheets_is_no_thin_one():
    """So that what is said here of frames and paper is not said of lines that are widened as well."""
    assert PEN / (0.6 * SIDE) * 20 > 1.7
