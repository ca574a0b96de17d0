"""Every finding is held against MNIST's held-out digits, as they are and spoilt in a known way."""

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from app.drawing.ink_measures import PROFILE_MEASURES, measure, measure_one, pack_one, pack_rows
from app.drawing.skew import BLOCK_IMAGES, FAINT, INVERTED, TOO_SMALL, UNIT_RANGE, find_skew, skipped_checks
from app.errors import BadImages
from tests.conftest import long

ROOM = 196  # a canvas in which the field is the middle seventh


@pytest.fixture(scope="session")
def clear() -> ModuleType:
    """The model repository's own measures: the other implementation of docs/contract.md."""
    path = Path(__file__).resolve().parents[2] / "pixelwise-model" / "training_profile.py"
    spec = importlib.util.spec_from_file_location("training_profile", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", params=["0-9", *long("1-9")])
def profile(request, clear, mnist):
    """The profile of a release that was taught all digits, and of one that was not taught 0."""
    taught = mnist.train_labels >= int(request.param[0])
    return clear.training_profile(mnist.train_images[taught])


@pytest.fixture(scope="session")
def digits(mnist):
    return mnist.test_images


def names(images, profile) -> list[list[str]]:
    return [[finding.name for finding in findings] for findings in find_skew(images, profile)]


def share(name, images, profile) -> float:
    return np.mean([name in found for found in names(images, profile)])


# -- how digits are spoilt ---------------------------------------------------------------------------------------------


def shifted(digits, down, right):
    padded = np.pad(digits, ((0, 0), (14, 14), (14, 14)))
    return padded[:, 14 - down : 42 - down, 14 - right : 42 - right]


def scaled(digits, factor, resample=Image.Resampling.BILINEAR):
    """Resized about the centre with anti-aliasing; the field stays 28x28."""
    edges = (ROOM / 2 - 14 / factor,) * 2 + (ROOM / 2 + 14 / factor,) * 2
    padded = np.pad(digits, ((0, 0), (84, 84), (84, 84)))
    return np.stack([Image.fromarray(digit).resize((28, 28), resample, edges) for digit in padded])


def thickened(digits, size=5):
    padded = np.pad(digits, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2)).max(axis=(3, 4))


def peaking_at(digits, peak):
    return (digits.astype(int) * peak // digits.max(axis=(1, 2), keepdims=True)).astype(np.uint8)


# -- what is found on real digits --------------------------------------------------------------------------------------


@pytest.mark.long
def test_at_most_1_in_200_held_out_digits_has_any_finding(mnist, digits, profile):
    found = np.array([bool(findings) for findings in find_skew(digits, profile)])
    assert found.mean() <= 0.005
    assert found[mnist.test_labels > 0].mean() <= 0.005


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("inverted", lambda digits: 255 - digits),
        ("unit-range", lambda digits: (digits > 128).astype(np.uint8)),
        ("blank", np.zeros_like),
        ("faint", lambda digits: peaking_at(digits, 100)),
        ("faint", lambda digits: peaking_at(digits, 128)),
        ("faint", lambda digits: peaking_at(digits, 20)),
    ],
)
def test_99_percent_of_wrong_values_are_named(digits, name, spoil: Callable):
    assert share(name, spoil(digits), None) >= 0.99


@pytest.mark.parametrize("down, right", [(0, 3), (3, 0), (0, -3), (-3, 0), (3, 3), (-3, 3), (-2, -3), (0, 8), (-8, 8)])
def test_98_percent_of_digits_shifted_by_3_pixels_or_more_are_off_centre(digits, profile, down, right):
    assert share("off-centre", shifted(digits, down, right), profile) >= 0.98


@pytest.mark.parametrize("factor", [0.25, 0.4, 0.6, 0.8])
def test_98_percent_of_digits_scaled_by_0_8_or_less_are_too_small(digits, profile, factor):
    assert share("too-small", scaled(digits[:2000], factor), profile) >= 0.98


@pytest.mark.parametrize("factor", [1.2, 1.3, 1.5, 2.0])
def test_98_percent_of_digits_scaled_by_1_2_or_more_are_too_large(digits, profile, factor):
    assert share("too-large", scaled(digits[:2000], factor), profile) >= 0.98


@pytest.mark.parametrize("resample", [Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
def test_the_filter_of_the_resize_does_not_matter(digits, profile, resample):
    assert share("too-small", scaled(digits[:2000], 0.8, resample), profile) >= 0.98
    assert share("too-large", scaled(digits[:2000], 1.2, resample), profile) >= 0.98


def test_98_percent_of_digits_thickened_by_a_5x5_dilation_are_too_thick(mnist, digits, profile):
    thick = thickened(digits)
    assert share("too-thick", thick, profile) >= 0.98
    assert share("too-thick", thick[mnist.test_labels == 1], profile) >= 0.98  # the hardest: a thick 1 is thick already


def test_transposed_digits_are_a_known_blind_spot(digits, profile):
    found = [bool(findings) for findings in find_skew(digits.transpose(0, 2, 1), profile)]
    assert np.mean(found) <= 0.01


def test_mirrored_digits_that_are_centred_again_are_a_known_blind_spot(digits, profile):
    found = [bool(findings) for findings in find_skew(shifted(digits[:, :, ::-1], 0, 1), profile)]
    assert np.mean(found) <= 0.01


# -- the two implementations of the measures ---------------------------------------------------------------------------


def test_both_implementations_measure_alike(mnist, clear):
    noise = np.random.default_rng(0).integers(0, 256, (2000, 28, 28), np.uint8)
    dots = np.zeros((784, 28, 28), np.uint8)
    dots.reshape(784, 784)[np.diag_indices(784)] = 255
    boxes = [255 * np.pad(np.ones((28 - k, 28), np.uint8), ((k, 0), (0, 0))) for k in range(27)]
    for images in (mnist.train_images, noise, noise // 2 + 4, dots, np.stack(boxes)):
        inked = images[(images > 128).any(axis=(1, 2))]
        promised = clear.measures_of_ink(inked)
        found = measure(pack_rows(inked.reshape(-1, 784) > 128))
        assert tuple(promised) == PROFILE_MEASURES
        np.testing.assert_allclose(found, list(promised.values()), rtol=1e-12)


# -- the rules ---------------------------------------------------------------------------------------------------------


def box(value=255, *, top=4, left=10, height=20, width=8):
    """(1, 28, 28): a filled box on paper."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, top : top + height, left : left + width] = value
    return image


def test_128_is_paper_and_129_is_ink():
    assert [names(box(value), None)[0] for value in (1, 2, 127, 128, 129)] == [["unit-range"], *[["faint"]] * 3, []]


def test_a_bound_is_outside_below_and_inside_above():
    exactly = {"longest_side": (19.0, 20.0, 20.0)}
    assert names(box(height=19), exactly) == [["too-small"]]
    assert names(box(height=20), exactly) == [[]]
    assert names(box(height=21), exactly) == [["too-large"]]


@pytest.mark.parametrize(("top", "left"), [(3, 10), (5, 10), (4, 9), (4, 11)])
def test_each_way_off_the_centre_is_found(top, left):
    tight = {"centre_x": (13.0, 13.5, 14.0), "centre_y": (13.0, 13.5, 14.0)}
    assert names(box(), tight) == [[]]
    assert names(box(top=top, left=left), tight) == [["off-centre"]]


def test_three_quarters_of_the_rim_in_ink_is_inverted():
    ring = np.flatnonzero(np.pad(np.zeros((26, 26)), 1, constant_values=1).reshape(784))
    for order in (ring, ring[::-1], np.random.default_rng(0).permutation(ring)):
        images = np.zeros((2, 784), np.uint8)
        images[0, order[:80]] = images[1, order[:81]] = 255
        assert ["inverted" in found for found in names(images.reshape(2, 28, 28), None)] == [False, True]


def test_a_shape_is_judged_as_it_would_be_with_the_right_values():
    small = {"longest_side": (16.0, 20.0, 20.0)}
    dot = box(height=4, width=4)
    assert find_skew(255 - dot, small) == [(INVERTED, TOO_SMALL)]
    assert find_skew(dot // 255, small) == [(UNIT_RANGE, TOO_SMALL)]
    assert find_skew(dot // 5, small) == [(FAINT, TOO_SMALL)]
    assert find_skew((255 - dot) // 5, small) == [(INVERTED, FAINT, TOO_SMALL)]
    assert find_skew(box(255, top=0, left=0, height=10, width=10), small) == [(TOO_SMALL,)]  # ink on a bit of the rim


def test_ink_of_wrong_values_is_what_would_be_above_128_with_the_right_ones():
    tall = {"longest_side": (0.0, 20.0, 20.0)}
    of_100 = [np.maximum(box(100), box(value, height=21)) for value in (50, 51)]  # times 2.55: 127.5 and 130.05
    assert names(np.concatenate(of_100), tall) == [["faint"], ["faint", "too-large"]]
    swapped = [255 - np.maximum(box(), box(255 - paper, height=21)) for paper in (129, 128)]
    assert names(np.concatenate(swapped), tall) == [["inverted"], ["inverted", "too-large"]]


def test_what_is_not_there_has_no_shape(profile):
    assert names(box(0), profile) == [["blank"]]
    assert names(255 - box(0), profile) == [["inverted", "blank"]]


def test_without_a_profile_the_shape_is_not_looked_at_and_this_is_said(digits):
    assert set(map(tuple, names(thickened(shifted(digits[:100], 3, 3)), None))) == {()}
    assert skipped_checks(None) == ("off-centre", "too-small", "too-large", "too-thick")


def test_a_profile_that_lacks_a_measure_skips_what_it_finds(profile):
    thin = {name: bounds for name, bounds in profile.items() if name != "thickness"}
    assert skipped_checks(profile) == ()
    assert skipped_checks(thin) == ("too-thick",)
    assert "too-thick" not in names(thickened(box(width=14)), thin)[0]
    assert "too-thick" in names(thickened(box(width=14)), profile)[0]


def test_every_finding_comes_with_its_remedy(digits, profile):
    spoilt = [box(0), box(1), box(9), 255 - box(), box(top=0), box(height=9), box(height=28), box(width=28)]
    found = {finding for findings in find_skew(np.concatenate(spoilt), profile) for finding in findings}
    assert len(found) == 8
    assert all(finding.remedy.endswith(".") for finding in found)


# -- the array that is handed in ---------------------------------------------------------------------------------------


def test_a_batch_finds_what_each_image_alone_finds(digits, profile):
    mixed = digits[: 2 * BLOCK_IMAGES + 9].copy()
    mixed[::7] = 255 - mixed[::7]
    mixed[3::7] //= 3
    mixed[5::7] = 0
    mixed[6::7] = shifted(mixed[6::7], -4, 0)
    alone = [findings for image in mixed for findings in find_skew(image[np.newaxis], profile)]
    assert find_skew(mixed, profile) == alone
    assert len(set(alone)) >= 5


def test_no_images_have_no_findings(profile):
    assert find_skew(np.empty((0, 28, 28), np.uint8), profile) == []


def test_the_images_are_never_changed(digits, profile):
    images = np.concatenate([digits[:300], 255 - digits[:300], digits[:300] // 3])
    before = images.copy()
    find_skew(images, profile)
    np.testing.assert_array_equal(images, before)


def test_read_only_and_non_contiguous_images_work(digits, profile):
    assert not digits.flags.writeable
    views = (digits[:600:2], digits[300:0:-1], np.asfortranarray(digits[:300]), shifted(digits[:300], 4, 0)[:, ::-1])
    for view in views:
        assert find_skew(view, profile) == find_skew(np.ascontiguousarray(view), profile)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 28, 28), np.float32),
        np.zeros((1, 28, 28), np.bool_),
        np.zeros((1, 28, 28), np.int64),
        np.zeros((28, 28), np.uint8),
        np.zeros((1, 784), np.uint8),
        [[0] * 28] * 28,
    ],
)
def test_other_shapes_and_dtypes_are_refused_not_cast(images):
    with pytest.raises(BadImages, match="uint8"):
        find_skew(images, None)


def test_threads_do_not_disturb_each_other(digits, profile):
    batches = [digits[:500], 255 - digits[:500], shifted(digits[:500], 3, 0), digits[:500] // 3]
    alone = [find_skew(batch, profile) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda batch: find_skew(batch, profile), batches * 10)) == alone * 10


def test_an_image_alone_is_found_as_it_is_among_others(digits, profile):
    """One image is measured as a number, several as arrays."""
    some = digits[::20]
    noise = np.random.default_rng(1).integers(0, 256, (100, 28, 28), dtype=np.uint8)
    spoilt = [some, 255 - some, some // 255, some // 2, shifted(some, 5, 0), shifted(some, 0, -7), scaled(some, 0.6)]
    images = np.concatenate([*spoilt, thickened(some), np.zeros((1, 28, 28), np.uint8), noise])
    together = find_skew(images, profile)
    assert len(set(together)) > 8
    assert [find_skew(image[np.newaxis], profile)[0] for image in images] == together
    ink = (images > 128).reshape(len(images), -1)
    inky = ink.any(axis=1)
    assert [measure_one(pack_one(one)) for one in ink[inky]] == [tuple(row) for row in measure(pack_rows(ink[inky])).T]
