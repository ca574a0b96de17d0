"""From the points of a pen to the 28x28 that the model was trained on: the recipe of `drawing`, without a bitmap.

The pen has the same width in the model's field, whatever it was on the canvas: a thick pen on a small drawing is the
main cause of wrong answers with bitmaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from app.drawing.normalise import BOX, SIDE, Grey, centred
from app.drawing.refusals import UnreadableImage

PEN = 2.0
"""The pen's width in pixels of the 28x28 field. MNIST's held-out digits have a median of 1.95 (ink over the length of
the skeleton); most of their skeletons are read rightly from 2.0 to 2.6; on real drawings accuracy falls beyond 2.4."""
MAX_POINTS = 5_000
"""Most points of all strokes. A digit has 100 to 300; the fastest mouse gives 1,000 a second."""
FARTHEST = 1e6
"""The largest coordinate, on either side of 0."""
SMALLEST = 1e-3
"""A drawing whose longest side is at most this is a single point: rounding errors are not enlarged."""

REACH = (PEN + 1) / 2
"""Distance from the middle of the pen to the first pixel centre that it leaves white."""
PIECE = 1.5
"""The longest piece of a line, in pixels: half of it and REACH stay within the 5x5 pixels around its middle."""
PIECES_AT_ONCE = 256
"""Measured: the data for this many stay in the processor's cache; it also bounds memory."""
MARGIN = 2
AROUND = np.arange(-MARGIN, MARGIN + 1)
EDGE = BOX + 2 * MARGIN

Floats = NDArray[np.float64]
Stroke = Sequence[Sequence[float]] | Floats


def draw_strokes(strokes: Sequence[Stroke], *, pen_width: float = 0.0) -> Grey:
    """The drawing in the form that the model takes; neither the size of the canvas nor the place on it matters.

    Args:
        strokes: for each time the pen was down, its points (x, y), y downwards, in any unit. One point is a dot; a
            stroke without points is nothing.
        pen_width: the pen on the canvas, in the same unit. A drawing no longer than this is a tap of an unsteady
            hand, and drawn as a dot. The width has no other effect.

    Returns:
        (28, 28) uint8, 0 paper to 255 ink; all paper when there are no points.

    Raises:
        UnreadableImage: more than `MAX_POINTS` points, or a coordinate that is not finite or beyond `FARTHEST`.
    """
    lengths = np.array([len(stroke) for stroke in strokes if len(stroke)], np.intp)
    if not len(lengths):
        return np.zeros((SIDE, SIDE), np.uint8)
    if lengths.sum() > MAX_POINTS:
        raise _bad(f"{lengths.sum():,} points", f"at most {MAX_POINTS:,}", "Leave out points nearer than a pixel.")
    points = np.array(list(chain.from_iterable(strokes)), np.float64)
    if not (np.abs(points) <= FARTHEST).all():  # in this form, NaN is refused as well
        raise _bad(
            "a coordinate that is none, or lies far out",
            f"numbers from {-FARTHEST:,.0f} to {FARTHEST:,.0f}",
            "Send pixels.",
        )
    points -= points.min(axis=0)
    size = points.max(axis=0)
    longest = float(size.max())
    scale = (BOX - PEN) / longest if longest > max(pen_width, SMALLEST) else 0.0
    points *= scale
    points += PEN / 2  # the ink's box begins at (0, 0)
    width, height = np.minimum(np.ceil(size * scale + PEN), BOX).astype(int).tolist()
    return centred(_draw(points, lengths)[:height, :width])


def _draw(points: Floats, lengths: NDArray[np.intp]) -> Grey:
    """(20, 20) uint8: the coverage of each pixel by the pen along strokes with these numbers of points."""
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    to = np.arange(1, len(points) + 1)
    to[last] = first  # subtle: no line starts at a stroke's last point; that becomes a dot at the first
    start = np.arange(len(points))
    start[last] = first
    origins, steps = _pieces(points[start], points[to] - points[start])
    nearest = np.full(EDGE * EDGE, REACH**2)
    for begin in range(0, len(origins), PIECES_AT_ONCE):
        _approach(nearest, origins[begin : begin + PIECES_AT_ONCE], steps[begin : begin + PIECES_AT_ONCE])
    covered = np.minimum(REACH - np.sqrt(nearest), 1).reshape(EDGE, EDGE)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    grey: Grey = np.rint(covered * 255).astype(np.uint8)
    return grey


def _pieces(origins: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """Lines, each cut into equal pieces no longer than PIECE: their starts, (N, 2), and their steps, (N, 2)."""
    counts = np.maximum(np.ceil(np.hypot(steps[:, 0], steps[:, 1]) / PIECE), 1).astype(np.intp)
    of = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    steps = (steps / counts[:, np.newaxis])[of]
    return origins[of] + within[:, np.newaxis] * steps, steps


def _approach(nearest: Floats, origins: Floats, steps: Floats) -> None:
    """Lowers the squared distances of the pixels' centres from the ink, in `nearest`, to those from these pieces."""
    pixels = np.floor(origins + steps / 2).astype(np.intp)[:, :, np.newaxis] + AROUND  # (N, 2, 5)
    away = pixels + 0.5 - origins[:, :, np.newaxis]
    along = steps[:, :, np.newaxis]
    dots = away * along
    lengths = np.maximum((steps * steps).sum(axis=1), 1e-12)[:, np.newaxis, np.newaxis]
    share = np.clip((dots[:, 1, :, np.newaxis] + dots[:, 0, np.newaxis, :]) / lengths, 0, 1)  # (N, 5, 5), rows first
    across = away[:, 0, np.newaxis, :] - share * along[:, 0, np.newaxis, :]
    down = away[:, 1, :, np.newaxis] - share * along[:, 1, :, np.newaxis]
    places = (pixels[:, 1, :, np.newaxis] + MARGIN) * EDGE + pixels[:, 0, np.newaxis, :] + MARGIN
    np.minimum.at(nearest, places.ravel(), (across * across + down * down).ravel())


def _bad(found: str, expected: str, remedy: str) -> UnreadableImage:
    return UnreadableImage("strokes", found=found, expected=expected, remedy=remedy)
