"""Each measure on drawings simple enough to measure by hand."""

import numpy as np
import pytest

from training_profile import measures_of_ink, training_profile


def drawing(*rows: str) -> np.ndarray:
    """(1, 28, 28) uint8 with '#' for ink in the top left corner of the field."""
    image = np.zeros((1, 28, 28), np.uint8)
    for y, row in enumerate(rows):
        image[0, y, : len(row)] = [255 if mark == "#" else 0 for mark in row]
    return image


def measured(image: np.ndarray) -> dict[str, float]:
    return {name: values.item() for name, values in measures_of_ink(image).items()}


def test_the_centre_is_the_mean_column_and_the_mean_row_of_the_ink():
    found = measured(drawing("...#", "...#", "#..#"))
    assert (found["centre_x"], found["centre_y"]) == (9 / 4, 5 / 4)


def test_the_longest_side_is_the_longer_one_of_the_box_even_with_gaps():
    assert measured(drawing("#..#.#", "......", "#"))["longest_side"] == 6
    assert measured(drawing("#", "", "", "..#", "", "", "#"))["longest_side"] == 7


def test_thickness_counts_the_4x4_squares_per_ink_and_side():
    assert measured(drawing(*["######"] * 5))["thickness"] == 6 * (3 * 2) / 30
    assert measured(drawing(*["###"] * 9))["thickness"] == 0
    assert measured(drawing(*["####"] * 3, "###."))["thickness"] == 0


def test_the_whole_field_may_be_ink():
    full = np.full((1, 28, 28), 255, np.uint8)
    assert measured(full) == {
        "centre_x": 13.5,
        "centre_y": 13.5,
        "longest_side": 28,
        "thickness": pytest.approx(28 * 25**2 / 28**2),
    }


def test_128_is_paper_and_129_is_ink():
    image = drawing("##")
    image[0, 0, 0], image[0, 0, 1] = 128, 129
    assert measured(image)["centre_x"] == 1


def test_the_profile_is_three_quantiles_of_each_measure():
    bars = np.concatenate([drawing("#" * length) for length in range(1, 22)])
    profile = training_profile(bars)
    assert profile["longest_side"] == [1.01, 11, 20.99]
    assert profile["thickness"] == [0, 0, 0]
    assert list(profile) == ["centre_x", "centre_y", "longest_side", "thickness"]
    assert all(type(bound) is float for bounds in profile.values() for bound in bounds)


def test_images_without_ink_are_left_out_of_the_profile():
    blank = np.full((5, 28, 28), 128, np.uint8)
    assert training_profile(np.concatenate([blank, drawing("##")])) == training_profile(drawing("##"))
