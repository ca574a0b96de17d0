"""Digits of MNIST written again: warped, with another pen, in another bitmap. What a classifier learns from.

    warped -> with more strokes, as some people write 0, 1 and 7 -> another pen, or a thicker or thinner line
    -> gaps and noise -> a small bitmap -> the product's own recipe

Nothing here knows the digits of `forms`: those only measure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from app.drawing.normalise import SIDE, Grey, normalise
from app.drawing.strokes import draw_strokes
from drawn.thinning import Mask, thinned

Fields = NDArray[np.float32]
"""(N, FIELD, FIELD), 0 paper to 1 ink."""
Floats = NDArray[np.float64]

FIELD = 40
"""Pixels of a warped digit's side, each as large as one of MNIST."""
FINE = 2
"""So many times finer is the field on which the middle of a line is sought."""
TURN, SHEAR, STRETCH = np.radians(18), 0.3, 0.25
"""The farthest warp: in radians, as a slope, and as the logarithm of a factor for each axis."""
KNOTS, BEND = 5, 1.1
"""Points on a side that are moved at random, all between them smoothly; and by how many pixels."""
PENNED, RULED = 0.3, 0.5
"""Share of digits that are drawn again with a pen; and of those, the ones drawn as the product draws a pen's points."""
PEN = (1.6, 3.2)
"""The width of another pen, in pixels."""
REPRESSED = 0.5
"""Share of the others whose lines become thicker or thinner."""
GAPPED, NOISY, DOTTED = 0.04, 0.06, 0.02
"""Shares of digits with a hole, with noise, and of dots."""
SMALL, HARD = 0.5, 0.5
"""Share of digits that come in a small bitmap; and of those, the ones that are black and white."""
BITMAP = (20, 40)
"""Pixels of a small bitmap's side, from and below."""
MORE = {"0": 0.06, "1": 0.2, "7": 0.25}
"""Digits that some people write with a stroke more, and how many do so here."""


def rewritten(images: Grey, labels: NDArray[np.str_], chance: np.random.Generator) -> Grey:
    """(N, 28, 28) uint8: each digit as another hand, pen and bitmap would give it, in the form that the model takes.

    Args:
        images: (N, 28, 28) uint8, digits of MNIST.
        labels: (N,) text of one character; a label that is no digit gets no strokes more.
        chance: decides everything; the same state gives the same digits.
    """
    fields = warped(images, chance)
    add_strokes(fields, labels, chance)
    penned = chance.random(len(fields)) < PENNED
    ruled = penned & (chance.random(len(fields)) < RULED)
    lines = middle_of(fields[penned])
    fields[penned] = with_pen(lines, chance.uniform(*PEN, len(lines)))
    repress(fields, ~penned & (chance.random(len(fields)) < REPRESSED), chance)
    spoil(fields, chance)
    seen = in_bitmaps(fields, chance)
    for place, line in zip(np.flatnonzero(penned), lines, strict=True):
        if ruled[place]:
            seen[place] = draw_strokes(along(line))
    return seen


# -- hands -------------------------------------------------------------------------------------------------------------


def warped(images: Grey, chance: np.random.Generator) -> Fields:
    """Each digit turned, sheared, stretched and bent, in a larger field."""
    count = len(images)
    turn, shear = chance.uniform(-TURN, TURN, count), chance.uniform(-SHEAR, SHEAR, count)
    high, wide = np.exp(chance.uniform(-STRETCH, STRETCH, (2, count)))
    # where a pixel of the field comes from: back from the turn, the shear, the stretch
    cos, sin = np.cos(turn), np.sin(turn)
    back = np.array([[(cos - shear * -sin) / wide, (sin - shear * cos) / wide], [-sin / high, cos / high]])
    middle = np.arange(FIELD, dtype=np.float32) - np.float32((FIELD - 1) / 2)
    knots = chance.normal(0, BEND, (2, count, KNOTS, KNOTS)).astype(np.float32)
    across, down = (np.matmul(SMOOTH @ knots[axis], SMOOTH.T, dtype=np.float32) for axis in (0, 1))
    for axis, moved in enumerate((across, down)):
        moved += back[axis, 0].astype(np.float32)[:, np.newaxis, np.newaxis] * middle
        moved += back[axis, 1].astype(np.float32)[:, np.newaxis, np.newaxis] * middle[:, np.newaxis]
        moved += np.float32((SIDE - 1) / 2)
    return _sampled(images, down, across)


def _smooth() -> NDArray[np.float32]:
    """(FIELD, KNOTS): the weights of the knots at each pixel; cubic B-splines."""
    at = np.abs(np.linspace(0, KNOTS - 1, FIELD)[:, np.newaxis] - np.arange(KNOTS))
    near, far = 2 / 3 - at**2 + at**3 / 2, (2 - at) ** 3 / 6
    weights = np.where(at < 1, near, np.where(at < 2, far, 0)).astype(np.float32)
    smooth: NDArray[np.float32] = weights / weights.sum(axis=1, keepdims=True)
    return smooth


SMOOTH = _smooth()


def _sampled(images: Grey, down: Fields, across: Fields) -> Fields:
    """Each image at these places, between its pixels by their distance; paper beyond its rim."""
    framed = np.pad(images, ((0, 0), (1, 2), (1, 2))).astype(np.float32) / np.float32(255)
    down, across = np.clip(down + 1, 0, SIDE + 1), np.clip(across + 1, 0, SIDE + 1)
    top, left = down.astype(np.int32), across.astype(np.int32)
    low, right = down - top.astype(np.float32), across - left.astype(np.float32)
    height, width = framed.shape[1:]
    start = np.arange(len(images), dtype=np.int32)[:, np.newaxis, np.newaxis] * np.int32(height * width)
    first = start + top * np.int32(width) + left
    flat = framed.ravel()
    near, far, below, beyond = (flat.take(first + np.int32(step)) for step in (0, 1, width, width + 1))
    upper = near + (far - near) * right
    lower = below + (beyond - below) * right
    return (upper + (lower - upper) * low).astype(np.float32, copy=False)


def add_strokes(fields: Fields, labels: NDArray[np.str_], chance: np.random.Generator) -> None:
    """Some zeros get a slash, some ones a flag and a foot, some sevens a bar."""
    for label, share in MORE.items():
        for place in np.flatnonzero((labels == label) & (chance.random(len(labels)) < share)):
            rows = np.flatnonzero((fields[place] > 0.5).any(axis=1))
            columns = np.flatnonzero((fields[place] > 0.5).any(axis=0))
            if not len(rows):
                continue
            low = np.array([columns[0], rows[0]], float)
            size = np.array([columns[-1], rows[-1]]) - low
            width = chance.uniform(1.6, 3.2)
            for begin, end in _strokes_more(label, size, chance):
                _draw(fields[place], low + begin, low + end, width)


def _strokes_more(label: str, size: Floats, chance: np.random.Generator) -> list[tuple[Floats, Floats]]:
    """The ends of what is added, from the corner of a digit of this size, in pixels."""
    wide, high = size
    jitter = chance.normal(0, 0.04 * high, (4, 2))
    if label == "0":
        ends = [((0.85 * wide, 0.1 * high), (0.15 * wide, 0.9 * high))]
    elif label == "7":
        ends = [((0.35 * wide, 0.52 * high), (1.05 * wide, 0.48 * high))]
    elif wide > 0.5 * high:
        return []  # leans too far for a flag
    else:
        foot = ((wide / 2 - 0.25 * high, high), (wide / 2 + 0.25 * high, high))
        flag = ((wide, 0.0), (wide - chance.uniform(0.15, 0.35) * high, chance.uniform(0.15, 0.3) * high))
        ends = [[flag, foot], [flag], [foot]][int(chance.integers(3))]
    return [(begin + jitter[0], np.array(end) + jitter[1]) for begin, end in ends]


def _draw(field: NDArray[np.float32], begin: Floats, end: Floats, width: float) -> None:
    """A straight line on one field."""
    rows, columns = np.mgrid[0:FIELD, 0:FIELD]
    step = end - begin
    away_x, away_y = columns - begin[0], rows - begin[1]
    share = np.clip((away_x * step[0] + away_y * step[1]) / max(float(step @ step), 1e-9), 0, 1)
    away = np.hypot(away_x - share * step[0], away_y - share * step[1])
    np.maximum(field, np.clip(width / 2 + 0.5 - away, 0, 1), out=field, casting="unsafe")


# -- pens --------------------------------------------------------------------------------------------------------------


def middle_of(fields: Fields) -> Mask:
    """(N, FINE * FIELD, FINE * FIELD): the middle of the lines."""
    fine = ndimage.zoom(fields, (1, FINE, FINE), order=1, grid_mode=True, mode="nearest")
    return thinned(ndimage.gaussian_filter(fine, (0, 0.8, 0.8), truncate=3) > 0.4)


def with_pen(lines: Mask, widths: Floats) -> Fields:
    """A pen of these widths, in pixels of the field, along the middle of lines.

    The distance from a line follows from its blurred picture, which also takes away the steps of its pixels.
    """
    blur = 0.8 * FINE
    blurred = ndimage.gaussian_filter(lines.astype(np.float32), (0, blur, blur), truncate=4)
    whole = np.sqrt(2 * np.pi) * blur * np.maximum(blurred, 1e-6)
    away = np.sqrt(2 * blur**2 * np.maximum(-np.log(whole), 0))
    ink = np.clip(FINE * widths[:, np.newaxis, np.newaxis] / 2 + 0.5 - away, 0, 1)
    parts = ink.reshape(len(lines), FIELD, FINE, FIELD, FINE)
    fields: Fields = parts.mean(axis=(2, 4), dtype=np.float32)
    return fields


def along(line: Mask) -> list[Floats]:
    """The middle of lines, (H, W), as strokes of two points each; the points without the steps of pixels."""
    weight = ndimage.uniform_filter(line.astype(float), 5, mode="constant")
    rows, columns = np.nonzero(line)
    spots = np.zeros((2, *line.shape))
    spots[0][line], spots[1][line] = columns, rows
    smooth = [ndimage.uniform_filter(part, 5, mode="constant")[line] / weight[line] for part in spots]
    points = np.stack(smooth, axis=1)
    number = np.full((line.shape[0] + 2, line.shape[1] + 2), -1)
    number[rows + 1, columns + 1] = np.arange(len(rows))
    pairs = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        there = number[rows + 1 + down, columns + 1 + right]
        pairs.append(np.stack([np.flatnonzero(there >= 0), there[there >= 0]], axis=1))
    joined = np.concatenate(pairs)
    return list(points[joined]) if len(joined) else [points[:1]]


def repress(fields: Fields, which: Mask, chance: np.random.Generator) -> None:
    """Thicker or thinner lines: blurred, and cut at another height."""
    blurred = ndimage.gaussian_filter(fields[which], (0, 0.9, 0.9), truncate=3)
    height = chance.uniform(0.25, 0.6, len(blurred)).astype(np.float32)[:, np.newaxis, np.newaxis]
    fields[which] = np.clip(4 * (blurred - height * blurred.max(axis=(1, 2), keepdims=True)) + 0.5, 0, 1)


def spoil(fields: Fields, chance: np.random.Generator) -> None:
    """A few digits with a hole, with noise, or of dots."""
    kind = chance.random(len(fields))
    rows, columns = np.mgrid[0:FIELD, 0:FIELD]
    for place in np.flatnonzero(kind < GAPPED):
        inked = np.argwhere(fields[place] > 0.5)
        if len(inked):
            row, column = inked[int(chance.integers(len(inked)))]
            hole = np.hypot(rows - row, columns - column) < chance.uniform(1.2, 2.6)
            fields[place][hole] = 0
    for place in np.flatnonzero((kind >= GAPPED) & (kind < GAPPED + NOISY)):
        noise = chance.normal(0, chance.uniform(0.03, 0.15), (FIELD, FIELD))
        fields[place] = np.clip(fields[place] + noise, 0, 1)
    for place in np.flatnonzero((kind >= GAPPED + NOISY) & (kind < GAPPED + NOISY + DOTTED)):
        angle, length = chance.uniform(0, np.pi), chance.uniform(3, 5)
        wave = np.sin(2 * np.pi * (np.cos(angle) * rows + np.sin(angle) * columns) / length)
        fields[place] *= np.clip(wave * 2 + 1.2, 0, 1)


# -- bitmaps -----------------------------------------------------------------------------------------------------------


def in_bitmaps(fields: Fields, chance: np.random.Generator) -> Grey:
    """(N, 28, 28) uint8: the fields, some of them made small, through the product's recipe."""
    greys = np.rint(fields * 255).astype(np.uint8)
    small, hard = chance.random(len(fields)) < SMALL, chance.random(len(fields)) < HARD
    sides = chance.integers(*BITMAP, len(fields)).tolist()
    seen = np.zeros((len(fields), SIDE, SIDE), np.uint8)
    for place, grey in enumerate(greys):
        bitmap = grey
        if small[place]:
            size = (sides[place], sides[place])
            bitmap = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
            if hard[place]:
                bitmap = np.where(bitmap > 100, np.uint8(255), np.uint8(0))
        seen[place] = normalise(bitmap)
    return seen
