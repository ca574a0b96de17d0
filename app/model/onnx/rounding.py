"""Rounding of float32, foretold in float64: how far off the scores are that any float32 evaluation gives.

Whoever wrote a file computes it in float32, in an order of sums that nobody promised. So no such evaluation is made
here, whose errors would be those of this processor's kernels. Beside each number goes the variance that rounding gives
it: errors of single roundings are taken for independent, and each sum for one that is added up number after number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.engine import ACTIVATIONS, PAPER_UP_TO
from app.model.onnx.network import Convolution, Dense, Floats, ImageNetwork, Pixels, Stage, matrix, pooled
from app.model.onnx.steps import Pool

ROUNDING = (2.0**-24) ** 2 / 3
"""The variance of one rounding to float32 of numbers around 1: errors are spread evenly, to 2**-24 at most."""

BLOCK = 1 << 17
"""Numbers of windows that are copied at once."""

ACTIVATION = 2.0**-25
"""The deviation of a tanh or a logistic function, which libraries approximate to about so much, whatever its value."""
SHIFT = 1.25 * 2.0**-24
"""The same error in all units, where they have similar inputs. Measured: onnxruntime's logistic function around -8."""


class Foretold(NamedTuple):
    """Numbers in float64, and what float32 makes of them; arrays of one shape.

    Attributes:
        variances: of errors that are independent of each other.
        shifts: the errors that all units of an activation have in common, with their sign.
    """

    values: Floats
    variances: Floats
    shifts: Floats


def foretold_logits(network: ImageNetwork, images: NDArray[np.uint8]) -> Foretold:
    """The softmax's inputs: (N, classes).

    Args:
        images: (N, pixels) uint8. One is computed after the other, so that buffers stay small.
    """
    weights = [matrix(stage.linear, np.float64) for stage in network.stages]
    squares = [one**2 for one in weights]
    found = []
    for image in images:
        numbers = _pixels(network.pixels, image)
        for stage, one, square in zip(network.stages, weights, squares, strict=True):
            numbers = _stage(stage, one, square, numbers)
        found.append([part.ravel() for part in numbers])
    return Foretold(*(np.array(parts) for parts in zip(*found, strict=True)))


def logit_errors(logits: Foretold) -> Floats:
    """The mean squares by which differences to the last class's logit are off: (N, classes - 1)."""
    shifts = logits.shifts[:, :-1] - logits.shifts[:, -1:]
    errors: Floats = logits.variances[:, :-1] + logits.variances[:, -1:] + shifts**2
    return errors


def score_errors(scores: Floats, logits: Foretold) -> Floats:
    """The mean square by which each score is off: (N, classes).

    A score p_i moves by p_i (d_i - sum of p_j d_j) if logits move by d.
    """
    squared = scores**2 * logits.variances
    others = squared.sum(axis=1, keepdims=True) - squared
    shifts = logits.shifts - (scores * logits.shifts).sum(axis=1, keepdims=True)
    errors: Floats = scores**2 * ((1 - scores) ** 2 * logits.variances + others + shifts**2)
    return errors


def _pixels(pixels: Pixels, image: NDArray[np.uint8]) -> Foretold:
    values = (image > PAPER_UP_TO if pixels.is_ink else image) * pixels.factor + pixels.offset
    is_exact = pixels.factor == 1 and pixels.offset == 0
    variances = np.zeros_like(values) if is_exact else ROUNDING * (values**2 + (pixels.factor * pixels.moved) ** 2)
    return Foretold(values, variances, np.zeros_like(values))


def _stage(stage: Stage, weights: Floats, squares: Floats, numbers: Foretold) -> Foretold:
    layer, values = stage.linear, numbers.values
    # Zeros are added without rounding; windows have few of them.
    count = np.count_nonzero(values) if isinstance(layer, Dense) else len(weights)
    # Of the sums on the way the mean square is half of their terms' sum of squares, or a third of the whole's square.
    sums = _products(layer, values, weights)
    variances = _products(layer, numbers.variances + ROUNDING * count / 2 * values**2, squares)
    variances += ROUNDING * count / 3 * sums**2
    values = sums + layer.bias
    variances += ROUNDING * values**2
    shifts = _products(layer, numbers.shifts, weights) if numbers.shifts.any() else np.zeros_like(values)
    numbers = Foretold(values, variances, shifts)
    if isinstance(layer, Convolution) and stage.pools:
        parts = (values, variances, np.abs(shifts))
        numbers = Foretold(*(_pooled(layer, stage, one) for one in parts))
    return _activated(stage.activation, numbers)


def _products(layer: Convolution | Dense, values: Floats, weights: Floats) -> Floats:
    """(places, outputs) of one image, some windows after the other."""
    windows = _windows(layer, values)
    rows = max(1, BLOCK // windows[0].size)
    blocks = (windows[start : start + rows].reshape(-1, len(weights)) for start in range(0, len(windows), rows))
    return np.concatenate([block @ weights for block in blocks])


def _windows(layer: Convolution | Dense, values: Floats) -> Floats:
    """A view of the windows of one image, (rows of them, ..., numbers of a window in order)."""
    if isinstance(layer, Dense):
        return values.reshape(1, -1)
    channels, height, width = layer.shape
    top, left, bottom, right = layer.pads
    padded = np.pad(values.reshape(height, width, channels), ((top, bottom), (left, right), (0, 0)))
    (high, wide), (down, across) = layer.window.size, layer.window.strides
    view = np.lib.stride_tricks.sliding_window_view(padded, (high, wide), (0, 1))[::down, ::across]
    windows: Floats = view.transpose(0, 1, 3, 4, 2)
    return windows


def _pooled(layer: Convolution, stage: Stage, values: Floats) -> Floats:
    """The largest value in each window; of variances too, as any of them may be the largest value's."""
    maps, height, width = layer.output
    values = values.reshape(1, height, width, maps)
    for pool, shape in zip(stage.pools, pooled(layer.output, stage.pools), strict=False):
        values = Pool(pool, shape, 1, values.dtype).run(values)
    return values


def _activated(activation: str, numbers: Foretold) -> Foretold:
    values = np.array(numbers.values)
    ACTIVATIONS[activation](values)
    if activation == "identity":
        return numbers
    if activation == "relu":
        return Foretold(values, numbers.variances * (values > 0), numbers.shifts * (values > 0))
    slopes = 1 - values**2 if activation == "tanh" else values * (1 - values)
    return Foretold(values, numbers.variances * slopes**2 + ACTIVATION**2, numbers.shifts * slopes + SHIFT)
