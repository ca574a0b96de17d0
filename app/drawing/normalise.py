"""From a drawing of any size to the 28x28 that the model was trained on: MNIST's own recipe.

The ink is scaled, keeping its aspect ratio, until its longest side is 20 pixels, and its centre of mass is moved by
whole pixels to the centre of the field. `normalise` does this to a bitmap, `strokes.draw_strokes` to a pen's points.

Source: LeCun, Cortes, Burges, the MNIST page ("size-normalised to fit in a 20x20 pixel box ... centred by computing the
centre of mass"), as rebuilt by Yadav and Bottou, arXiv:1905.10498.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.model.contract import INK_ABOVE

RECIPE = 2
"""The version of the recipe that brings a drawing of any kind to 28x28; answers and stored rows name it."""
SIDE = 28
BOX = 20
CENTRE = 14
"""The index of the pixel where the centre of mass is put (14.5 in pixel-edge coordinates)."""
TIE = 0.01
"""Fraction of a pixel. The centre of mass of a symmetric drawing lies halfway between two pixels, where rounding errors
would decide by how many pixels it is moved; within this distance it is always moved by the smaller number."""

FILLED = (18, 20)
"""Longest side, least and most, of the ink above 128 of a digit that fills its box; nearly all MNIST digits fit."""

Grey = NDArray[np.uint8]


def normalise(ink: Grey) -> Grey:
    """The drawing in `ink`, scaled into a 20x20 box and centred by its mass in 28x28.

    Args:
        ink: (H, W) uint8, 0 paper to 255 ink. A pixel above 128 is ink.

    Returns:
        (28, 28) uint8; all paper when there is no ink.
    """
    is_ink = ink > INK_ABOVE
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    if not len(rows):
        return np.zeros((SIDE, SIDE), np.uint8)
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(side * BOX / max(box.shape))) for side in box.shape)
    return centred(np.asarray(Image.fromarray(box).resize((width, height), Image.Resampling.BILINEAR)))


def is_normal(image: Grey) -> bool:
    """True if (28, 28) uint8, 0 paper to 255 ink, is a digit in the form that `normalise` gives: MNIST's own are."""
    is_ink = image > INK_ABOVE
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    if not len(rows):
        return False
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    lines = image.sum(axis=1, dtype=np.float64), image.sum(axis=0, dtype=np.float64)
    off = max(abs(float(mass @ np.arange(SIDE) / mass.sum()) + 0.5 - CENTRE) for mass in lines)
    return FILLED[0] <= longest <= FILLED[1] and off <= 1


def centred(box: Grey) -> Grey:
    """`box`, (H, W) uint8 of at most 28x28 and not all paper, in a field of 28x28 and centred there by its mass."""
    field = np.zeros((SIDE, SIDE), np.uint8)
    top, left = _start(box.sum(axis=1, dtype=np.float64)), _start(box.sum(axis=0, dtype=np.float64))
    field[top : top + box.shape[0], left : left + box.shape[1]] = box
    return field


def _start(mass: NDArray[np.float64]) -> int:
    """The offset of a line of pixels that puts its centre of mass at `CENTRE`, and keeps it in the field."""
    centre = float(mass @ np.arange(len(mass)) / mass.sum())
    return min(max(math.ceil(CENTRE - centre - 0.5 - TIE), 0), SIDE - len(mass))
