"""Pictures of what a model looks for: weights, average digits, units of a first layer; on white or on black."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.drawing.ink_measures import SIDE
from app.model.first_layer import FirstLayer
from app.model.golden_set import GoldenSet

FOR, AGAINST = (63, 99, 224), (217, 115, 13)
"""Blue and orange, which most colour-blind people can tell apart; both are visible on white and on black."""
STRONG = 0.99
"""Share of the weights that the colour scale covers: scaling to the few beyond it would make all others pale."""
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")


class Picture(NamedTuple):
    """A PNG; `words`: what it shows, for whoever cannot see it."""

    png: bytes
    words: str


def weight_pictures(weights: NDArray[np.floating], classes: Sequence[str]) -> dict[str, Picture]:
    """Class -> 28x28 pixels: blue where ink speaks for the class, orange where against; stronger is more opaque.

    Args:
        weights: (784, classes); one scale for all of them.
    """
    fields = _on_one_scale(weights).T.reshape(-1, SIDE, SIDE)
    return {name: Picture(_png(field), f"Weights of {name}") for name, field in zip(classes, fields, strict=True)}


def average_pictures(digits: GoldenSet, classes: Sequence[str]) -> dict[str, Picture]:
    """Class -> the average of the digits that are called so, whatever they are; ink is blue."""
    called = digits.scores.argmax(axis=1)
    found = {}
    for place, name in enumerate(classes):
        images = digits.images[called == place]
        if len(images):
            words = f"The average of {len(images):,} digits that it calls {name}"
            found[name] = Picture(_png(images.mean(axis=0) / 255), words)
    return found


def unit_pictures(layer: FirstLayer) -> dict[str, Picture]:
    """Rank from "1" -> a unit: blue where ink excites it, orange where ink silences it; one scale for all."""
    fields = _on_one_scale(layer.fields)
    return {str(rank): Picture(_png(field), _in_words(rank, field)) for rank, field in enumerate(fields, 1)}


def _on_one_scale(weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """-1 to 1; a few are cut off."""
    strongest = float(np.quantile(np.abs(weights), STRONG)) or 1.0
    scaled: NDArray[np.floating] = np.clip(weights / strongest, -1, 1)
    return scaled


def _in_words(rank: int, field: NDArray[np.floating]) -> str:
    excited, silenced = _place(np.maximum(field, 0)), _place(np.maximum(-field, 0))
    return f"Unit {rank}: excited by ink {excited}, silenced by ink {silenced}"


def _place(strengths: NDArray[np.floating]) -> str:
    """The ninth of the field that holds most: "at the top left", "in the middle"; "nowhere" for none."""
    sums = [[part.sum() for part in np.array_split(row, 3, axis=1)] for row in np.array_split(strengths, 3, axis=0)]
    if not np.any(sums):
        return "nowhere"
    row, column = np.unravel_index(np.argmax(sums), (3, 3))
    words = f"{ROWS[row]} {COLUMNS[column]}".strip()
    return f"at the {words}" if words else "in the middle"


def _png(field: NDArray[np.floating]) -> bytes:
    """(rows, columns), -1 against to 1 for."""
    pixels = np.empty((*field.shape, 4), np.uint8)
    pixels[..., :3] = np.where(field[..., np.newaxis] >= 0, FOR, AGAINST)
    pixels[..., 3] = np.rint(255 * np.abs(field))
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG")
    return file.getvalue()
