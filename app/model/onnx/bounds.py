"""The largest numbers that a network can meet, for any image, and the most that it holds of one: more is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.model.onnx.network import Dense, ImageNetwork
from app.model.onnx.refusals import SCALE_PLAINLY, refused
from app.model.onnx.steps import buffered

MAX_NUMBER = 1e30
"""float32 ends at 3e38."""
MAX_MOVED = 4
"""Times the range of pixels."""
MAX_BUFFERED = 4 << 20
"""Numbers of one image, in all buffers together: 32 MiB in float64."""
_ROWS = 64


def check_buffers(network: ImageNetwork) -> None:
    """Refuses a network that takes much memory for each image.

    Raises:
        ArtefactRefused: it does.
    """
    held = sum(buffered(stage)[1] for stage in network.stages)
    if held > MAX_BUFFERED:
        raise refused("limit", f"{held:,} numbers held for each image; the limit is {MAX_BUFFERED:,}")


def check_bounded(network: ImageNetwork) -> None:
    """Refuses weights with which a sum could leave float32, in whatever order it is added up.

    Raises:
        ArtefactRefused: they are such.
    """
    pixels, reach = network.pixels, 1 if network.pixels.is_ink else 255
    # subtle: the file's steps become one, which is the same to float32's rounding only while none swallows another
    if pixels.moved > MAX_MOVED * reach:
        why = f"pixels of 0 to {reach} that are moved by {pixels.moved:g}"
        raise refused("weights", why, remedy=SCALE_PLAINLY)
    largest = abs(pixels.factor) * reach + abs(pixels.offset)
    for stage in network.stages:
        weights = stage.linear.weights
        sums = _sums(weights.T if isinstance(stage.linear, Dense) else weights.reshape(len(weights), -1))
        largest = sums * largest + float(np.abs(stage.linear.bias).max())
        if not largest <= MAX_NUMBER:
            raise refused("weights", f"weights with which a number may reach {largest:.0e}")
        if stage.activation in ("tanh", "logistic"):
            largest = 1.0


def _sums(rows: NDArray[np.floating]) -> float:
    """The largest sum of absolute values of a row; a few rows at a time, to keep copies small."""
    pieces = (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))
    return max(float(np.abs(piece).sum(axis=1, dtype=np.float64).max()) for piece in pieces)
