"""Digits as strokes of a pen, as people draw them: a form of `forms`, written by one of many hands.

Nothing here was copied from anyone's drawings, and no model influenced any digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drawn.forms import FORMS, Hand

LABELS = tuple("0123456789")
STEP = 0.015
"""Distance between a stroke's points, where a digit is 1 high."""
WIDEST_CURVE = 0.1
"""The farthest a curve begins from its corner: a 4 with rounder ones is read as a 9, and a 1 as a 7."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Writer:
    """A person's writing, whatever the digit; lengths are shares of the digit's height.

    Attributes:
        slant: how far the top leans to the right of the foot.
        aspect: the width, as a factor.
        waist: where the middle lies: above 1 it is low, below 1 high.
        turn: of the whole digit, in radians, clockwise.
        roundness: how much of the shorter line at a corner becomes a curve; 0 leaves the corner sharp.
        looseness: how far a point is from where it should be.
        overshoot: how far strokes go on, or stop short where it is below 0.
        apart: how far strokes of one digit are from where they should meet.
        warp: how far what is straight is bent.
        tremor: of the pen.
    """

    slant: float
    aspect: float
    waist: float
    turn: float
    roundness: float
    looseness: float
    overshoot: float
    apart: float
    warp: float
    tremor: float


def find_writer(chance: np.random.Generator) -> Writer:
    """A writer chosen at random."""
    return Writer(
        slant=float(np.clip(chance.normal(0.1, 0.2), -0.35, 0.6)),
        aspect=float(np.exp(np.clip(chance.normal(-0.06, 0.25), -0.5, 0.5))),
        waist=float(np.exp(np.clip(chance.normal(0, 0.22), -0.45, 0.45))),
        turn=float(np.radians(np.clip(chance.normal(0, 4.5), -10, 10))),
        roundness=float(np.clip(chance.normal(0.15, 0.12), 0, 0.4)),
        looseness=float(chance.uniform(0.015, 0.06)),
        overshoot=float(np.clip(chance.normal(0, 0.06), -0.08, 0.12)),
        apart=float(chance.uniform(0, 0.05)),
        warp=float(chance.uniform(0, 0.05)),
        tremor=float(chance.uniform(0, 0.008)),
    )


def draw_digit(label: str, chance: np.random.Generator, *, hand: Hand) -> list[Floats]:
    """A digit that people read as `label`, in a writing of its own.

    Args:
        label: "0" to "9".
        chance: the source of form and writer: the same state gives the same digit.
        hand: the half of the forms to use. No form is in both, and writers differ with their seeds.

    Returns:
        For each time the pen was down its points, (n, 2) float64, x to the right and y downwards. The digit begins at
        (0, 0), and its longest side is 1.
    """
    forms = FORMS[hand][label]
    weights = np.array([weight for weight, _ in forms])
    form = forms[int(chance.choice(len(forms), p=weights / weights.sum()))][1]
    writer = find_writer(chance)
    strokes = [_stroke(stroke, writer, chance) for stroke in form.split(";")]
    whole = _bent(np.concatenate(strokes), writer, chance)
    whole -= whole.min(axis=0)
    whole /= whole.max()
    return np.split(whole, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def _stroke(text: str, writer: Writer, chance: np.random.Generator) -> Floats:
    """(n, 2): the line through the points of one stroke of a form, as this writer draws it."""
    words = text.split()
    points = np.array([word.rstrip("!").split(",") for word in words], np.float64) / 100
    points += chance.normal(0, writer.looseness, points.shape) + chance.normal(0, writer.apart, 2)
    corners = [0, *(place for place, word in enumerate(words) if word.endswith("!")), len(words) - 1]
    pieces = [points[begin : end + 1] for begin, end in pairwise(corners)]
    if writer.roundness > 0.06:
        pieces = [_rounded(pieces, writer.roundness)]
    line = np.concatenate([_curve(piece) for piece in pieces])
    begins, ends = chance.normal(writer.overshoot, 0.03, 2)
    line = _longer(_longer(line, float(ends))[::-1], float(begins))[::-1]
    return line + _wander(len(line), chance) * writer.tremor


def _rounded(pieces: list[Floats], roundness: float) -> Floats:
    """The points of all pieces, where each corner has become two points, before it and behind it."""
    points = [pieces[0][:-1]]
    for before, behind in pairwise(pieces):
        corner, sides = behind[0], np.stack([before[-2], behind[1]]) - behind[0]
        lengths = np.hypot(*sides.T)
        points.append(corner + sides / lengths[:, np.newaxis] * min(roundness * float(lengths.min()), WIDEST_CURVE))
        points.append(behind[1:-1])
    return np.concatenate([*points, pieces[-1][-1:]])


def _curve(points: Floats) -> Floats:
    """(n, 2): a smooth line through (k, 2) points, k at least 2, with a point at every `STEP`.

    Source: Catmull and Rom's spline, centripetal (Yuksel, Schaefer, Keyser, 2011), which makes no loops of its own.
    """
    around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    steps = np.diff(around, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])[:, np.newaxis]
    times = np.sqrt(np.maximum(lengths, 1e-6))
    speeds = steps / times
    over_two = (steps[:-1] + steps[1:]) / (times[:-1] + times[1:])
    tangents = speeds[:-1] - over_two + speeds[1:]  # at each point
    counts = np.maximum(lengths[1:-1, 0] / STEP, 2).astype(np.intp)
    of = np.repeat(np.arange(len(counts)), counts)
    t = ((np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[of])[:, np.newaxis]
    begin, end, leave, arrive = (
        points[of],
        points[of + 1],
        tangents[of] * times[of + 1],
        tangents[of + 1] * times[of + 1],
    )
    line = begin + t * (leave + t * (3 * (end - begin) - 2 * leave - arrive + t * (2 * (begin - end) + leave + arrive)))
    return np.concatenate([line, points[-1:]])


def _longer(line: Floats, by: float) -> Floats:
    """The line, its end drawn on in its direction, or taken away where `by` is below 0."""
    if by < 0:
        return line[: len(line) - min(round(-by / STEP), len(line) // 4)]
    direction = line[-1] - line[-min(5, len(line))]
    steps = np.arange(1, round(by / STEP) + 1)[:, np.newaxis] * STEP
    return np.concatenate([line, line[-1] + steps * direction / max(float(np.hypot(*direction)), 1e-6)])


def _wander(count: int, chance: np.random.Generator) -> Floats:
    """(count, 2): a walk around 0, of a deviation of about 1, that turns every sixth point."""
    knots = chance.normal(0, 1, (count // 6 + 2, 2))
    at = np.arange(count) / 6
    before = at.astype(np.intp)
    return knots[before] + (at - before)[:, np.newaxis] * (knots[before + 1] - knots[before])


def _bent(points: Floats, writer: Writer, chance: np.random.Generator) -> Floats:
    """Bends a whole digit as the writer does: waist, waves, width, slant and turn."""
    y = np.sign(points[:, 1]) * np.abs(points[:, 1]) ** writer.waist
    x = points[:, 0] - 0.5
    waves, phases = chance.uniform(2, 6, 2), chance.uniform(0, 2 * np.pi, 2)
    x, y = x + writer.warp * np.sin(waves[0] * y + phases[0]), y + writer.warp * np.sin(waves[1] * x + phases[1]) - 0.5
    x = x * writer.aspect - writer.slant * y
    cos, sin = np.cos(writer.turn), np.sin(writer.turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
