"""Digits written again: they stay what they are, in the form that the model takes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from app.drawing.normalise import BOX, Grey, is_normal
from app.drawing.strokes import draw_strokes
from drawn.digits import LABELS, draw_digit
from drawn.rewrite import FIELD, along, middle_of, rewritten, warped, with_pen


def digits(count: int) -> tuple[Grey, np.ndarray]:
    """Digits of a pen, in place of MNIST's."""
    labels = np.array([LABELS[place % 10] for place in range(count)])
    drawings = [draw_digit(label, np.random.default_rng(place), hand="test") for place, label in enumerate(labels)]
    return np.stack([draw_strokes(strokes) for strokes in drawings]), labels


def test_the_same_state_of_chance_gives_the_same_digits_and_another_others():
    images, labels = digits(40)
    first, again, other = (rewritten(images, labels, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == images.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).all()


def test_nearly_all_are_in_the_form_that_the_model_takes():
    seen = rewritten(*digits(200), np.random.default_rng(3))
    assert seen.any(axis=(1, 2)).all()
    assert np.mean([is_normal(one) for one in seen]) > 0.85  # not those that are pale, or noisy at the rim


def test_the_originals_are_left_as_they_are():
    images, labels = digits(20)
    before = images.copy()
    rewritten(images, labels, np.random.default_rng(4))
    np.testing.assert_array_equal(images, before)


def test_a_warp_moves_no_ink_out_of_the_field():
    images, _ = digits(200)
    fields = warped(images, np.random.default_rng(5))
    assert fields.shape == (200, FIELD, FIELD)
    assert 0 <= fields.min() <= fields.max() <= 1
    rim = np.concatenate([fields[:, [0, -1]].ravel(), fields[:, :, [0, -1]].ravel()])
    assert np.mean(rim > 0.5) < 0.001


def test_a_pen_of_a_width_leaves_a_line_of_that_width():
    fields = np.zeros((3, FIELD, FIELD), np.float32)
    fields[:, 18:21, 5:35] = 1
    inked = with_pen(middle_of(fields), np.array([1.6, 2.4, 3.2]))
    np.testing.assert_allclose(inked[:, :, 15:25].sum(axis=1).mean(axis=1), [1.6, 2.4, 3.2], atol=0.35)


def test_a_pen_along_the_middle_of_a_digit_draws_the_digit():
    images, _ = digits(60)
    fields = np.pad(images, ((0, 0), (6, 6), (6, 6))).astype(np.float32) / np.float32(255)
    shared = []
    for image, line in zip(images, middle_of(fields), strict=True):
        again, before = draw_strokes(along(line)) > 128, image > 128
        shared.append((again & ndimage.binary_dilation(before)).sum() / again.sum())
        assert np.ptp(np.argwhere(again), axis=0).max() + 1 >= BOX - 2
    assert np.median(shared) > 0.9
