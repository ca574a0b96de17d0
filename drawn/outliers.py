"""Drawings that are no digit, in the form that the model takes: figures of a pen, and digits put together wrongly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.drawing.line_width import as_wide_as_mnist
from app.drawing.normalise import SIDE, Grey, normalise
from app.drawing.recipe import as_grey
from app.drawing.strokes import draw_strokes
from drawn import figures
from drawn.figures import figure
from drawn.rewrite import rewritten

Labels = NDArray[np.str_]
Montage = Callable[[Grey, Labels, np.random.Generator], Grey]

CANVAS, MARGIN = 120, 14
"""Pixels of a canvas's side, and of its rim."""
PEN = (4.0, 16.0)
"""The pen's width on that canvas."""
POINTS = 0.5
"""Share of figures that come as a pen's points; the others as a bitmap."""


def side_by_side(digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    """Two digits beside each other."""
    left, right = (_cropped(digits[place]) for place in chance.integers(len(digits), size=2))
    gap = np.zeros((SIDE, int(chance.integers(0, 5))), np.uint8)
    return normalise(np.concatenate([left, gap, right], axis=1))


def spliced(digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    """The upper half of one digit above the lower half of another, or a left half beside a right one, where they do not
    meet."""
    one, other = (digits[place] for place in chance.integers(len(digits), size=2))
    cut, off = int(chance.integers(11, 17)), int(chance.choice((-1, 1)) * chance.integers(4, 8))
    whole = np.concatenate([one[:cut], np.roll(other, off, axis=1)[cut:]])
    return normalise(whole if chance.random() < 0.6 else np.ascontiguousarray(whole.T))


def turned(digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    """A digit on its side."""
    digit = _one_of("23457", digits, labels, chance)
    return normalise(np.ascontiguousarray(np.rot90(digit, int(chance.choice((1, 3))))))


def mirrored(digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    """A digit in a mirror, where that gives no other digit."""
    return normalise(np.ascontiguousarray(_one_of("34679", digits, labels, chance)[:, ::-1]))


def one_above_another(digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    """A digit above another."""
    upper, lower = (_cropped(digits[place].T).T for place in chance.integers(len(digits), size=2))
    return normalise(np.concatenate([upper, lower]))


def crossed_out(digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    """A digit under a cross of two lines."""
    sheet = Image.fromarray(digits[int(chance.integers(len(digits)))])
    pencil = ImageDraw.Draw(sheet)
    for ends in ((3, 4, 24, 23), (24, 4, 3, 23)):
        pencil.line([float(end + chance.uniform(-2, 2)) for end in ends], fill=255, width=2)
    return normalise(np.asarray(sheet))


LEARNT: dict[str, Montage] = {
    "side by side": side_by_side,
    "spliced": spliced,
    "turned": turned,
    "mirrored": mirrored,
}
HELD_OUT: dict[str, Montage] = {"one above another": one_above_another, "crossed out": crossed_out}
"""Montages that nothing learns from."""

LEARNT_KINDS = (*figures.LEARNT, *LEARNT)
HELD_OUT_KINDS = (*figures.HELD_OUT, *HELD_OUT)
MONTAGES = LEARNT | HELD_OUT


def outliers(
    kinds: tuple[str, ...], count: int, digits: Grey, labels: Labels, chance: np.random.Generator
) -> tuple[Grey, Labels]:
    """(N, 28, 28) uint8 and the kind of each, the kinds in turn.

    Args:
        digits: of MNIST, (M, 28, 28) uint8, for the montages.
        labels: (M,) text, of these.
    """
    names = np.array([kinds[place % len(kinds)] for place in range(count)], "<U20")
    seen = np.zeros((count, SIDE, SIDE), np.uint8)
    for place, kind in enumerate(names.tolist()):
        seen[place] = (
            MONTAGES[kind](digits, labels, chance) if kind in MONTAGES else drawn_figure(figure(kind, chance), chance)
        )
    warped = np.isin(names, list(MONTAGES)) & (chance.random(count) < 0.5)
    seen[warped] = rewritten(seen[warped], names[warped], chance)
    return seen, names


def drawn_figure(strokes: list[figures.Floats], chance: np.random.Generator) -> Grey:
    """A figure of a pen as the recipe sees it: its points, or a canvas with it."""
    if chance.random() < POINTS:
        return draw_strokes(strokes)
    points = np.concatenate(strokes)
    low, size = points.min(axis=0), float(np.ptp(points, axis=0).max())
    sheet = Image.new("L", (CANVAS, CANVAS))
    pencil = ImageDraw.Draw(sheet)
    width = float(chance.uniform(*PEN))
    for stroke in strokes:
        line = [(float(x), float(y)) for x, y in MARGIN + (stroke - low) / size * (CANVAS - 2 * MARGIN)]
        pencil.line(line, fill=255, width=round(width), joint="curve")
        for x, y in line[:: max(1, len(line) - 1)]:
            pencil.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    box = np.asarray(sheet.crop(sheet.getbbox()), np.float32) / np.float32(255)
    return normalise(as_grey(as_wide_as_mnist(box)))


def _one_of(which: str, digits: Grey, labels: Labels, chance: np.random.Generator) -> Grey:
    places = np.flatnonzero(np.isin(labels, list(which)))
    digit: Grey = digits[places[int(chance.integers(len(places)))]]
    return digit


def _cropped(digit: Grey) -> Grey:
    """A digit without the paper beside it."""
    columns = np.flatnonzero((digit > 128).any(axis=0))
    return digit[:, columns[0] : columns[-1] + 1]
