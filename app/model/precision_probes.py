"""Fixed drawings, on which a model's float32 scores are compared with its float64 scores before it is used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FONT = (
    "0E 11 13 15 19 11 0E",
    "04 0C 04 04 04 04 0E",
    "0E 11 01 02 04 08 1F",
    "1F 02 04 02 01 11 0E",
    "02 06 0A 12 1F 02 02",
    "1F 10 1E 01 01 11 0E",
    "06 08 10 1E 11 11 0E",
    "1F 01 02 04 08 08 08",
    "0E 11 11 0E 11 11 0E",
    "0E 11 11 0F 01 02 0C",
)
"""The digits 0 to 9: seven rows each, five bits a row, the highest bit at the left."""

_NOISE = (0.0, 0.02, 0.1, 0.3)
"""Shares of the pixels that are flipped: the more ink, the larger the sums that float32 must hold."""


def probes(features: int, *, is_grey: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Digits as people could draw them, and unusual pictures: (N, features) uint8 each; the same at each call.

    Args:
        features: 784 gives 28x28 drawings; any other number of pixels gets the same ink in other places.
        is_grey: some have soft edges, and values from 0 to 255; otherwise every value is 0 or 255.
    """
    digits = _digits()
    usual, unusual = _black_and_white(digits)
    if is_grey:
        plain, rough = _grey(digits)
        usual, unusual = np.concatenate([usual, plain]), np.concatenate([unusual, rough])
    if features == usual.shape[1]:
        return usual, unusual
    return np.resize(usual, (len(usual), features)), np.resize(unusual, (len(unusual), features))


def _digits() -> NDArray[np.uint8]:
    """(10, 784) uint8, 0 or 255."""
    digits = np.zeros((len(_FONT), 28, 28), np.uint8)
    for digit, rows in zip(digits, _FONT, strict=True):
        bits = np.array([list(f"{int(row, 16):05b}") for row in rows.split()], np.uint8)
        digit[3:24, 6:21] = 255 * bits.repeat(3, axis=0).repeat(3, axis=1)
    return digits.reshape(len(digits), -1)


def _black_and_white(digits: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Plain digits, each also with noise; then half noise, inverted, and ink all over."""
    random = np.random.RandomState(0)  # numpy guarantees that this generator's numbers never change
    noisy = [np.where(random.random_sample(digits.shape) < share, 255 - digits, digits) for share in _NOISE]
    half = np.where(random.random_sample(digits.shape) < 0.5, 255 - digits, digits)
    return np.concatenate(noisy), np.concatenate([half, 255 - digits, np.full_like(digits[:1], 255)])


def _grey(digits: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Digits with soft edges, and dim ones; then rough ones, and noise alone."""
    random = np.random.RandomState(1)
    squares = digits.reshape(-1, 28, 28).astype(np.float64)
    around = [np.roll(squares, (down, across), (1, 2)) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    soft = np.mean(around, axis=0)
    dim = soft * random.random_sample((len(squares), 1, 1))
    rough = np.clip(soft + 40 * random.standard_normal(soft.shape), 0, 255)
    noise = 255 * random.random_sample(soft.shape)
    plain, odd = (np.concatenate(pair).astype(np.uint8).reshape(-1, 784) for pair in ((soft, dim), (rough, noise)))
    return plain, odd
