"""Lines of a pen, made as wide as MNIST's: a ballpoint's vanish when a digit shrinks to 20 pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from app.inference.drawing import BOX
from app.inference.paper import Floats, Mask

SIDE = 160
"""Of the copy on which lines are measured and drawn: eight pixels for each of the model's."""
WIDE = 2.2
"""Pixels of the 28x28 field: thinner lines are made as wide. MNIST's have a median of 1.95. Measured on drawn digits of
the calibration hand on a canvas, pens of 8 to 28 of 280 pixels: v2.0 reads 92.1% of them as they are, 93.9% with 2.0,
95.0% with 2.2, 94.7% with 2.4; MNIST's digits on a canvas are read alike with all of these."""


def as_wide_as_mnist(ink: Floats) -> Floats:
    """(h, w) float32, 0 paper to 1 ink, with lines that are at least as wide as MNIST's once it is 20 pixels large."""
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
    away = ndimage.distance_transform_edt(~np.pad(solid, margin))
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
    inside = ndimage.distance_transform_edt(np.pad(solid, 1))[1:-1, 1:-1]
    return max(1.0, 4 * (float(inside[solid].mean()) - 0.5))
