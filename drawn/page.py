"""The place of a digit on a page, and the ink it leaves there: from strokes, or from a digit of MNIST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

Coverage = NDArray[np.float32]
"""(H, W) in [0, 1]: how much of each pixel of a page is under ink."""
Size = tuple[int, int]
"""Height and width, in pixels."""
FINE = 3
"""Drawn so many times larger and made smaller, so that edges are grey."""
THIN = 0.03
"""Of the longest side of a digit of MNIST, whose lines are a tenth of it wide: a pen that is thinner goes along their
middle, a wider one leaves them as they are."""


class Page(NamedTuple):
    """A page, and the place of a digit on it, in pixels.

    Attributes:
        height, width: of the page.
        x, y: the middle of the digit.
        side: the digit's longest side, without the pen's width.
        pen: the width of the pen.
        turn: of the digit, in degrees, clockwise.
    """

    height: int
    width: int
    x: float
    y: float
    side: float
    pen: float
    turn: float = 0.0


def ink_of_strokes(strokes: Sequence[NDArray[np.float64]], page: Page, chance: np.random.Generator) -> Coverage:
    """The ink of a pen that goes along these strokes, a little wider where it is pressed.

    Args:
        strokes: (n, 2) each, x to the right and y downwards, in any unit.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    points = (points - (low + high) / 2) * (page.side / max(float((high - low).max()), 1e-9))
    turn = np.radians(page.turn)
    across = np.cos(turn) * points[:, 0] - np.sin(turn) * points[:, 1] + page.x
    down = np.sin(turn) * points[:, 0] + np.cos(turn) * points[:, 1] + page.y
    sheet = Image.new("L", (page.width * FINE, page.height * FINE))
    pencil = ImageDraw.Draw(sheet)
    begin = 0
    for stroke in strokes:
        line = np.stack([across, down], axis=1)[begin : begin + len(stroke)] * FINE
        begin += len(stroke)
        knots = chance.normal(1, 0.08, 6)
        widths = page.pen * FINE * np.clip(np.interp(np.linspace(0, 5, len(line)), np.arange(6), knots), 0.7, 1.3)
        for place, (x, y) in enumerate(line.tolist()):
            radius = widths[place] / 2
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
            if place:
                pencil.line([tuple(line[place - 1]), (x, y)], fill=255, width=max(1, round(widths[place])))
    return np.asarray(sheet.reduce(FINE), np.float32) / np.float32(255)


def ink_of_digit(digit: NDArray[np.uint8], page: Page) -> Coverage:
    """The ink of a digit of MNIST, (28, 28) uint8, enlarged until its longest side is that of the page.

    Its lines are as wide as they are there, about a tenth of the digit's side; or as the page's pen where that is
    thin: a loop that is filled on the digit is lost then.
    """
    rows, columns = np.flatnonzero((digit > 64).any(axis=1)), np.flatnonzero((digit > 64).any(axis=0))
    box = np.pad(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 3)
    scale = (page.side + page.pen) / (max(box.shape) - 6)
    wanted = (round(box.shape[1] * scale), round(box.shape[0] * scale))
    large = Image.fromarray(box).resize(wanted, Image.Resampling.BICUBIC)
    large = large.rotate(-page.turn, Image.Resampling.BICUBIC, expand=True)
    smooth = ndimage.gaussian_filter(np.asarray(large, np.float32) / 255, 0.35 * scale)
    ink = np.clip((smooth - 0.42) * 0.6 * scale + 0.5, 0, 1)
    if page.pen < THIN * page.side:
        ink = np.clip(page.pen / 2 + 0.5 - ndimage.distance_transform_edt(~_middle(ink)), 0, 1)
    sheet = Image.new("L", (page.width, page.height))
    place = (round(page.x - ink.shape[1] / 2), round(page.y - ink.shape[0] / 2))
    sheet.paste(Image.fromarray((ink * 255).astype(np.uint8)), place)
    return np.asarray(sheet, np.float32) / np.float32(255)


def pen_width(ink: Coverage) -> float:
    """The width of the widest line, in pixels; where lines cross it is taken for a little more than it is."""
    return 2 * float(ndimage.distance_transform_edt(ink > 0.5).max())


def _middle(ink: Coverage) -> NDArray[np.bool_]:
    """(H, W): the pixels in the middle of the lines, where the distance from the rim has its ridge."""
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(ink > 0.5), 1.0)
    steepness = np.hypot(ndimage.sobel(depth, 0), ndimage.sobel(depth, 1)) / 8
    middle: NDArray[np.bool_] = (steepness < 0.75) & (depth > 0.6 * ndimage.maximum_filter(depth, round(depth.max())))
    return middle


def ink_box(ink: Coverage) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the ink; right and bottom are the first without."""
    rows, columns = np.flatnonzero((ink > 0.3).any(axis=1)), np.flatnonzero((ink > 0.3).any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
