"""Computation: images in, class scores out, with numpy alone; in float32 wherever that is exact enough.

Thresholding, layers and softmax run in blocks of rows that stay in the processor's cache, in buffers that each thread
makes once. One image and many take the same path.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.model.contract import INK_ABOVE, SCORE_TOLERANCE
from app.model.precision_probes import probes
from app.model.refusals import ArtefactRefused
from app.model.scorer import are_scores

BLOCK_ROWS = 240
"""Measured: the inputs of such a block stay in a core's cache, and its calls cost little."""

PRODUCT_ROWS = 80
"""Rows of a block that the last layer takes at once. Measured: for a linear model such a product stays below the size
from which OpenBLAS starts threads, which cost more than they gain when other work shares the processor."""

PAPER_UP_TO = np.array(INK_ABOVE, np.uint8)
"""An array, because in each call numpy would take 0.3 us to make one from a Python number."""

EXP_UP_TO = 80
"""exp() of this, times the number of classes, is well within float32; it overflows above 88."""

Floats = NDArray[np.floating]
Precision = type[np.float32] | type[np.float64]


@dataclass(frozen=True)
class Layer:
    """One layer: `inputs @ weights + bias`. weights (n_in, n_out), bias (n_out,), float32 or float64, read-only."""

    weights: NDArray[np.floating]
    bias: NDArray[np.floating]


class Network(Protocol):
    """Layers with a softmax at the end, from any format of file.

    Attributes:
        classes: labels in the order of the scores, as text.
        features: inputs of the first layer.
        is_grey: the inputs are the pixels' values, 0 to 255; otherwise 1 for ink (above 128) and 0 for paper.
        activation: after each layer but the last, one of `ACTIVATIONS`.
        layers: one for a linear model.
    """

    @property
    def classes(self) -> Sequence[str]: ...
    @property
    def features(self) -> int: ...
    @property
    def is_grey(self) -> bool: ...
    @property
    def activation(self) -> str: ...
    @property
    def layers(self) -> Sequence[Layer]: ...


class LogitEngine:
    """An engine that computes logits, of which it gives the softmax."""

    _row_sum: Floats

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
        """The softmax's inputs: (N, classes) of the engine's precision; the last class is held at 0."""
        raise NotImplementedError


class Engine(LogitEngine):
    """Gives what scikit-learn's `predict_proba` gives for the same network, to 1e-5. Several threads may call it.

    Attributes:
        classes: the labels, in the order of the scores.
        precision: float32, or float64 where float32 would be too inexact.
    """

    def __init__(self, network: Network, precision: Precision | None = None) -> None:
        """Prepares the layers of `network`; `precision` None takes float32 if that is exact enough.

        Raises:
            ArtefactRefused: scores of the probe images are not finite, or do not sum to 1.
        """
        self.classes = network.classes
        self.precision = _sufficient_precision(network) if precision is None else precision
        *hidden, last = network.layers
        self._hidden = [_Hidden(layer, self.precision) for layer in hidden]
        # A softmax depends on differences of logits only, so the last class is held at 0 and the others are taken
        # relative to it. One column fewer makes the product of a nine-class model a third faster.
        relative = last.weights[:, :-1] - last.weights[:, -1:].astype(np.float64)
        self._relative = _layer(relative, last.bias[:-1] - np.float64(last.bias[-1]), self.precision)
        self._row_sum = np.ones((len(self.classes), 1), self.precision)
        self._activate = ACTIVATIONS[network.activation]
        self._features, self._is_grey = network.features, network.is_grey
        self._threads = threading.local()
        if precision is None:
            check_scores(self.scores(np.concatenate(probes(network.features, is_grey=network.is_grey))))

    def logits(self, images: NDArray[np.uint8]) -> Floats:
        """The softmax's inputs: (N, classes) of `precision`; the last class is held at 0."""
        result = np.zeros((len(images), len(self.classes)), self.precision)
        buffers = self._buffers()
        for start in range(0, len(images), BLOCK_ROWS):
            block = images[start : start + BLOCK_ROWS]
            self._block(block.reshape(len(block), -1), result[start : start + BLOCK_ROWS, :-1], buffers)
        return result

    def _block(self, pixels: NDArray[np.uint8], logits: Floats, buffers: _Buffers) -> None:
        rows = len(pixels)
        values = buffers.inputs[:rows]
        if self._is_grey:
            values[...] = pixels
        else:  # an artefact's own Binarizer, with a threshold in [0, 1), leaves these zeros and ones as they are
            values[...] = np.greater(pixels, PAPER_UP_TO, out=buffers.ink[:rows])
        for layer, buffer in zip(self._hidden, buffers.hidden, strict=True):
            values = np.dot(values, layer.weights_of_one if rows == 1 else layer.weights, out=buffer[:rows])
            values += layer.bias
            self._activate(values)
        weights, bias = self._relative
        products = buffers.products[:rows]
        for first in range(0, rows, PRODUCT_ROWS):
            np.dot(values[first : first + PRODUCT_ROWS], weights, out=products[first : first + PRODUCT_ROWS])
        np.add(products, bias, out=logits)

    def _buffers(self) -> _Buffers:
        try:
            buffers: _Buffers = self._threads.buffers
        except AttributeError:  # the first call on this thread
            widths = [*(len(layer.bias) for layer in self._hidden), len(self._relative[1])]
            buffers = self._threads.buffers = _Buffers(self._features, widths, self.precision)
        return buffers


class _Hidden:
    """A hidden layer; `weights` for many images and `weights_of_one` for one differ in their order in memory.

    Measured: OpenBLAS multiplies 50 images 1.3 times faster if weights lie by rows, one image 1.2 times faster if they
    lie by columns.
    """

    def __init__(self, layer: Layer, precision: Precision) -> None:
        self.weights = np.ascontiguousarray(layer.weights, precision)
        self.weights_of_one = np.asfortranarray(layer.weights, precision)
        self.bias: Floats = np.ascontiguousarray(layer.bias, precision)


class _Buffers:
    """One thread's work buffers."""

    def __init__(self, features: int, widths: list[int], precision: Precision) -> None:
        self.ink = np.empty((BLOCK_ROWS, features), np.bool_)
        self.inputs = np.empty((BLOCK_ROWS, features), precision)
        *self.hidden, self.products = [np.empty((BLOCK_ROWS, width), precision) for width in widths]


def softmax(logits: Floats, row_sum: Floats) -> None:
    """Turns logits, in place, into scores.

    Args:
        logits: (N, classes), the last class held at 0.
        row_sum: (classes, 1) of ones, in the same precision.
    """
    # The last class is held at 0, so no row's sum is below exp(0) = 1; only large logits need to be reduced.
    if np.maximum.reduce(logits, axis=None, initial=0) > EXP_UP_TO:
        logits -= np.maximum.reduce(logits, axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= np.dot(logits, row_sum)


def _layer(weights: Floats, bias: Floats, precision: Precision) -> tuple[Floats, Floats]:
    return np.asfortranarray(weights, precision), np.ascontiguousarray(bias, precision)


def _sufficient_precision(network: Network) -> Precision:
    """float32 if its scores of digits are close enough to those in float64, else float64.

    Units that saturate are steep, and amplify small errors: a network of them is always computed in float64. For other
    networks the logits of probe images decide. The relation of their error's root mean square to the worst score of
    many thousand noisy digits was measured on trained models (docs/decisions.md).
    """
    share = _SHARE_OF_TOLERANCE.get(network.activation)
    if share is None:
        return np.float64
    usual, unusual = probes(network.features, is_grey=network.is_grey)
    images = np.concatenate([usual, unusual])
    single, double = (Engine(network, precision) for precision in (np.float32, np.float64))
    error = float(np.sqrt(np.mean((single.logits(usual) - double.logits(usual)) ** 2)))
    # A unit that is inactive on every usual probe may be active on an unusual one.
    worst = float(np.abs(single.scores(images) - double.scores(images)).max())
    return np.float32 if error <= share * SCORE_TOLERANCE and worst <= 2 * SCORE_TOLERANCE else np.float64


_SHARE_OF_TOLERANCE = {"identity": 0.35, "relu": 0.5}
"""Share of the tolerance that the root mean square may reach: the worst score was up to 2.8 times it for linear models,
1.5 with ReLU."""


def check_scores(scores: Floats) -> None:
    """Refuses weights that give scores which are no numbers, or do not sum to 1.

    Raises:
        ArtefactRefused: they do.
    """
    if not are_scores(scores):
        raise ArtefactRefused(
            "weights",
            "weights with which the scores of a digit are no numbers that sum to 1",
            expected="weights with which they are",
            remedy="Ask whoever made it for a model that was trained to the end, or pin another version.",
        )


def _relu(values: Floats) -> None:
    np.maximum(values, 0, out=values)


def _tanh(values: Floats) -> None:
    np.tanh(values, out=values)


def _logistic(values: Floats) -> None:
    # 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2, which cannot overflow.
    values *= 0.5
    np.tanh(values, out=values)
    values += 1
    values *= 0.5


def _identity(values: Floats) -> None:
    del values


ACTIVATIONS: dict[str, Callable[[Floats], None]] = {
    "relu": _relu,
    "tanh": _tanh,
    "logistic": _logistic,
    "identity": _identity,
}
