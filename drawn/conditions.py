"""The ways in which people photograph what they wrote: for each condition, a file of a digit under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drawn.camera import WHITE_PAPER, Colour, Light, between, cloud, dark_ink, inked, paper, photographed, screen
from drawn.digits import LABELS, draw_digit
from drawn.page import Coverage, Page, Size, ink_box, ink_of_strokes, pen_width
from drawn.things import frame, on_a_table, printed, ruled, specks

Look = Callable[[Coverage, np.random.Generator], bytes]


@dataclass(frozen=True)
class Condition:
    """One way; ranges are shares of the page's shorter side.

    Attributes:
        look: the file of a page with this ink on it.
        digit: the digit's longest side.
        pen: the width of the pen.
        turn: of the digit below the camera, in degrees, to either side.
        in_corner: the digit lies near a corner of the page, not in the middle.
    """

    look: Look
    digit: tuple[float, float] = (0.45, 0.75)
    pen: tuple[float, float] = (0.02, 0.045)
    turn: float = 0.0
    in_corner: bool = False

    def page(self, chance: np.random.Generator) -> Page:
        """A page with sides of 300 to 500 pixels, and the place of the digit on it."""
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


def written(ink: Coverage, chance: np.random.Generator, *, on: Colour = WHITE_PAPER) -> Light:
    """A sheet of paper with this ink of a dark pen."""
    return inked(paper(ink.shape, on, chance), ink, dark_ink(chance))


def across(size: Size, angle: float) -> Coverage:
    """(H, W): from 0 in one corner or on one side to 1 on the opposite one, in this direction."""
    down, right = (np.linspace(0, 1, side, dtype=np.float32) for side in size)
    ramp = np.float32(np.sin(angle)) * down[:, np.newaxis] + np.float32(np.cos(angle)) * right
    full: Coverage = (ramp - ramp.min()) / (ramp.max() - ramp.min())
    return full


def any_way(chance: np.random.Generator) -> float:
    """A direction, in radians."""
    return between(chance, 0, 2 * np.pi)


# -- light and lens ----------------------------------------------------------------------------------------------------


def clean(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A dark pen on white paper, in even light."""
    return photographed(written(ink, chance), chance)


def gradient(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A lamp or a window on one side: the other one has a quarter to two thirds of its light."""
    light = 1 - between(chance, 0.35, 0.75) * across(ink.shape, any_way(chance)) ** between(chance, 0.7, 1.5)
    return photographed(written(ink, chance), chance, light=light)


def shadow(ink: Coverage, chance: np.random.Generator) -> bytes:
    """The shadow of a hand or a telephone, its edge hard or soft, wherever it falls."""
    ramp = across(ink.shape, any_way(chance)) - between(chance, 0.3, 0.7)
    if chance.random() < 0.5:  # a hand, whose edge is no straight line
        ramp += 0.04 * cloud(ink.shape, 0.3 * min(ink.shape), chance)
    softness = 10 ** between(chance, -2.3, -0.8)
    light = 1 - between(chance, 0.35, 0.7) * (0.5 + 0.5 * np.tanh(ramp / softness))
    return photographed(written(ink, chance), chance, light=light)


def glare(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A lamp that is mirrored by glossy paper: whatever lies there becomes pale, and the paper white."""
    down, right = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in ink.shape)
    y, x = down[:, np.newaxis] - between(chance, -0.35, 0.35), right - between(chance, -0.35, 0.35)
    angle = any_way(chance)
    along, off = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    distance = np.hypot(along / between(chance, 0.12, 0.45), off / between(chance, 0.1, 0.2))
    mirrored = between(chance, 0.2, 0.55) * np.exp(-(distance ** between(chance, 2, 4))).astype(np.float32)
    return photographed(written(ink, chance), chance, glare=mirrored, light=between(chance, 0.55, 0.85))


def noise(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Too little light for the sensor."""
    dim, coarse = between(chance, 0.3, 0.8), between(chance, 0.04, 0.1)
    return photographed(written(ink, chance), chance, light=dim, noise=coarse)


def blur(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Out of focus, or a hand that shook."""
    shorter = min(ink.shape)
    if chance.random() < 0.5:
        return photographed(written(ink, chance), chance, blur=shorter * between(chance, 0.008, 0.018))
    angle, far = any_way(chance), shorter * between(chance, 0.02, 0.05)
    steps = np.linspace(-far / 2, far / 2, 15)
    shifts = [(round(step * np.sin(angle)), round(step * np.cos(angle))) for step in steps]
    shaken: Coverage = np.stack([np.roll(ink, shift, (0, 1)) for shift in shifts]).mean(axis=0)
    return photographed(written(shaken, chance), chance, blur=1.2)


def jpeg(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Sent on and on: JPEG's quality is 20."""
    return photographed(written(ink, chance), chance, quality=20)


# -- pens and what they write on ---------------------------------------------------------------------------------------


def pencil(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Graphite: grey, and only where the paper is high."""
    grey = between(chance, 0.2, 0.5)
    worn = ink * np.clip(between(chance, 0.6, 0.95) + 0.35 * cloud(ink.shape, 1.8, chance), 0, 1)
    return photographed(inked(paper(ink.shape, WHITE_PAPER, chance), worn, (grey, grey, grey)), chance)


def thin_pen(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A ballpoint pen, blue or black, on a page that is large for it."""
    blue = (between(chance, 0.02, 0.1), between(chance, 0.03, 0.12), between(chance, 0.3, 0.55))
    black = (0.04, 0.04, 0.05)
    seen = inked(paper(ink.shape, WHITE_PAPER, chance), ink, blue if chance.random() < 0.65 else black)
    return photographed(seen, chance)


def lined(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Ruled paper, some with a margin in red."""
    shorter, askew = min(ink.shape), float(chance.normal(0, 0.02))
    spacing, width = shorter * between(chance, 0.08, 0.22), shorter * between(chance, 0.003, 0.006)
    lines = ruled(ink.shape, spacing, width, askew, chance.random())
    sheet = printed(paper(ink.shape, WHITE_PAPER, chance), lines, chance)
    if chance.random() < 0.25:
        margin = ruled(ink.shape, 3.0 * shorter, width, askew + np.pi / 2, between(chance, 0.05, 0.3))
        sheet = inked(sheet, margin, (0.8, 0.25, 0.3))
    return photographed(inked(sheet, ink, dark_ink(chance)), chance)


def squared(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Squared paper, as for sums."""
    shorter, askew = min(ink.shape), float(chance.normal(0, 0.02))
    spacing, width = shorter * between(chance, 0.05, 0.14), shorter * between(chance, 0.003, 0.005)
    rows, columns = (ruled(ink.shape, spacing, width, askew + turn, chance.random()) for turn in (0, np.pi / 2))
    sheet = printed(paper(ink.shape, WHITE_PAPER, chance), np.maximum(rows, columns), chance)
    return photographed(inked(sheet, ink, dark_ink(chance)), chance)


def grey_paper(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Cardboard or recycled paper."""
    grey = between(chance, 0.16, 0.5)
    flecks = 1 + 0.05 * cloud(ink.shape, 2.5, chance)[:, :, np.newaxis]
    return photographed(written(ink, chance, on=(grey * 1.04, grey, grey * 0.92)) * flecks, chance)


def yellow_paper(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A sticky note, or an old page."""
    blue = between(chance, 0.05, 0.4)
    return photographed(
        written(ink, chance, on=(between(chance, 0.65, 0.85), between(chance, 0.55, 0.7), blue)), chance
    )


def blackboard(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Chalk on a board, green or grey, that was wiped before."""
    level = between(chance, 0.015, 0.06)
    colours = ((0.6, 1.25, 0.9), (1.0, 1.0, 1.0), (0.75, 1.0, 1.2))
    colour = tuple(level * part for part in colours[int(chance.integers(3))])
    wiped = 1 + 0.12 * cloud(ink.shape, 40, chance, stretch=3) + 0.08 * cloud(ink.shape, 3, chance, stretch=8)
    board = np.array(colour, np.float32) * np.clip(wiped, 0.5, 2)[:, :, np.newaxis]
    chalk = ink * np.clip(between(chance, 0.6, 0.9) + 0.4 * cloud(ink.shape, 2.2, chance), 0, 1)
    white = np.array((0.8, 0.8, 0.75 if chance.random() < 0.8 else 0.3), np.float32)
    return photographed(board + (white - board) * chalk[:, :, np.newaxis], chance)


SCREEN_INKS: tuple[tuple[Colour, Colour], ...] = (
    ((1.0, 1.0, 0.0), (1.0, 1.0, 1.0)),
    ((1.0, 0.85, 0.0), (1.0, 1.0, 1.0)),
    ((0.0, 1.0, 0.0), (1.0, 1.0, 1.0)),
    ((0.65, 1.0, 0.0), (1.0, 1.0, 1.0)),
    ((1.0, 0.6, 0.0), (1.0, 1.0, 1.0)),
    ((0.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    ((0.1, 0.75, 1.0), (1.0, 1.0, 1.0)),
    ((0.0, 0.0, 1.0), (0.5, 0.5, 0.5)),
    ((0.2, 0.3, 0.8), (0.45, 0.45, 0.45)),
)
"""Inks and what they are on, as values of a screen: bright on white, and blue on grey."""


def coloured_ink(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A bright felt pen on white, or blue on grey: told by colour more than by light. Half are drawn on a screen."""
    colour, ground = SCREEN_INKS[int(chance.integers(len(SCREEN_INKS)))]
    deep: Light = np.array(colour, np.float32) ** np.float32(2.2)
    flat: Light = np.array(ground, np.float32) ** np.float32(2.2)
    if chance.random() < 0.5:
        return screen(flat + (deep - flat) * ink[:, :, np.newaxis])
    sheet = paper(ink.shape, (float(flat[0]) * 0.86, float(flat[1]) * 0.86, float(flat[2]) * 0.84), chance)
    through = np.clip(deep / flat, 0.04, 1)
    return photographed(inked(sheet, ink, (float(through[0]), float(through[1]), float(through[2]))), chance)


# -- what else is on the picture ---------------------------------------------------------------------------------------


def table(ink: Coverage, chance: np.random.Generator) -> bytes:
    """The sheet ends, and the table below it is seen at one side or two."""
    return photographed(on_a_table(written(ink, chance), ink, chance), chance)


def dirty(ink: Coverage, chance: np.random.Generator) -> bytes:
    """Dust, crumbs and hairs."""
    dark = between(chance, 0.03, 0.2)
    return photographed(inked(written(ink, chance), specks(ink.shape, chance), (dark, dark * 0.8, dark * 0.6)), chance)


def neighbour(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A part of the next digit in the row, which the edge of the picture cuts."""
    height, width = ink.shape
    left, top, right, bottom = ink_box(ink)
    rooms = {-1: left, 1: width - right}
    which = max(rooms, key=lambda way: rooms[way] * between(chance, 0.8, 1))
    side = (bottom - top) * between(chance, 0.85, 1.1)
    label = LABELS[int(chance.integers(len(LABELS)))]
    strokes = draw_digit(label, chance, hand="test" if chance.random() < 0.5 else "calibration")
    pen = pen_width(ink)
    wide = float(np.ptp(np.concatenate(strokes)[:, 0])) * side + pen
    shown = min(wide * between(chance, 0.25, 0.55), rooms[which] - 0.03 * min(ink.shape))
    x = shown - wide / 2 if which < 0 else width - shown + wide / 2
    y = (top + bottom) / 2 + chance.normal(0, 0.02 * height)
    other = ink_of_strokes(strokes, Page(height, width, x, y, side, pen), chance)
    return photographed(written(np.maximum(ink, other), chance), chance)


def framed(ink: Coverage, chance: np.random.Generator) -> bytes:
    """A frame around it, black or nearly; half are drawn on a screen."""
    level = 0.0 if chance.random() < 0.5 else 0.2**2.2  # 0.2 is the #333 of pages
    lines = frame(ink.shape, chance)
    if chance.random() < 0.5:
        black = between(chance, 0, 0.03)
        return screen(inked(inked(np.ones((*ink.shape, 3), np.float32), ink, (black,) * 3), lines, (level,) * 3))
    return photographed(inked(written(ink, chance), lines, (level,) * 3), chance)


ROOMY = (0.35, 0.55)
CONDITIONS: dict[str, Condition] = {
    "clean": Condition(clean),
    "gradient": Condition(gradient),
    "shadow": Condition(shadow),
    "table": Condition(table, digit=ROOMY, pen=(0.015, 0.035)),
    "pencil": Condition(pencil, pen=(0.008, 0.018)),
    "thin-pen": Condition(thin_pen, digit=(0.35, 0.7), pen=(0.003, 0.006)),
    "lined": Condition(lined),
    "squared": Condition(squared),
    "grey-paper": Condition(grey_paper),
    "yellow-paper": Condition(yellow_paper),
    "blackboard": Condition(blackboard, pen=(0.025, 0.05)),
    "glare": Condition(glare),
    "noise": Condition(noise),
    "blur": Condition(blur),
    "jpeg-20": Condition(jpeg),
    "specks": Condition(dirty),
    "neighbour": Condition(neighbour, digit=(0.4, 0.65)),
    "corner": Condition(clean, digit=(0.2, 0.3), pen=(0.01, 0.022), in_corner=True),
    "frame": Condition(framed, digit=(0.4, 0.65)),
    "coloured-ink": Condition(coloured_ink, pen=(0.025, 0.05)),
    "turned-10": Condition(clean, digit=(0.4, 0.65), turn=10),
    "turned-20": Condition(clean, digit=(0.4, 0.65), turn=20),
}
"""Names of at most 20 letters, as files and the tables of docs have them."""
