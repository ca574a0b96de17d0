"""Photographs of paper: as large as promised, the same for the same seed, with ink that people see."""

from __future__ import annotations

import io
import os
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from drawn.conditions import CONDITIONS
from drawn.digits import LABELS, draw_digit
from drawn.page import Coverage, Page, ink_box, ink_of_digit, ink_of_strokes
from drawn.things import on_a_table
from tests.conftest import LONG, Mnist

SEEDS = range(8 if os.environ.get(LONG) else 3)
VISIBLE = 14
"""Of 255, in the clearest of three colours: less than any mark that people would call one."""


def page_of(condition: str, seed: int) -> tuple[Coverage, Page, np.random.Generator]:
    chance = np.random.default_rng(seed)
    strokes = draw_digit(LABELS[seed % 10], chance, hand="test")
    page = CONDITIONS[condition].page(chance)
    return ink_of_strokes(strokes, page, chance), page, chance


@cache
def photograph(condition: str, seed: int) -> tuple[bytes, Coverage]:
    ink, _, chance = page_of(condition, seed)
    return CONDITIONS[condition].look(ink, chance), ink


def pixels(data: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float64)


# -- each of them ------------------------------------------------------------------------------------------------------


def test_the_conditions_are_those_that_people_meet():
    assert len(CONDITIONS) == 22
    assert all(len(name) <= 20 and name == name.lower() for name in CONDITIONS)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_file_is_a_jpeg_or_a_png_of_its_page(condition: str):
    for seed in SEEDS:
        page = page_of(condition, seed)[1]
        picture = Image.open(io.BytesIO(photograph(condition, seed)[0]))
        assert picture.format in ("JPEG", "PNG")
        assert picture.size == (page.width, page.height)
        assert 300 <= min(picture.size) <= max(picture.size) <= 500


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_whole_digit_is_on_the_page(condition: str):
    for seed in SEEDS:
        ink, page, _ = page_of(condition, seed)
        left, top, right, bottom = ink_box(ink)
        assert left > 0
        assert top > 0
        assert right < page.width
        assert bottom < page.height


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_same_seed_is_the_same_file_and_another_is_another(condition: str):
    ink, _, chance = page_of(condition, 1)
    assert CONDITIONS[condition].look(ink, chance) == photograph(condition, 1)[0] != photograph(condition, 2)[0]


@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name != "clean"])
def test_no_condition_is_the_clean_one(condition: str):
    for seed in SEEDS:
        assert photograph(condition, seed)[0] != photograph("clean", seed)[0]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_ink_is_told_from_what_is_beside_it(condition: str):
    """By lightness or by colour, over the whole length of the digit's lines."""
    for seed in SEEDS:
        data, ink = photograph(condition, seed)
        values, covered = pixels(data), ink > 0.6
        near = ndimage.binary_dilation(ink > 0.02, iterations=12) & ~ndimage.binary_dilation(ink > 0.02, iterations=4)
        apart = np.abs(np.median(values[covered], axis=0) - np.median(values[near], axis=0))
        assert apart.max() >= VISIBLE, seed


@pytest.mark.parametrize("condition", CONDITIONS)
def test_digits_of_mnist_are_photographed_as_well(condition: str, mnist: Mnist):
    chance = np.random.default_rng(1)
    page = CONDITIONS[condition].page(chance)
    data = CONDITIONS[condition].look(ink_of_digit(mnist.test_images[0], page), chance)
    assert pixels(data).shape == (page.height, page.width, 3)


# -- some of them ------------------------------------------------------------------------------------------------------


def test_a_table_covers_no_ink_and_reaches_an_edge():
    for seed in SEEDS:
        data, ink = photograph("table", seed)
        values = pixels(data).min(axis=2)
        left, top, right, bottom = ink_box(ink)
        paper = np.median(values[top:bottom, left:right])
        rims = [values[:, 2], values[2], values[:, -3], values[-3]]
        assert min(float(np.median(rim)) for rim in rims) < 0.8 * paper
        assert max(float(np.median(rim)) for rim in rims) > 0.8 * paper
        ring = ndimage.binary_dilation(ink > 0.02, iterations=4) & ~ndimage.binary_dilation(ink > 0.02, iterations=3)
        assert np.median(values[ring]) > 0.8 * paper


def test_a_table_leaves_a_digit_alone_that_nearly_fills_the_page():
    chance = np.random.default_rng(1)
    for _ in range(30):
        ink = ink_of_strokes(draw_digit("0", chance, hand="test"), Page(300, 300, 150, 150, 260, 9), chance)
        sheet = on_a_table(np.ones((300, 300, 3), np.float32), ink, chance)
        assert sheet[ink > 0.3].min() > 0.95


def test_a_neighbour_is_cut_by_the_edge_and_touches_no_other_digit():
    for seed in SEEDS:
        data, ink = photograph("neighbour", seed)
        values = pixels(data).min(axis=2)
        dark, _ = ndimage.label(values < 0.6 * np.median(values))
        own = set(np.unique(dark[ink > 0.6])) - {0}
        rims = (set(np.unique(dark[:, 0])) | set(np.unique(dark[:, -1]))) - {0}
        assert rims
        assert not own & rims


def test_a_digit_in_a_corner_is_small_and_far_from_the_middle():
    for seed in SEEDS:
        ink, page, _ = page_of("corner", seed)
        left, top, right, bottom = ink_box(ink)
        assert max(right - left, bottom - top) < 0.35 * min(ink.shape)
        assert abs(page.x / page.width - 0.5) > 0.2
        assert abs(page.y / page.height - 0.5) > 0.2


def test_a_frame_goes_around_near_the_rim():
    for seed in SEEDS:
        values = pixels(photograph("frame", seed)[0]).min(axis=2)
        height, width = values.shape
        band = round(0.09 * min(height, width)) + 4
        for strip in (values[:band], values[-band:], values[:, :band].T, values[:, -band:].T):
            across = strip[:, band:-band].min(axis=0)  # how dark it gets on the way from the rim inwards
            assert np.mean(across < 0.85 * np.median(values)) > 0.95


@pytest.mark.parametrize(("condition", "degrees"), [("turned-10", 10), ("turned-20", 20), ("clean", 0)])
def test_a_page_is_turned_by_so_much_to_either_side(condition: str, degrees: int):
    turns = {CONDITIONS[condition].page(np.random.default_rng(seed)).turn for seed in range(20)}
    assert turns == {-degrees, degrees}


def test_a_blackboard_is_dark_and_a_sheet_is_light():
    for seed in SEEDS:
        assert np.median(pixels(photograph("blackboard", seed)[0])) < 100
        assert np.median(pixels(photograph("clean", seed)[0])) > 150


def test_yellow_paper_is_yellow():
    for seed in SEEDS:
        red, green, blue = np.median(pixels(photograph("yellow-paper", seed)[0]), axis=(0, 1))
        assert min(red, green) > blue + 15


def test_light_falls_off_and_noise_is_coarse():
    def spread(condition: str) -> float:
        values = [pixels(photograph(condition, seed)[0]).mean(axis=2) for seed in SEEDS]
        return float(np.mean([np.percentile(one, 90) - np.percentile(one, 10) for one in values]))

    assert spread("gradient") > 3 * spread("clean")
    assert spread("shadow") > 3 * spread("clean")
    assert spread("noise") > 2 * spread("clean")
