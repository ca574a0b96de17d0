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

from app.model.engine import PAPER_UP_TO, Floats, LogitEngine, Precision, check_scores, softmax
from app.model.onnx.network import ImageNetwork, matrix
from app.model.onnx.refusals import TOO_LARGE, refused
from app.model.onnx.rounding import foretold_logits, logit_errors, score_errors
from app.model.onnx.steps import Step, buffered, step_of
from app.model.precision_probes import probes

CACHE_BYTES = 2 << 20
"""The windows of a block. Measured: they and the weights stay in a core's second cache."""

BUFFER_BYTES = 32 << 20
"""All buffers of a block, in one thread."""

MOST_ROWS = 240

LOGIT_ERROR = SCORE_ERROR = 2.5e-6
"""The errors up to which float32 is taken, which is faster: the root mean square for logits of usual probe images, and
the largest for scores of all. They are those of this processor's kernels, and decide on nothing else."""

LOGIT_ROUNDING = 3e-5
"""The root mean square up to which float32, on any processor, may move differences of logits of usual probe images.
Trained networks stay below 1e-5, of which measured errors were a half or less. A score moves by a quarter of it."""
SCORE_ROUNDING = 4e-6
"""The same for each score of all probe images, as a standard deviation; trained networks stay below 1.4e-6."""


class ImageEngine(LogitEngine):
    """Gives what onnxruntime gives for the same network, to 1e-5. Several threads may call it.

    Attributes:
        classes: the labels, in the order of the scores.
        precision: float32, or float64 where float32 would be too inexact.
    """

    def __init__(self, network: ImageNetwork, precision: Precision | None = None) -> None:
        """Prepares the stages of `network`; `precision` None takes float32 if that is exact enough.

        Raises:
            ArtefactRefused: scores of the probe images are not finite, or float32 is too inexact for them.
        """
        self.classes = network.classes
        self.precision = _sufficient_precision(network) if precision is None else precision
        self._network = _relative(_scaled(network))
        self._weights = [matrix(stage.linear, self.precision) for stage in self._network.stages]
        self._row_sum = np.ones((len(self.classes), 1), self.precision)
        self._block = _block_rows(self._network, self.precision)
        self._threads = threading.local()

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

    def _fill(self, images: NDArray[np.uint8], step: Step) -> None:
        inlet, pixels = step.inlet[: len(images)], self._network.pixels
        values: NDArray[np.uint8] | NDArray[np.bool_] = images.reshape(inlet.shape)
        if pixels.is_ink:
            values = np.greater(values, PAPER_UP_TO)
        if pixels.offset:
            np.multiply(values, self.precision(pixels.factor), out=inlet)
            np.add(inlet, self.precision(pixels.offset), out=inlet)
        else:
            inlet[...] = values  # the factor is in the weights

    def _steps(self) -> list[Step]:
        try:
            steps: list[Step] = self._threads.steps
        except AttributeError:  # the first call on this thread
            stages = zip(self._network.stages, self._weights, strict=True)
            steps = self._threads.steps = [step_of(stage, weights, self._block) for stage, weights in stages]
        return steps


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
    size: int = np.dtype(precision).itemsize
    windows, everything = zip(*(buffered(stage) for stage in network.stages), strict=True)
    rows: int = min(CACHE_BYTES // (size * max(windows)), BUFFER_BYTES // (size * sum(everything)))
    return max(1, min(MOST_ROWS, rows))


def _check_rounding(network: ImageNetwork, usual: NDArray[np.uint8], unusual: NDArray[np.uint8]) -> None:
    """Refuses weights with which scores are rounding for whoever computes the file in float32, on any processor."""
    foretold = foretold_logits(network, np.concatenate([usual, unusual]))
    error = np.sqrt(logit_errors(foretold)[: len(usual)].mean())
    scores = foretold.values - foretold.values[:, -1:]
    softmax(scores, np.ones((len(network.classes), 1)))
    check_scores(scores)
    worst = np.sqrt(score_errors(scores, foretold).max())
    if not (error <= LOGIT_ROUNDING and worst <= SCORE_ROUNDING):
        why = f"weights with which float32 may be off by {error:.0e} in a logit, and by {worst:.0e} in a score"
        raise refused("weights", why, remedy=TOO_LARGE)


def _sufficient_precision(network: ImageNetwork) -> Precision:
    """float32 if its scores of the probe images are close enough to those in float64, else float64."""
    usual, unusual = probes(network.features, is_grey=not network.pixels.is_ink)
    _check_rounding(network, usual, unusual)
    images = np.concatenate([usual, unusual])
    # subtle: one engine is gone before the next is made
    logits = [ImageEngine(network, one).logits(images).astype(np.float64) for one in (np.float32, np.float64)]
    error = float(np.sqrt(np.mean((logits[0] - logits[1])[: len(usual)] ** 2)))
    for one in logits:
        softmax(one, np.ones((len(network.classes), 1)))
    worst = float(np.abs(logits[0] - logits[1]).max())
    return np.float32 if error <= LOGIT_ERROR and worst <= SCORE_ERROR else np.float64
