"""Pen lines, widened to MNIST's width: a ballpoint's lines vanish when a digit shrinks to 20 pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from app.drawing.find_ink import Floats, Mask
from app.drawing.normalise import BOX

SIDE = 160
"""Side of the copy on which lines are measured and drawn: eight pixels for each of the model's."""
WIDE = 2.2
"""Width to which thinner lines are widened, in pixels of the 28x28 field. MNIST's have a median of 1.95. Measured on
drawn digits of the calibration hand on a canvas, pens of 8 to 28 of 280 pixels: v2.0 reads 92.1% of them unchanged,
93.9% with 2.0, 95.0% with 2.2, 94.7% with 2.4; MNIST's digits on a canvas are read equally well with all of these."""
FARTHEST = 181
"""Largest distance, in pixels, that is computed, so that the sum of two squares fits 16 bits."""


def as_wide_as_mnist(ink: Floats) -> Floats:
    """(h, w) float32, 0 paper to 1 ink, with lines at least as wide as MNIST's once it is 20 pixels large."""
    if _roughly_wide(ink > 0.5) > (WIDE + 1) / BOX * max(ink.shape):
        return ink
    small = _shrunk(ink)
    solid = small > 0.5 * small.max()
    pixel = max(small.shape) / BOX
    wide = width_of(solid) * float(small[solid].mean())
    if wide >= WIDE * pixel:
        return ink
    # With r more on each side the digit becomes larger too: wide + 2 r = WIDE * (longest + 2 r) / BOX.
    more = (WIDE * pixel - wide) / (2 * (1 - WIDE / BOX))
    margin = int(np.ceil(more)) + 1
    away = distances(~np.pad(solid, margin), within=more + 1)
    wider: Floats = np.clip(more + 1 - away, 0, 1).astype(np.float32)  # subtle: ink ends half a pixel from its last one
    return np.maximum(np.pad(small, margin), wider)


def _shrunk(ink: Floats) -> Floats:
    longest = max(ink.shape)
    if longest <= SIDE:
        return ink
    width, height = (max(1, round(side * SIDE / longest)) for side in ink.shape[::-1])
    return np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX))


def _roughly_wide(solid: Mask) -> float:
    """The width of lines, in pixels: twice their area over their edge length."""
    edges = np.count_nonzero(np.diff(solid, axis=0)) + np.count_nonzero(np.diff(solid, axis=1))
    return 2 * np.count_nonzero(solid) / max(edges * np.pi / 4, 1)


def width_of(solid: Mask) -> float:
    """The width of lines, in pixels: four times the mean distance of their pixels from their edges."""
    inside = distances(np.pad(solid, 1))[1:-1, 1:-1]
    return max(1.0, 4 * (float(inside[solid].mean()) - 0.5))


def distances(inside: Mask, *, within: float = FARTHEST) -> Floats:
    """The Euclidean distance of each `inside` pixel from the nearest other one, and 0 for the others: as scipy's
    `distance_transform_edt`, but faster, since these lines are a few pixels wide.

    Source: Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", 2012: first along the rows, then,
    on the squares, along the columns.

    Args:
        inside: (H, W).
        within: in pixels; larger distances are not exact.
    """
    far = min(int(within) + 1, FARTHEST)
    columns = np.arange(inside.shape[1], dtype=np.int16)
    before = np.maximum.accumulate(np.where(inside, -far, columns).astype(np.int16), axis=1)
    beyond = np.where(inside, inside.shape[1] + far, columns).astype(np.int16)
    after = np.minimum.accumulate(beyond[:, ::-1], axis=1)[:, ::-1]
    across = np.minimum(np.minimum(columns - before, after - columns), far).astype(np.uint16) ** 2
    nearest = across.copy()
    for step in range(1, min(far, len(inside))):
        if step**2 >= nearest.max():
            break
        there = across + np.uint16(step**2)
        np.minimum(nearest[step:], there[:-step], out=nearest[step:])
        np.minimum(nearest[:-step], there[step:], out=nearest[:-step])
    return np.sqrt(nearest, dtype=np.float32)
