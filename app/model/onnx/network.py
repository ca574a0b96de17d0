"""A network of images, as an engine needs it: the scale of pixels; stages of a linear map, pools, an activation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Pixels:
    """The numbers that a network takes for pixels: factor * value + offset, where the value is 0 to 255, or 1 for ink
    and 0 for paper.

    Attributes:
        moved: distances, in values, by which each of the file's steps leaves them away from where they were, added up.
    """

    is_ink: bool = False
    factor: float = 1.0
    offset: float = 0.0
    moved: float = 0.0


@dataclass(frozen=True)
class Window:
    """A window that moves over a map: its size and its steps, (rows, columns)."""

    size: tuple[int, int]
    strides: tuple[int, int]

    def count(self, height: int, width: int) -> tuple[int, int]:
        """The places of the window in a map, down and across; below 1 if it is too large for it."""
        (high, wide), (down, across) = self.size, self.strides
        return (height - high) // down + 1, (width - wide) // across + 1


@dataclass(frozen=True)
class Convolution:
    """A map of `channels` in, a map out.

    Attributes:
        weights: (maps out, channels, rows, columns).
        bias: (maps out,).
        window: over the padded map.
        pads: zeros above, left, below and right.
        shape: (channels, height, width) of its input.
    """

    weights: Floats
    bias: Floats
    window: Window
    pads: tuple[int, int, int, int]
    shape: Shape

    @property
    def output(self) -> Shape:
        """(maps out, height, width)."""
        _, height, width = self.shape
        top, left, bottom, right = self.pads
        return (len(self.bias), *self.window.count(height + top + bottom, width + left + right))


@dataclass(frozen=True)
class Dense:
    """`inputs @ weights + bias`.

    Attributes:
        weights: (inputs, outputs).
        bias: (outputs,).
        shape: of the map that the inputs are, (channels, height, width), or (inputs,).
    """

    weights: Floats
    bias: Floats
    shape: Shape

    @property
    def output(self) -> Shape:
        """(outputs,)."""
        return self.bias.shape


@dataclass(frozen=True)
class Stage:
    """A linear map, then the largest value in each window, then an activation of `ACTIVATIONS`.

    Largest value and activation may be exchanged: each activation is monotone.
    """

    linear: Convolution | Dense
    pools: tuple[Window, ...] = ()
    activation: str = "identity"


@dataclass(frozen=True)
class ImageNetwork:
    """A classifier of images, a softmax at its end.

    Attributes:
        classes: labels in the order of the scores, as text.
        pixels: the scale of its inputs.
        stages: in order; the last one is dense, without activation.
    """

    classes: tuple[str, ...]
    pixels: Pixels
    stages: tuple[Stage, ...]

    @property
    def features(self) -> int:
        """Pixels of an image."""
        return math.prod(self.stages[0].linear.shape)

    @property
    def parameters(self) -> int:
        """Numbers that were learnt."""
        return sum(stage.linear.weights.size + stage.linear.bias.size for stage in self.stages)


def pooled(shape: Shape, pools: tuple[Window, ...]) -> Iterator[Shape]:
    """The shape of a map, and after each pool."""
    yield shape
    for pool in pools:
        shape = (shape[0], *pool.count(*shape[1:]))
        yield shape


def matrix(linear: Convolution | Dense, dtype: type[np.floating]) -> Floats:
    """Weights as a matrix: a row for each number of a window or map, in the order (row, column, channel)."""
    weights: Floats = linear.weights
    if isinstance(linear, Convolution):
        weights = weights.transpose(2, 3, 1, 0).reshape(-1, len(linear.bias))
    elif len(linear.shape) == 3:
        weights = weights.reshape(*linear.shape, -1).transpose(1, 2, 0, 3).reshape(weights.shape)
    return np.ascontiguousarray(weights, dtype)
