"""Computation of networks of images with numpy alone, in blocks of images whose windows stay in the processor's cache.

Maps lie in memory as (image, row, column, channel), so that a window is a few runs of memory, and a convolution is one
product of all windows (a row each) and the weights. The largest value is taken before bias and ReLU, which changes no
result and leaves a quarter of the work to them. All of it happens in buffers that each thread makes once.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.model.engine import ACTIVATIONS, PAPER_UP_TO, Floats, Precision, check_scores, softmax
from app.model.onnx.network import Convolution, Dense, ImageNetwork, Stage, Window, pooled
from app.model.onnx.refusals import DIVERGED, refused
from app.model.precision_probes import probes

CACHE_BYTES = 2 << 20
"""The windows of a block. Measured: they and the weights stay in a core's second cache."""

MOST_ROWS = 240

LOGIT_ERROR = {np.float32: 2.5e-6, np.float64: 1e-5}
"""The root mean square by which logits of usual drawings in float32 may differ from those in float64: to be computed in
float32, and to be accepted at all, because whoever wrote the file computes it in float32. A score is off by at most a
quarter of a logit's error, and the largest error is about four times the root mean square."""
SCORE_ERROR = {np.float32: 2.5e-6, np.float64: 5e-6}
"""The same for the worst score of all probe images."""


class ImageEngine:
    """Gives what onnxruntime gives for the same network, to 1e-5. Several threads may call it.

    Attributes:
        classes: the labels, in the order of the scores.
        precision: float32, or float64 where float32 would be too inexact.
    """

    def __init__(self, network: ImageNetwork, precision: Precision | None = None) -> None:
        """Prepares the stages of `network`; `precision` None takes float32 if that is exact enough.

        Raises:
            ArtefactRefused: scores of the probe images are not finite, or float32 is much too inexact for them.
        """
        self.classes = network.classes
        self.precision = _sufficient_precision(network) if precision is None else precision
        self._network = _relative(_scaled(network))
        self._weights = [_matrix(stage.linear, self.precision) for stage in self._network.stages]
        self._row_sum = np.ones((len(self.classes), 1), self.precision)
        self._block = _block_rows(self._network, self.precision)
        self._threads = threading.local()

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The share of each class, for each image.

        Args:
            images: (N, 28, 28) uint8, or any (N, ...) of as many pixels as the model has features; not changed.

        Returns:
            (N, classes) float32, each row sums to 1; columns in the order of `classes`.
        """
        result = self.logits(images)
        softmax(result, self._row_sum)
        return result.astype(np.float32, copy=False)

    def logits(self, images: NDArray[np.uint8]) -> Floats:
        """The softmax's inputs: (N, classes) of `precision`; the last class is held at 0."""
        result = np.zeros((len(images), len(self.classes)), self.precision)
        steps = self._steps()
        for start in range(0, len(images), self._block):
            block = images[start : start + self._block]
            self._fill(block, steps[0])
            for step, following in pairwise(steps):
                step.run(len(block), following.inlet[: len(block)])
            steps[-1].run(len(block), result[start : start + self._block, :-1])
        return result

    def _fill(self, images: NDArray[np.uint8], step: _Step) -> None:
        inlet, pixels = step.inlet[: len(images)], self._network.pixels
        values: NDArray[np.uint8] | NDArray[np.bool_] = images.reshape(inlet.shape)
        if pixels.is_ink:
            values = np.greater(values, PAPER_UP_TO)
        if pixels.offset:
            np.multiply(values, self.precision(pixels.factor), out=inlet)
            np.add(inlet, self.precision(pixels.offset), out=inlet)
        else:
            inlet[...] = values  # the factor is in the weights

    def _steps(self) -> list[_Step]:
        try:
            steps: list[_Step] = self._threads.steps
        except AttributeError:  # the first call on this thread
            stages = zip(self._network.stages, self._weights, strict=True)
            steps = self._threads.steps = [_step(stage, weights, self._block) for stage, weights in stages]
        return steps


class _Step:
    """One stage in one thread: its buffers, and the inlet that the stage before writes into."""

    inlet: Floats

    def run(self, rows: int, out: Floats) -> None:
        """Computes the first rows of the inlet into `out`."""
        raise NotImplementedError


class _DenseStep(_Step):
    def __init__(self, layer: Dense, stage: Stage, weights: Floats, rows: int) -> None:
        shape = (*layer.shape[1:], layer.shape[0])
        flat = np.empty((rows, len(weights)), weights.dtype)
        self.inlet, self._flat, self._weights = flat.reshape(rows, *shape), flat, weights
        self._bias = layer.bias.astype(weights.dtype)
        self._products = np.empty((rows, weights.shape[1]), weights.dtype)
        self._activate = ACTIVATIONS[stage.activation]

    def run(self, rows: int, out: Floats) -> None:
        products = np.dot(self._flat[:rows], self._weights, out=self._products[:rows])
        np.add(products, self._bias, out=out)
        self._activate(out)


class _ConvolutionStep(_Step):
    def __init__(self, layer: Convolution, stage: Stage, weights: Floats, rows: int) -> None:
        dtype = weights.dtype
        channels, height, width = layer.shape
        top, left, bottom, right = layer.pads
        padded = np.zeros((rows, height + top + bottom, width + left + right, channels), dtype)
        self.inlet = padded[:, top : top + height, left : left + width]
        (high, wide), (down, across) = layer.window.size, layer.window.strides
        view = np.lib.stride_tricks.sliding_window_view(padded, (high, wide), (1, 2))[:, ::down, ::across]
        self._windows = view.transpose(0, 1, 2, 4, 5, 3)
        maps, out_height, out_width = layer.output
        self._places = out_height * out_width
        self._copy = np.empty(self._windows.shape, dtype)
        self._rows = self._copy.reshape(rows * self._places, len(weights))
        self._weights = weights
        products = np.empty((rows * self._places, maps), dtype)
        self._products, self._maps = products, products.reshape(rows, out_height, out_width, maps)
        self._pools = [_Pool(pool, shape, rows, dtype) for pool, shape in
                       zip(stage.pools, pooled(layer.output, stage.pools), strict=False)]  # fmt: skip
        *_, (_, height, width) = pooled(layer.output, stage.pools)
        # A bias for a whole row of the map: numpy's inner loop over the maps alone would be short.
        self._bias = np.tile(layer.bias.astype(dtype), width)
        self._activate = ACTIVATIONS[stage.activation]
        self._is_relu = stage.activation == "relu"

    def run(self, rows: int, out: Floats) -> None:
        np.copyto(self._copy[:rows], self._windows[:rows])
        count = rows * self._places
        np.dot(self._rows[:count], self._weights, out=self._products[:count])
        maps = self._maps[:rows]
        for pool in self._pools:
            maps = pool.run(maps)
        flat = maps.reshape(rows, maps.shape[1], len(self._bias))  # subtle: a copy if a pool left some places out
        np.add(flat, self._bias, out=flat)
        maps = flat.reshape(maps.shape)
        if self._is_relu:
            np.maximum(maps, 0, out=out)
            return
        self._activate(maps)
        out[...] = maps


class _Pool:
    """The largest value in each window: first of its rows, then of its columns."""

    def __init__(self, window: Window, shape: tuple[int, ...], rows: int, dtype: np.dtype[np.floating]) -> None:
        maps, height, width = shape
        self._window = window
        self._down, self._across = window.count(height, width)
        self._rows = np.empty((rows, self._down, width, maps), dtype)
        self._largest = np.empty((rows, self._down, self._across, maps), dtype)

    def run(self, maps: Floats) -> Floats:
        (high, wide), (down, across) = self._window.size, self._window.strides
        count = len(maps)
        bands = [maps[:, first : first + (self._down - 1) * down + 1 : down] for first in range(high)]
        rows = _largest(bands, self._rows[:count])
        bands = [rows[:, :, first : first + (self._across - 1) * across + 1 : across] for first in range(wide)]
        return _largest(bands, self._largest[:count])


def _largest(values: list[Floats], out: Floats) -> Floats:
    if len(values) == 1:
        return values[0]
    np.maximum(values[0], values[1], out=out)
    for more in values[2:]:
        np.maximum(out, more, out=out)
    return out


def _step(stage: Stage, weights: Floats, rows: int) -> _Step:
    layer = stage.linear
    if isinstance(layer, Dense):
        return _DenseStep(layer, stage, weights, rows)
    return _ConvolutionStep(layer, stage, weights, rows)


def _matrix(linear: Convolution | Dense, precision: Precision) -> Floats:
    """Weights as a matrix: a row for each number of a window or map, in the order (row, column, channel)."""
    weights: Floats = linear.weights
    if isinstance(linear, Convolution):
        weights = weights.transpose(2, 3, 1, 0).reshape(-1, len(linear.bias))
    elif len(linear.shape) == 3:
        weights = weights.reshape(*linear.shape, -1).transpose(1, 2, 0, 3).reshape(weights.shape)
    return np.ascontiguousarray(weights, precision)


def _scaled(network: ImageNetwork) -> ImageNetwork:
    """The same network, its factor of pixels in the first weights; with an offset, padding would not be 0 any more."""
    pixels, (first, *rest) = network.pixels, network.stages
    if pixels.offset or pixels.factor == 1:
        return network
    linear = replace(first.linear, weights=first.linear.weights * np.float64(pixels.factor))
    return replace(network, pixels=replace(pixels, factor=1.0), stages=(replace(first, linear=linear), *rest))


def _relative(network: ImageNetwork) -> ImageNetwork:
    """The last class is held at 0, as in `Engine`, and the others are taken relative to it."""
    *before, stage = network.stages
    weights, bias = (part.astype(np.float64) for part in (stage.linear.weights, stage.linear.bias))
    relative = replace(stage.linear, weights=weights[:, :-1] - weights[:, -1:], bias=bias[:-1] - bias[-1])
    return replace(network, stages=(*before, replace(stage, linear=relative)))


def _block_rows(network: ImageNetwork, precision: Precision) -> int:
    largest = 1
    for stage in network.stages:
        layer = stage.linear
        places = layer.output[1:] if isinstance(layer, Convolution) else ()
        window = layer.weights.size // len(layer.bias)
        largest = max(largest, int(np.prod(places)) * window * np.dtype(precision).itemsize)
    return max(1, min(MOST_ROWS, CACHE_BYTES // largest))


def _sufficient_precision(network: ImageNetwork) -> Precision:
    """float32 if its scores of the probe images are close enough to those in float64, else float64."""
    usual, unusual = probes(network.features, is_grey=not network.pixels.is_ink)
    images = np.concatenate([usual, unusual])
    single, double = (ImageEngine(network, precision) for precision in (np.float32, np.float64))
    logits = [engine.logits(images).astype(np.float64) for engine in (single, double)]
    error = float(np.sqrt(np.mean((logits[0] - logits[1])[: len(usual)] ** 2)))
    for one in logits:
        softmax(one, np.ones((len(network.classes), 1)))
    check_scores(logits[1])
    worst = float(np.abs(logits[0] - logits[1]).max())
    for precision in (np.float32, np.float64):
        if error <= LOGIT_ERROR[precision] and worst <= SCORE_ERROR[precision]:
            return precision
    why = f"weights with which float32 is off by {error:.0e} in a logit, and by {worst:.0e} in a score"
    raise refused("weights", why, remedy=DIVERGED)
