"""Profile of the training images' ink in its field: bounds that reveal a drawing unlike them.

A release writes them into its card. Whoever serves the model computes the same measures, in their own way.
"""

from __future__ import annotations

import numpy as np

INK_ABOVE = 128
QUANTILES = (0.0005, 0.5, 0.9995)
SQUARE = 4


def training_profile(images: np.ndarray) -> dict[str, list[float]]:
    """The 0.05%, 50% and 99.95% quantiles of every measure, over the images that have any ink.

    Args:
        images: (N, 28, 28) uint8, 0 paper to 255 ink; a pixel above 128 is ink.

    Returns:
        measure -> [low, median, high], rounded to 4 places: {"longest_side": [16.0, 20.0, 20.0], …}
    """
    return {
        name: np.quantile(values, QUANTILES).round(4).tolist()
        for name, values in measures_of_ink(images).items()
    }


def measures_of_ink(images: np.ndarray) -> dict[str, np.ndarray]:
    """The measures of each image that has any ink: name -> (N,) float64."""
    ink = images > INK_ABOVE
    ink = ink[ink.any(axis=(1, 2))]
    pixels = ink.sum(axis=(1, 2))
    numbers = np.arange(images.shape[1])
    side = np.maximum(_extent(ink.any(axis=1)), _extent(ink.any(axis=2)))
    return {
        "centre_x": ink.sum(axis=1) @ numbers / pixels,
        "centre_y": ink.sum(axis=2) @ numbers / pixels,
        "longest_side": side.astype(float),
        "thickness": side * _squares(ink) / pixels,
    }


def _extent(occupied: np.ndarray) -> np.ndarray:
    """(N, 28) bool -> (N,): from the first True to the last one, both included."""
    before, after = occupied.argmax(axis=1), occupied[:, ::-1].argmax(axis=1)
    return occupied.shape[1] - before - after


def _squares(ink: np.ndarray) -> np.ndarray:
    """(N, 28, 28) bool -> (N,): how many 4x4 squares of the field, overlapping ones too, are ink all over."""
    windows = np.lib.stride_tricks.sliding_window_view(ink, (SQUARE, SQUARE), axis=(1, 2))
    return windows.all(axis=(3, 4)).sum(axis=(1, 2))
