"""MNIST's own recipe, and what drawings bear: MNIST's digits keep their answers, others theirs wherever they are."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.drawing.decode_image import decode, open_picture, read_grey
from app.drawing.normalise import centred, normalise
from app.drawing.recipe import see
from app.model.formats import read_model
from app.model.scorer import Scorer
from tests.cli.test_image_files import centre, ink_box, seven
from tests.conftest import Mnist, long
from tests.installation import Published

Grey = NDArray[np.uint8]
VERSIONS = ("v1.0", "v1.1", "v2.0")
CANVAS = 280


def png(image: Grey) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def seen(drawing: Grey) -> Grey:
    """What the model is shown of grey values."""
    height, width = drawing.shape
    return see(read_grey(drawing.tobytes(), width, height)).pixels


def answers(scorer: Scorer, images: Grey) -> NDArray[np.str_]:
    return np.array(scorer.classes)[scorer.scores(images).argmax(axis=1)]


# -- the recipe --------------------------------------------------------------------------------------------------------


def test_normalise_keeps_mnist_s_own_digits_in_their_place(mnist: Mnist):
    """The outside truth: MNIST's digits were made by this recipe, so it leaves their box and their centre alone."""
    for digit in mnist.test_images[:100]:
        image = normalise(digit)
        assert abs(max(ink_box(image)) - 20) <= 1
        assert centre(image) == pytest.approx(centre(digit), abs=1.5)


def test_only_ink_above_128_counts_for_the_box():
    drawing = np.full((40, 60), 128, np.uint8)
    assert not normalise(drawing).any()
    drawing[10:30, 20:25] = 129
    assert ink_box(normalise(drawing)) == (20, 5)


def test_a_drawing_with_all_its_mass_at_one_end_stays_in_the_field():
    drawing = np.zeros((20, 20), np.uint8)
    drawing[:, 0] = 255
    drawing[0, :] = 140
    image = normalise(drawing)
    assert ink_box(image) == (20, 20)


def test_one_grey_step_more_at_an_end_does_not_move_a_symmetric_drawing():
    """Its centre of mass is halfway between two pixels, as that of many a straight 1 is."""
    box = np.full((20, 2), 200, np.uint8)
    for row, column in ((0, 0), (0, 1), (-1, 0), (-1, 1)):
        changed = box.copy()
        changed[row, column] += 1
        assert np.array_equal(centred(changed) > 0, centred(box) > 0)


def test_the_drawing_itself_is_not_changed():
    drawing = np.asarray(seven(paper=0, ink=255)).copy()
    before = drawing.copy()
    normalise(drawing)
    assert np.array_equal(drawing, before)


def test_what_the_recipe_gives_is_moved_by_it_by_no_more_than_one_pixel(mnist: Mnist):
    for digit in mnist.test_images[:500]:
        once = normalise(digit)
        twice = normalise(once)
        (before, after) = (np.argwhere(image > 128) for image in (once, twice))
        assert np.abs(before.min(axis=0) - after.min(axis=0)).max() <= 1
        assert np.abs(before.max(axis=0) - after.max(axis=0)).max() <= 1
        assert centre(twice) == pytest.approx(centre(once), abs=1)


# -- MNIST's own digits ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def through(mnist: Mnist) -> Grey:
    """The 10,000 held-out digits as the service takes them: sent as PNG pictures of 28x28."""
    return np.array([see(decode(open_picture(png(digit)))).pixels for digit in mnist.test_images])


@pytest.mark.long
def test_a_digit_sent_as_bare_grey_values_is_read_as_the_picture_is(mnist: Mnist, through: Grey):
    assert np.array_equal([seen(digit) for digit in mnist.test_images], through)


@pytest.mark.parametrize("version", VERSIONS)
def test_of_mnist_s_held_out_digits_the_recipe_changes_the_accuracy_by_at_most_a_tenth_of_a_point(
    published: Callable[[str], Published], mnist: Mnist, through: Grey, version: str
):
    scorer = read_model(published(version).artefact)
    labels = mnist.test_labels.astype(str)
    known = np.isin(labels, scorer.classes)
    plain = np.count_nonzero(answers(scorer, mnist.test_images[known]) == labels[known])
    read = np.count_nonzero(answers(scorer, through[known]) == labels[known])
    assert abs(read - plain) <= 0.001 * np.count_nonzero(known)


# -- any place, size and polarity --------------------------------------------------------------------------------------


def on_canvas(digit: Grey, *, scale: float = 1.0, at: tuple[float, float] = (0.5, 0.5)) -> Grey:
    """The digit enlarged smoothly, on a canvas of 280x280; (0, 0) is its upper left corner, (1, 1) its lower right."""
    side = round(scale * CANVAS)
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    top, left = (round(share * (CANVAS - side)) for share in at)
    canvas[top : top + side, left : left + side] = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    return canvas


@pytest.fixture(scope="module")
def digits(mnist: Mnist) -> tuple[Grey, NDArray[np.str_]]:
    """2,000 held-out digits and their labels: of 500, chance alone moves a share by a hundredth."""
    chosen = np.random.default_rng(0).choice(len(mnist.test_images), 2000, replace=False)
    return mnist.test_images[chosen], mnist.test_labels[chosen].astype(str)


@pytest.fixture(scope="module")
def whole(digits: tuple[Grey, NDArray[np.str_]]) -> Grey:
    """They fill the canvas."""
    return np.array([seen(on_canvas(digit)) for digit in digits[0]])


@pytest.fixture(scope="module")
def scaled(digits: tuple[Grey, NDArray[np.str_]]) -> Callable[[float], Grey]:
    return cache(lambda scale: np.array([seen(on_canvas(digit, scale=scale)) for digit in digits[0]]))


@pytest.mark.parametrize("scale", [0.4, *long(0.55, 0.7, 0.85)])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.long
def test_at_least_97_of_100_answers_survive_the_scaling_of_a_drawing(
    published: Callable[[str], Published],
    digits: tuple[Grey, NDArray[np.str_]],
    whole: Grey,
    scaled: Callable[[float], Grey],
    version: str,
    scale: float,
):
    """Of digits that the version knows: what it answers to others hangs on a hair."""
    scorer = read_model(published(version).artefact)
    known = np.isin(digits[1], scorer.classes)
    before, after = answers(scorer, whole[known]), answers(scorer, scaled(scale)[known])
    assert np.mean(before == after) >= 0.97


@pytest.mark.parametrize("at", [(0, 0), (0, 1), (1, 0.3), (0.77, 0.12)])
def test_where_on_the_canvas_a_digit_is_drawn_does_not_change_one_pixel(
    digits: tuple[Grey, NDArray[np.str_]], at: tuple[float, float]
):
    for digit in digits[0][:100]:
        middle, moved = on_canvas(digit, scale=0.6), on_canvas(digit, scale=0.6, at=at)
        assert np.array_equal(seen(moved), seen(middle))


def touches_the_rim(canvas: Grey) -> bool:
    return bool(canvas[0].any() or canvas[-1].any() or canvas[:, 0].any() or canvas[:, -1].any())


def test_a_digit_that_touches_the_rim_of_its_canvas_is_seen_as_one_in_the_middle(mnist: Mnist):
    digit = mnist.test_images[9851]
    moved = on_canvas(digit, scale=0.6, at=(1, 0.3))
    assert touches_the_rim(moved)
    assert np.array_equal(seen(moved), seen(on_canvas(digit, scale=0.6)))


def test_a_stroke_near_the_side_of_a_canvas_is_no_edge_of_a_table(mnist: Mnist):
    digit = mnist.test_images[9469]
    moved = on_canvas(digit, scale=0.6, at=(0, 1))
    assert not touches_the_rim(moved)
    assert np.array_equal(seen(moved), seen(on_canvas(digit, scale=0.6)))


def test_a_digit_and_its_negative_give_the_same_pixels(digits: tuple[Grey, NDArray[np.str_]]):
    for digit in digits[0][:100]:
        for drawn in (digit, on_canvas(digit), on_canvas(digit, scale=0.4)):
            there = seen(drawn)
            assert there.any()
            assert np.array_equal(seen(255 - drawn), there)
            assert np.array_equal(see(decode(open_picture(png(255 - drawn)))).pixels, there)
