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

USUAL = len(_FONT) * len(_NOISE)
"""Count of probe images that are digits people could draw; the rest is half noise, inverted, or ink all over."""


def probe_images(features: int, *, grey: bool = False) -> NDArray[np.uint8]:
    """Plain digits, each also with noise, then unusual pictures: (61, features) uint8; the same at each call.

    Args:
        features: 784 gives 28x28 drawings; any other number of pixels gets the same ink in other places.
        grey: with soft edges, all values from 0 to 255; otherwise every value is 0 or 255.
    """
    digits = np.zeros((len(_FONT), 28, 28), np.uint8)
    for digit, rows in zip(digits, _FONT, strict=True):
        bits = np.array([list(f"{int(row, 16):05b}") for row in rows.split()], np.uint8)
        digit[3:24, 6:21] = 255 * bits.repeat(3, axis=0).repeat(3, axis=1)
    flat = digits.reshape(len(digits), -1)
    random = np.random.RandomState(0)  # numpy guarantees that this generator's numbers never change
    noisy = [np.where(random.random_sample(flat.shape) < share, 255 - flat, flat) for share in _NOISE]
    half = np.where(random.random_sample(flat.shape) < 0.5, 255 - flat, flat)
    images = np.concatenate([*noisy, half, 255 - flat, np.full_like(flat[:1], 255)])
    if grey:
        around = (np.roll(images, by, axis=1) // 4 for by in (1, -1, 28, -28))
        images = np.maximum(images // 2, sum(around, np.zeros_like(images)))
    return np.resize(images, (len(images), features)) if features != images.shape[1] else images


def grey_images(features: int) -> NDArray[np.uint8]:
    """Probe images for models that take grey values: digits with soft edges, dim ones, and noise: (40, features) uint8.

    Args:
        features: as of `probe_images`.
    """
    random = np.random.RandomState(1)
    digits = probe_images(784)[: len(_FONT)].reshape(-1, 28, 28).astype(np.float64)
    around = [np.roll(digits, (down, across), (1, 2)) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    soft = np.mean(around, axis=0)
    dim = soft * random.random_sample((len(digits), 1, 1))
    rough = np.clip(soft + 40 * random.standard_normal(soft.shape), 0, 255)
    noise = 255 * random.random_sample(soft.shape)
    images = np.concatenate([soft, dim, rough, noise]).astype(np.uint8).reshape(-1, 784)
    return np.resize(images, (len(images), features)) if features != 784 else images
