"""Things on a page or beside it that are not digits: lines, tables, crumbs, frames."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from drawn.camera import Light, between, cloud, inked
from drawn.page import FINE, Coverage, Size, ink_box


def ruled(size: Size, spacing: float, width: float, angle: float, offset: float) -> Coverage:
    """Printed lines that go in this direction, in radians, each `spacing` pixels from the next."""
    down, right = (np.arange(side, dtype=np.float32) for side in size)
    place = (np.float32(np.cos(angle)) * down[:, np.newaxis] - np.float32(np.sin(angle)) * right) / spacing + offset
    return np.clip(width / 2 + 0.5 - np.abs(place - np.rint(place)) * spacing, 0, min(1, width)).astype(np.float32)


def specks(size: Size, chance: np.random.Generator) -> Coverage:
    """Dust, crumbs and hairs, all smaller than a digit's lines are long; wherever they fall."""
    sheet = Image.new("L", (size[1] * FINE, size[0] * FINE))
    pencil = ImageDraw.Draw(sheet)
    shorter = min(sheet.size)
    dust, crumbs = int(chance.integers(5, 35)), int(chance.integers(0, 6))
    for largest in (*[0.004] * dust, *[0.011] * crumbs):
        x, y = chance.uniform(0, sheet.size)
        wide, high = shorter * chance.uniform(0.25 * largest, largest, 2)
        pencil.ellipse((x - wide, y - high, x + wide, y + high), fill=int(chance.integers(130, 256)))
    for _ in range(int(chance.integers(0, 4))):
        x, y = chance.uniform(0, sheet.size)
        turns = np.cumsum(chance.normal(0, 0.3, 12)) + chance.uniform(0, 6.3)
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * shorter * chance.uniform(0.003, 0.008)
        line = (np.cumsum(steps, axis=0) + np.array((x, y))).ravel().tolist()
        pencil.line(line, fill=int(chance.integers(100, 200)), width=int(chance.integers(2, 4)))
    return np.asarray(sheet.reduce(FINE), np.float32) / np.float32(255)


def frame(size: Size, chance: np.random.Generator) -> Coverage:
    """A frame of 1 to 3 pixels at the rim or near it: printed, or drawn by a hand that wavers."""
    height, width = size
    sheet = Image.new("L", (width, height))
    pencil = ImageDraw.Draw(sheet)
    line = int(chance.integers(1, 4))
    off = 0 if chance.random() < 0.5 else int(chance.integers(1, round(0.07 * min(size))))
    if chance.random() < 0.3 and off > 6:
        corners = np.array([(off, off), (width - off, off), (width - off, height - off), (off, height - off)])
        corners = corners + chance.uniform(-3, 3, corners.shape)
        pencil.line([*map(tuple, corners), tuple(corners[0])], fill=255, width=line)
    else:
        pencil.rectangle((off, off, width - 1 - off, height - 1 - off), outline=255, width=line)
    return np.asarray(sheet, np.float32) / np.float32(255)


def on_a_table(sheet: Light, ink: Coverage, chance: np.random.Generator) -> Light:
    """The sheet, and at one or two of its sides the table below it: dark, or of wood. No ink is covered."""
    height, width = ink.shape
    left, top, right, bottom = ink_box(ink)
    rooms = {0: left, 1: top, 2: width - right, 3: height - bottom}
    table = _table((height, width), chance)
    first = int(chance.integers(4))
    for side in (first, (first + 1) % 4)[: int(chance.integers(1, 3))]:
        tilt = between(chance, -0.06, 0.06)
        long = width if side % 2 else height
        reach = min(between(chance, 0.05, 0.22) * min(ink.shape), rooms[side] - 6 - abs(tilt) * long / 2)
        down, right_ = np.mgrid[0:height, 0:width].astype(np.float32)
        along, off = (right_, down) if side % 2 else (down, right_)
        if side > 1:
            off = (height if side % 2 else width) - 1 - off
        inside = off - reach - tilt * (along - long / 2)
        # the sheet lies a little above the table, and its shadow falls there
        dark = 1 - 0.5 * np.exp(np.minimum(inside, 0) / 4)
        seen = np.clip(inside + 0.5, 0, 1)[:, :, np.newaxis]
        sheet = sheet * seen + table * dark[:, :, np.newaxis] * (1 - seen)
    return sheet


def _table(size: Size, chance: np.random.Generator) -> Light:
    """(H, W, 3): wood, light or dark, or something plain and dark."""
    plain = np.ones((*size, 3), np.float32)
    if chance.random() < 0.4:
        level = between(chance, 0.01, 0.12)
        return plain * level * (1 + 0.1 * cloud(size, 3, chance)[:, :, np.newaxis])
    grain = 0.12 * cloud(size, 2, chance, stretch=25) + 0.15 * cloud(size, 12, chance, stretch=12)
    if chance.random() < 0.5:
        grain = 0.12 * cloud(size[::-1], 2, chance, stretch=25).T + 0.15 * cloud(size[::-1], 12, chance, stretch=12).T
    brown = np.array([0.36, 0.19, 0.09], np.float32) * between(chance, 0.35, 1.3)
    wood: Light = plain * brown * np.clip(1 + grain, 0.3, 1.7)[:, :, np.newaxis]
    return wood


def printed(sheet: Light, lines: Coverage, chance: np.random.Generator) -> Light:
    """The sheet with pale lines of a printer: blue, grey or reddish."""
    pale = between(chance, 0.5, 0.8)
    tints = ((pale * 0.8, pale * 0.95, 1.0), (pale, pale, pale), (1.0, pale, pale))
    return inked(sheet, lines, tints[int(chance.choice(3, p=(0.5, 0.35, 0.15)))])
