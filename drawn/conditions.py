"""The ways in which people photograph what they wrote: for each condition, a file of a digit under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drawn.camera import WHITE_PAPER, between, cloud, dark_ink, inked, paper, photographed
from drawn.page import Coverage, Page

Look = Callable[[Coverage, np.random.Generator], bytes]


@dataclass(frozen=True)
class Condition:
    """One way; ranges are shares of the page's shorter side.

    Attributes:
        look: the file of a page with this ink on it.
        digit: the digit's longest side.
        pen: the width of the pen.
        turn: of the page below the camera, in degrees, to either side.
        in_corner: the digit lies near a corner of the page, not in the middle.
    """

    look: Look
    digit: tuple[float, float] = (0.45, 0.75)
    pen: tuple[float, float] = (0.02, 0.045)
    turn: float = 0.0
    in_corner: bool = False

    def page(self, chance: np.random.Generator) -> Page:
        """A page of 300 to 500 pixels, and where on it the digit is."""
        height, width = (int(side) for side in chance.integers(300, 501, 2))
        shorter = min(height, width)
        side, pen = shorter * between(chance, *self.digit), shorter * between(chance, *self.pen)
        turn = float(chance.choice((-self.turn, self.turn)))
        reach = (side * (np.cos(np.radians(turn)) + abs(np.sin(np.radians(turn)))) + 1.3 * pen) / 2
        if self.in_corner:
            off = shorter * chance.uniform(0.03, 0.1, 2)
            x, y = (
                float(chance.choice((edge, full - edge)))
                for edge, full in zip(reach + off, (width, height), strict=True)
            )
        else:
            room = np.maximum(0, np.array([width, height]) / 2 - reach - 0.02 * shorter)
            x, y = np.array([width, height]) / 2 + np.clip(chance.normal(0, 0.05 * shorter, 2), -room, room)
        return Page(height, width, float(x), float(y), side, pen, turn)


def clean(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A dark pen on white paper, in even light."""
    return photographed(inked(paper(ink.shape, WHITE_PAPER, chance), ink, dark_ink(chance)), chance)


def gradient(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A lamp or a window on one side: the other one has a quarter to two thirds of its light."""
    seen = inked(paper(ink.shape, WHITE_PAPER, chance), ink, dark_ink(chance))
    ramp = across(ink.shape, between(chance, 0, 2 * np.pi))
    return photographed(seen, chance, light=1 - between(chance, 0.35, 0.75) * ramp ** between(chance, 0.7, 1.5))


def shadow(ink: Coverage, chance: np.random.Generator) -> bytes:
    """The shadow of a hand or a telephone, its edge hard or soft, wherever it falls."""
    seen = inked(paper(ink.shape, WHITE_PAPER, chance), ink, dark_ink(chance))
    ramp = across(ink.shape, between(chance, 0, 2 * np.pi)) + 0.04 * cloud(ink.shape, 120, chance)
    softness = 10 ** between(chance, -2.3, -0.8)
    shade = 1 / (1 + np.exp(-(ramp - between(chance, 0.3, 0.7)) / softness))
    return photographed(seen, chance, light=1 - between(chance, 0.35, 0.7) * shade)


def noise(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Too little light for the sensor."""
    seen = inked(paper(ink.shape, WHITE_PAPER, chance), ink, dark_ink(chance))
    return photographed(seen, chance, light=between(chance, 0.3, 0.8), noise=between(chance, 0.04, 0.1))


def across(shape: tuple[int, int], angle: float) -> Coverage:
    """(H, W): from 0 in one corner or on one side to 1 on the opposite one, in this direction."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / np.array(shape)[:, np.newaxis, np.newaxis]
    ramp = np.cos(angle) * x + np.sin(angle) * y
    full: Coverage = (ramp - ramp.min()) / (ramp.max() - ramp.min())
    return full


CONDITIONS: dict[str, Condition] = {
    "clean": Condition(clean),
    "gradient": Condition(gradient),
    "shadow": Condition(shadow),
    "noise": Condition(noise),
}
"""Names of at most 20 letters, as docs and files have them."""
