"""Ink on paper: which of two greys is the paper, what stands out, and where the gate to flat paper lies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from app.drawing.find_ink import grey_of, is_dark_ink, on_any_paper, on_flat_paper
from drawn.page import Coverage
from tests.drawing.sheets import SIDE, Values, lines, on, photographed, seen, seven, written


def framed(sheet: Values) -> Values:
    sheet = sheet.copy()
    for rim in (np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]):
        sheet[rim] = 0
    return sheet


def in_half_shadow(sheet: Values) -> Values:
    return np.rint(sheet * np.where(np.arange(SIDE) < 0.6 * SIDE, 0.45, 0.9)).astype(np.uint8)


def on_a_table(sheet: Values) -> Values:
    sheet = sheet.copy()
    sheet[:, :30] = sheet[:25] = 40
    return sheet


def cropped(sheet: Values) -> Values:
    """So tight that a good half is ink."""
    rows, columns = np.flatnonzero((sheet < 128).any(axis=1)), np.flatnonzero((sheet < 128).any(axis=0))
    return sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


# -- polarity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.copy, framed, in_half_shadow, on_a_table])
def test_dark_ink_and_light_ink_are_told_apart_whatever_lies_around(make: Callable[[Values], Values]):
    for one in written(10):
        sheet = make(on(one.ink)).astype(np.float32)
        assert is_dark_ink(sheet), one.label
        assert not is_dark_ink(255 - sheet), one.label


def with_so_much_ink(ink: Coverage, share: float) -> Values:
    """A tight crop, the lines so wide that this share of it is ink."""
    mask = ink > 0.5
    while cropped(on(mask)).mean() / 255 > 1 - share:
        mask = ndimage.binary_dilation(mask)
    return cropped(on(mask))


@pytest.mark.parametrize("share", [0.3, 0.4])
def test_a_tight_crop_has_the_ink_that_is_narrow(share: float):
    wide = [one for one in written(20) if one.label not in "17"]  # a 1 fills its box
    for one in wide:
        crop = with_so_much_ink(one.ink, share).astype(np.float32)
        assert is_dark_ink(crop), one.label
        assert not is_dark_ink(255 - crop), one.label


@pytest.mark.parametrize("take", [np.copy, lambda crop: 255 - crop])
def test_a_photograph_cut_to_a_digit_that_is_more_ink_than_paper_is_seen_as_with_paper_around_it(
    take: Callable[[Values], Values],
):
    """Neither the rim nor what is narrow tells ink from paper there: as paper, its ink is no line of a pen."""
    alike = 0
    wide = [one for one in written(20) if one.label not in "17"]
    for one in wide:
        crop = with_so_much_ink(one.ink, 0.55)
        tight, roomy = seen(photographed(take(crop))), seen(photographed(take(np.pad(crop, 30, constant_values=255))))
        alike += np.abs(tight.pixels.astype(int) - roomy.pixels).mean() < 16
    assert alike >= 0.6 * len(wide)  # of a broad 0 the hole may still be taken for the digit


def test_the_rim_alone_does_not_decide():
    """All of it is ink, of a broad frame, and the paper in it is light."""
    sheet = on(written(10)[7].ink)
    for rim in (np.s_[:8], np.s_[-8:], np.s_[:, :8], np.s_[:, -8:]):
        sheet[rim] = 0
    assert is_dark_ink(sheet.astype(np.float32))


# -- flat paper --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", [0, 90, 128, 255])
def test_a_canvas_is_flat_paper_and_its_ink_is_what_differs(paper: int):
    ink = written(1)[0].ink
    stain = on_flat_paper(on(ink, paper, 255 - paper if paper != 128 else 0))
    assert stain is not None
    assert np.array_equal(stain.solid, stain.ink > 128 / 255)
    assert np.abs(stain.ink - ink).max() < 0.02


def test_a_photograph_is_no_flat_paper():
    for one in written(10):
        assert on_flat_paper(photographed(on(one.ink))) is None


@pytest.mark.parametrize("change", ["gradient", "half", "noise"])
def test_paper_with_shades_is_no_flat_paper(change: str):
    sheet = on(written(1)[0].ink).astype(np.float32)
    shades = {
        "gradient": np.linspace(0.8, 1, SIDE),
        "half": np.where(np.arange(SIDE) < SIDE // 2, 0.9, 1.0),
        "noise": 1 - np.abs(np.random.default_rng(0).normal(0, 0.03, (SIDE, SIDE))),
    }
    assert on_flat_paper(np.clip(sheet * shades[change], 0, 255).astype(np.uint8)) is None


def test_two_levels_of_difference_are_the_same_paper():
    sheet = on(written(1)[0].ink)
    sheet[::2] = np.where(sheet[::2] > 253, 253, sheet[::2])
    assert on_flat_paper(sheet) is not None


def test_weak_ink_is_strengthened_and_the_faintest_is_said():
    weak = on_flat_paper(on(written(1)[0].ink, 255, 200))
    assert weak is not None
    assert weak.ink.max() == 1
    faint = on_flat_paper(on(written(1)[0].ink, 255, 247))
    assert faint is not None
    assert faint.is_faint
    assert not faint.solid.any()


def test_of_a_transparent_sheet_the_opacity_is_the_ink():
    opacity = 255 - on(written(1)[0].ink)
    stain = on_flat_paper(opacity, is_opacity=True)
    assert stain is not None
    assert np.array_equal(stain.solid, opacity > 128)


# -- any paper ---------------------------------------------------------------------------------------------------------


def same_ink(found: np.ndarray, ink: np.ndarray) -> float:
    """What both have by what either has."""
    return float(np.count_nonzero(found & (ink > 0.5)) / np.count_nonzero(found | (ink > 0.5)))


@pytest.mark.parametrize("make", [np.copy, in_half_shadow, photographed])
def test_the_light_of_the_paper_is_taken_away(make: Callable[[Values], Values]):
    for one in written(10):
        stain = on_any_paper(make(on(one.ink, 230, 30)))
        assert same_ink(stain.solid, one.ink) > 0.8, one.label


def test_a_shadow_s_edge_is_no_ink():
    sheet = in_half_shadow(np.full((SIDE, SIDE), 255, np.uint8))
    sheet[100:140, 60:70] = 5
    edge = round(0.6 * SIDE)
    assert not on_any_paper(sheet).solid[:, edge - 5 : edge + 6].any()


def test_ink_is_grey_at_its_edges_and_whole_in_its_middle():
    one = written(1)[0]
    stain = on_any_paper(photographed(on(one.ink), noise=1))
    assert np.count_nonzero((stain.ink > 0.05) & (stain.ink < 0.95)) > 100
    assert stain.ink[one.ink > 0.99].mean() > 0.95
    assert stain.ink[one.ink == 0].mean() < 0.02


@pytest.mark.parametrize(("pen", "noise"), [(60, 20), (100, 20), (130, 14), (160, 8)])
def test_noise_is_no_ink(pen: int, noise: int):
    one = written(1)[0]
    noisy = on(one.ink, 230, pen) + np.random.default_rng(0).normal(0, noise, (SIDE, SIDE))
    stain = on_any_paper(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    assert same_ink(stain.solid, one.ink) > 0.8


def test_what_hardly_stands_out_is_faint():
    noise = np.random.default_rng(0).normal(0, 0.5, (SIDE, SIDE))
    stain = on_any_paper(np.rint(on(written(1)[0].ink, 230, 224) + noise).astype(np.uint8))
    assert stain.is_faint
    assert not stain.solid.any()


# -- colour ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pen", [(255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 165, 0), (80, 120, 255)])
def test_colours_are_mixed_so_that_ink_stands_out(pen: tuple[int, int, int]):
    one = written(1)[0]
    values = on(one.ink, (255, 255, 255), pen)
    grey = grey_of(values)
    apart = abs(float(grey[one.ink > 0.99].mean() - grey[one.ink == 0].mean()))
    assert apart >= 0.75 * (255 - min(pen))
    assert grey.min() >= 0
    assert grey.max() <= 255


def test_grey_stays_as_it_is_and_one_colour_has_its_lightness():
    values = lines(seven())
    assert np.array_equal(grey_of(values), values)
    assert np.allclose(grey_of(np.full((40, 50, 3), (200, 100, 50), np.uint8)), 0.299 * 200 + 0.587 * 100 + 0.114 * 50)
