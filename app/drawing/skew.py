"""Semantic train/serve skew made loud: drawings of the right shape and dtype that are unlike the training images.

A model answers them nevertheless, often wrongly and with high confidence. Every bound on the shape of a drawing comes
from the training images, through the profile in the release's contract (`docs/contract.md`, "The profile").

Blind spot: a transposed or mirrored digit has the size, the place and the pen of a digit, so nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.drawing.ink_measures import (
    PIXELS,
    PROFILE_MEASURES,
    SIDE,
    WHOLE_ROW,
    Words,
    measure,
    measure_one,
    pack_one,
    pack_rows,
)
from app.errors import BadImages
from app.model.contract import INK_ABOVE


class Finding(NamedTuple):
    """One way in which a drawing is unlike the training images, and the remedy for its sender."""

    name: str
    remedy: str


INVERTED = Finding("inverted", "Ink and paper are swapped: send 255 - image, so that paper is 0 and ink is 255.")
UNIT_RANGE = Finding("unit-range", "No value is above 1: send 0 to 255; do not divide by 255 or threshold first.")
BLANK = Finding("blank", "Nothing is drawn: ask for a drawing; do not call the model.")
FAINT = Finding("faint", f"No value is above {INK_ABOVE}: stretch the values so that the strongest ink is 255.")
OFF_CENTRE = Finding("off-centre", "Move the drawing by whole pixels until its centre of mass lies at (14, 14).")
TOO_SMALL = Finding("too-small", "Scale the drawing up until the longest side of its ink is 20 pixels.")
TOO_LARGE = Finding("too-large", "Scale the drawing down until the longest side of its ink is 20 pixels.")
TOO_THICK = Finding("too-thick", "Draw with a thinner pen: about 2 pixels wide in a field of 28.")

BARE = Finding("blank", "Nothing looks like a line of a pen: write larger or darker, and leave paper around it.")
FAINT_PAPER = Finding("faint", "What is there hardly differs from the paper: write darker, or use more light.")
FRAME = Finding("frame", "There is a frame or a sheet and no digit in it: send what is inside of it, larger.")

NOT_A_DIGIT = Finding("not-a-digit", "It looks like no digit: draw one of 0 to 9, alone.")

LINES = Finding("lines", "The paper's own lines are as dark as the ink: use plain paper, or a darker pen.")


def several_digits(count: int) -> Finding:
    """The finding on a picture with `count` digits."""
    return Finding("several-digits", f"There are {count} digits: send a picture of each.")


def tiny(pixels: int) -> Finding:
    """The finding on a picture whose digit is only `pixels` tall or wide."""
    return Finding("too-small", f"The digit is only {pixels} pixels large: go nearer, or cut it out larger.")


BEYOND_BOUNDS: dict[str, tuple[Finding | None, Finding | None]] = {
    "centre_x": (OFF_CENTRE, OFF_CENTRE),
    "centre_y": (OFF_CENTRE, OFF_CENTRE),
    "longest_side": (TOO_SMALL, TOO_LARGE),
    "thickness": (None, TOO_THICK),  # a thin pen is not a fault
}
"""The findings for a measure of the profile at or below its low bound, and above its high one."""

RIM = pack_rows(np.pad(np.zeros((SIDE - 2, SIDE - 2), np.bool_), 1, constant_values=True).reshape(1, PIXELS))
"""The outermost ring of the field: 108 pixels."""
INVERTED_RIM = 81
"""Pixels of the rim, three quarters of it, whose ink shows that ink and paper are swapped. None of MNIST's 60,000
training images has more than 4 pixels of ink there; swapped, none has fewer than 104."""
INK_ABOVE_AT = np.array([INK_ABOVE * (peak if peak <= INK_ABOVE else 255) // 255 for peak in range(256)], np.uint8)
"""The bound of ink by an image's highest value: a highest value that is not ink is treated as if stretched to 255."""
BLOCK_IMAGES = 256
"""Measured: the data for this many images stay in the processor's cache, and on one core."""

Profile = Mapping[str, tuple[float, float, float]]
UNBOUNDED = (-np.inf, 0.0, np.inf)


def find_skew(images: NDArray[np.uint8], profile: Profile | None) -> list[tuple[Finding, ...]]:
    """The findings on each image, in order; `()` for a clean one.

    The values are judged first, then the shape as it would be with correct values: a small digit sent as black on white
    is `inverted` and `too-small`.

    Args:
        images: (N, 28, 28) uint8, 0 paper to 255 ink; a pixel above 128 is ink. Read only.
        profile: measure -> (low, median, high) of the training images; inside is low < value <= high. Without
        it, or without one of its measures, the findings that `skipped_checks` names are not looked for.

    Raises:
        BadImages: another shape or dtype.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
        raise BadImages(images, shape="(N, 28, 28)")
    bounds = _bounds(tuple((name, *triple) for name, triple in (profile or {}).items()))
    if len(images) == 1:
        return [_find_in_one(images.reshape(PIXELS), bounds)]
    found: list[tuple[Finding, ...]] = []
    for start in range(0, len(images), BLOCK_IMAGES):
        found += _find_in(images[start : start + BLOCK_IMAGES].reshape(-1, PIXELS), bounds)
    return found


def with_no_digit(
    found: list[tuple[Finding, ...]], confidences: Iterable[float], below: float | None
) -> list[tuple[Finding, ...]]:
    """`found`, with NOT_A_DIGIT added where the model's confidence says that it sees none.

    Args:
        found: the findings of each image.
        confidences: the highest score of each; not looked at where `below` is None.
        below: the confidence below which the release calls an answer no digit; None if it states none.
    """
    if below is None:
        return found
    return [(*one, NOT_A_DIGIT) if score < below else one for one, score in zip(found, confidences, strict=True)]


def skipped_checks(profile: Profile | None) -> tuple[str, ...]:
    """The findings that `find_skew` cannot look for, or not fully, because this profile lacks a measure for them."""
    skipped = [BEYOND_BOUNDS[name] for name in PROFILE_MEASURES if name not in (profile or {})]
    return tuple(finding.name for finding in _each_once(sum(skipped, ())))


class _Bounds(NamedTuple):
    """In the order of PROFILE_MEASURES: (4, 1) float64 each, and the same as numbers."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@lru_cache(maxsize=64)
def _bounds(profile: tuple[tuple[str, float, float, float], ...]) -> _Bounds:
    """profile: name, low, median and high of each measure."""
    known = {name: triple for name, *triple in profile}
    low, _, high = zip(*(known.get(name, UNBOUNDED) for name in PROFILE_MEASURES), strict=True)
    return _Bounds(np.array([low]).T, np.array([high]).T, low, high)


def _find_in_one(pixels: NDArray[np.uint8], bounds: _Bounds) -> tuple[Finding, ...]:
    """The findings on one (784,) image, for speed: a single request waits for them."""
    ink = pack_one(pixels > INK_ABOVE)
    if not ink or ink & ink >> SIDE * (SIDE - 1):  # perhaps wrong values: as in `_find_in`
        return _find_in(pixels.reshape(1, PIXELS), bounds)[0]
    byte = 0
    measures = measure_one(ink)
    for value, low in zip(measures, bounds.lows, strict=True):
        byte = byte << 1 | (value <= low)
    for value, high in zip(measures, bounds.highs, strict=True):
        byte = byte << 1 | (value > high)
    return WRONG_SHAPES[byte]


def _find_in(pixels: NDArray[np.uint8], bounds: _Bounds) -> list[tuple[Finding, ...]]:
    """The findings of (n, 784) images, n at most BLOCK_IMAGES."""
    rows = pack_rows(pixels > INK_ABOVE)
    # If INVERTED_RIM of the rim's 108 pixels are ink, at most 27 are paper, so one of 28 columns has ink at both ends.
    odd = ((np.bitwise_or.reduce(rows, axis=0) == 0) | (rows[0] & rows[-1] > 0)).nonzero()[0]
    if not odd.size:
        return _wrong_shapes(rows, bounds)
    rows[:, odd], wrong_values = _put_right(pixels[odd])
    found = _wrong_shapes(rows, bounds)
    for index, values in zip(odd.tolist(), wrong_values, strict=True):
        found[index] = values if BLANK in values else values + found[index]  # a blank drawing has no shape
    return found


def _put_right(pixels: NDArray[np.uint8]) -> tuple[Words, list[tuple[Finding, ...]]]:
    """(n, 784) images -> the packed rows of their ink as with correct values, and the findings on the values."""
    peak = pixels.max(axis=1)
    rows = pack_rows(pixels > INK_ABOVE_AT[peak][:, np.newaxis])
    inverted = np.bitwise_count(rows & RIM).sum(axis=0, dtype=np.uint8) >= INVERTED_RIM
    rows ^= inverted * WHOLE_ROW
    blank = np.bitwise_or.reduce(rows, axis=0) == 0
    flags = np.array([inverted, peak == 1, blank, (peak > 1) & (peak <= INK_ABOVE)])
    return rows, _named(flags, WRONG_VALUES)


def _wrong_shapes(rows: Words, bounds: _Bounds) -> list[tuple[Finding, ...]]:
    measures = measure(rows)
    beyond = np.empty((2 * len(measures), rows.shape[1]), np.bool_)
    np.less_equal(measures, bounds.low, out=beyond[: len(measures)])
    np.greater(measures, bounds.high, out=beyond[len(measures) :])
    return _named(beyond, WRONG_SHAPES)


def _named(flags: NDArray[np.bool_], combinations: list[tuple[Finding, ...]]) -> list[tuple[Finding, ...]]:
    """The findings whose flags are set, for each image: (up to 8, n) -> n of the shared tuples in `combinations`."""
    return [combinations[byte] for byte in np.packbits(flags, axis=0)[0].tolist()]


def _combinations(*findings: Finding | None) -> list[tuple[Finding, ...]]:
    """The findings of each byte's set bits; the first finding's is the highest bit."""
    return [
        _each_once([finding for place, finding in enumerate(findings) if byte & 128 >> place]) for byte in range(256)
    ]


def _each_once(findings: Sequence[Finding | None]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(finding for finding in findings if finding))


WRONG_VALUES = _combinations(INVERTED, UNIT_RANGE, BLANK, FAINT)
WRONG_SHAPES = _combinations(
    *(BEYOND_BOUNDS[name][0] for name in PROFILE_MEASURES), *(BEYOND_BOUNDS[name][1] for name in PROFILE_MEASURES)
)
