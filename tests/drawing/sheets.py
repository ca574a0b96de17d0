"""Pictures for the tests of the recipe: digits on sheets that are made pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.drawing.decode_image import Picture
from app.drawing.recipe import Seen, see
from drawn.digits import LABELS, draw_digit
from drawn.page import Coverage, Page, ink_of_strokes

Values = NDArray[np.uint8]
Colour = tuple[int, int, int]
Line = Sequence[tuple[float, float]]

SIDE = 240
PEN = 14


class Written(NamedTuple):
    """A digit on a sheet of SIDE pixels: (SIDE, SIDE) in [0, 1], how much of each pixel is under ink."""

    label: str
    ink: Coverage


@cache
def written(count: int) -> tuple[Written, ...]:
    """Digits by many hands, 0 to 9 again and again."""
    return tuple(_written(count))


def _written(count: int) -> Iterator[Written]:
    page = Page(SIDE, SIDE, SIDE / 2, SIDE / 2, 0.6 * SIDE, 0.06 * SIDE)
    for place in range(count):
        label, chance = LABELS[place % 10], np.random.default_rng([3, place])
        yield Written(label, ink_of_strokes(draw_digit(label, chance, hand="test"), page, chance))


def on(ink: Coverage, paper: int | Colour = 255, pen: int | Colour = 0) -> Values:
    """The ink of a pen of this grey or colour on such paper."""
    ground, mark = np.array(paper, np.float32), np.array(pen, np.float32)
    covered = ink if ground.ndim == 0 else ink[..., np.newaxis]
    return np.rint(ground + (mark - ground) * covered).astype(np.uint8)


def lines(*strokes: Line, width: int = SIDE, height: int = SIDE, pen: int = PEN) -> Values:
    """Black lines on a white sheet."""
    sheet = Image.new("L", (width, height), 255)
    pencil = ImageDraw.Draw(sheet)
    for stroke in strokes:
        pencil.line(list(stroke), fill=0, width=pen, joint="curve")
    return np.array(sheet)


def seven(x: float = 70, y: float = 50, side: float = 140) -> Line:
    """The points of a 7 whose box begins at (x, y)."""
    return [(x, y), (x + 0.55 * side, y), (x + 0.2 * side, y + side)]


def photographed(values: Values, *, noise: float = 3, seed: int = 0) -> Values:
    """The same under a lamp from the right, with a sensor's noise."""
    light = np.linspace(0.6, 0.9, values.shape[1])
    chance = np.random.default_rng(seed)
    lit = values * (light if values.ndim == 2 else light[:, np.newaxis])
    return np.clip(np.rint(lit + chance.normal(0, noise, values.shape)), 0, 255).astype(np.uint8)


def seen(values: Values) -> Seen:
    """What the model is shown of a picture, grey or in colour."""
    return see(Picture(np.ascontiguousarray(values), (values.shape[1], values.shape[0])))


def unread(values: Values) -> str | None:
    """The name of the finding why it is shown nothing, if so."""
    finding = seen(values).unread
    return finding.name if finding else None
