"""One stage of a network of images in one thread: its buffers, and what is computed in them."""

from __future__ import annotations

import math

import numpy as np

from app.model.engine import ACTIVATIONS
from app.model.onnx.network import Convolution, Dense, Floats, Stage, Window, pooled


class Step:
    """One stage in one thread: its buffers, and the inlet that the stage before writes into."""

    inlet: Floats

    def run(self, rows: int, out: Floats) -> None:
        """Computes the first rows of the inlet into `out`."""
        raise NotImplementedError


class _DenseStep(Step):
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


class _ConvolutionStep(Step):
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
        self._pools = [Pool(pool, shape, rows, dtype) for pool, shape in
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


class Pool:
    """The largest value in each window: first of its rows, then of its columns."""

    def __init__(self, window: Window, shape: tuple[int, ...], rows: int, dtype: np.dtype[np.floating]) -> None:
        maps, height, width = shape
        self._window = window
        self._down, self._across = window.count(height, width)
        high, wide = window.size
        self._rows = np.empty((rows if high > 1 else 0, self._down, width, maps), dtype)
        self._largest = np.empty((rows if wide > 1 else 0, self._down, self._across, maps), dtype)

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


def buffered(stage: Stage) -> tuple[int, int]:
    """Numbers of one image in the windows of a stage, and in all its buffers."""
    layer = stage.linear
    if isinstance(layer, Dense):
        return layer.weights.shape[0], sum(layer.weights.shape)
    channels, height, width = layer.shape
    top, left, bottom, right = layer.pads
    windows = layer.weights.size // len(layer.bias) * math.prod(layer.output[1:])
    shapes = list(pooled(layer.output, stage.pools))
    pools = sum(_in_pool(pool, shape) for pool, shape in zip(stage.pools, shapes, strict=False))
    padded = channels * (height + top + bottom) * (width + left + right)
    # A pool that leaves places out makes a copy of its result.
    return windows, padded + windows + math.prod(layer.output) + pools + math.prod(shapes[-1])


def _in_pool(window: Window, shape: tuple[int, ...]) -> int:
    maps, height, width = shape
    down, across = window.count(height, width)
    return maps * down * (width * (window.size[0] > 1) + across * (window.size[1] > 1))


def step_of(stage: Stage, weights: Floats, rows: int) -> Step:
    layer = stage.linear
    if isinstance(layer, Dense):
        return _DenseStep(layer, stage, weights, rows)
    return _ConvolutionStep(layer, stage, weights, rows)
