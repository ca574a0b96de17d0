"""Figures of a pen that are no digit: shapes, scribbles, letters.

Each is a list of strokes, (n, 2), y downwards, in a unit of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

Floats = NDArray[np.float64]
Figure = Callable[[np.random.Generator], list[Floats]]

LETTERS = (
    "0,100 50,0 100,100; 22,62 78,62",  # A
    "10,0 10,100; 10,0 80,0; 10,50 65,50; 10,100 80,100",  # E
    "10,0 10,100; 10,0 80,0; 10,48 65,48",  # F
    "10,0 10,100; 80,0 80,100; 10,50 80,50",  # H
    "10,0 10,100; 80,0 10,55 80,100",  # K
    "10,100 10,0 50,60 90,0 90,100",  # M
    "10,100 10,0 80,100 80,0",  # N
    "0,0 25,100 50,30 75,100 100,0",  # W
    "10,40 10,100; 10,55 25,40 45,42 50,60 50,100; 50,60 65,40 85,42 90,60 90,100",  # m
    "15,0 15,100; 15,60 45,42 70,50 75,70 75,100",  # h
    "0,100 50,0 100,100 0,100; 50,30 50,70",  # a triangle with a line
    "100,0 10,0 60,50 10,100 100,100",  # a sum
    "0,0 100,0; 18,0 18,100; 82,0 82,100",  # a gate
    "10,0 10,100 50,100 90,100 90,0; 50,0 50,100",  # a comb
    "10,0 10,100 80,0 80,100",  # a mirrored N
    "0,50 20,20 80,20 100,50 80,80 20,80 0,50; 50,0 50,100",  # a barred ring
)
"""Letters and signs that are unlike digits, as points of polylines, in hundredths."""
OTHER_LETTERS = (
    "10,100 10,0 60,0 78,22 60,46 10,48; 40,48 85,100",  # R
    "0,0 50,55 100,0; 50,55 50,100",  # Y, wide
    "0,0 0,40 25,60 75,60 100,40 100,0; 50,0 50,100",  # a trident
    "15,100 35,100 35,80 5,50 20,10 50,0 80,10 95,50 65,80 65,100 85,100",  # an omega
    "0,0 50,50 0,100; 100,0 50,50 100,100; 50,0 50,100",  # a beetle
    "10,0 10,100; 10,50 40,50; 40,50 45,15 70,0 95,15 100,50 95,85 70,100 45,85 40,50",  # a post and a ring
    "0,100 15,85 20,10 75,10 80,85 100,85; 15,85 80,85",  # a stool
    "10,0 10,100 90,100 90,0; 90,100 100,120",  # a crate
)
"""The same, of other letters: never learnt from."""


def polyline(text: str) -> list[Floats]:
    """The strokes of a line of LETTERS."""
    return [np.array([word.split(",") for word in part.split()], float) / 100 for part in text.split(";")]


def letter(chance: np.random.Generator) -> list[Floats]:
    """One of LETTERS."""
    return polyline(LETTERS[int(chance.integers(len(LETTERS)))])


def other_letter(chance: np.random.Generator) -> list[Floats]:
    """One of OTHER_LETTERS."""
    return polyline(OTHER_LETTERS[int(chance.integers(len(OTHER_LETTERS)))])


def _ring(chance: np.random.Generator, corners: int, *, begin: float = 0.0) -> Floats:
    """(corners + 1, 2): a closed line around (0.5, 0.5)."""
    angles = begin + np.linspace(0, 2 * np.pi, corners + 1)
    ring: Floats = 0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring[1:-1] += chance.normal(0, 0.025, (corners - 1, 2))
    return ring


def polygon(chance: np.random.Generator) -> list[Floats]:
    """A triangle, a square or a pentagon."""
    corners = int(chance.choice((3, 3, 4, 4, 5)))
    return [_ring(chance, corners, begin=np.pi / 4 if corners == 4 else -np.pi / 2)]


def crossed_polygon(chance: np.random.Generator) -> list[Floats]:
    """A polygon with a diagonal or two."""
    ring = polygon(chance)[0]
    half = len(ring) // 2
    return [ring, ring[[0, half]]] + ([ring[[1, half + 1]]] if chance.random() < 0.5 else [])


def star(chance: np.random.Generator) -> list[Floats]:
    """A pentagram, or a star of rays."""
    if chance.random() < 0.5:
        return [_ring(chance, 5, begin=-np.pi / 2)[[0, 2, 4, 1, 3, 0]]]
    rays = int(chance.integers(3, 5))
    ring = _ring(chance, 2 * rays, begin=float(chance.uniform(0, np.pi)))
    return [ring[[ray, ray + rays]] for ray in range(rays)]


def marked_ring(chance: np.random.Generator) -> list[Floats]:
    """A ring with two or three marks in it, such as a face, or with a cross."""
    ring = _ring(chance, 24)
    if chance.random() < 0.3:
        return [ring, np.array([(0.2, 0.2), (0.8, 0.8)]), np.array([(0.8, 0.2), (0.2, 0.8)])]
    eyes = [np.array([(x, 0.33), (x, 0.45)]) for x in (0.33, 0.67)]
    mouth = np.array([(0.28, 0.62), (0.4, 0.75), (0.6, 0.75), (0.72, 0.62)])
    return [ring, *eyes, mouth] if chance.random() < 0.6 else [ring, *eyes]


def spiral(chance: np.random.Generator) -> list[Floats]:
    """A spiral of two or three turns."""
    angles = np.linspace(0, 2 * np.pi * chance.uniform(1.8, 3), 90)
    way = float(chance.choice((-1, 1)))
    radius = np.linspace(0.03, 0.5, 90)
    return [np.stack([radius * np.cos(way * angles), radius * np.sin(way * angles)], axis=1)]


def scribble(chance: np.random.Generator) -> list[Floats]:
    """A pen that goes to and fro."""
    points = chance.uniform(0, 1, (int(chance.integers(6, 14)), 2))
    return [_rounded(points, float(chance.uniform(1, 6)))]


def curves(chance: np.random.Generator) -> list[Floats]:
    """Two or three curves, wherever they lie."""
    return [_rounded(chance.uniform(0, 1, (4, 2)), 6) for _ in range(int(chance.integers(2, 4)))]


def lines(chance: np.random.Generator) -> list[Floats]:
    """Three to five straight lines, wherever they lie."""
    return list(chance.uniform(0, 1, (int(chance.integers(3, 6)), 2, 2)))


def cross(chance: np.random.Generator) -> list[Floats]:
    """A plus or an x; some with a second bar."""
    bars = [np.array([(0.5, 0), (0.5, 1)]), np.array([(0, 0.5), (1, 0.5)])]
    if chance.random() < 0.3:
        bars.append(np.array([(0.15, 0.75), (0.85, 0.75)]))
    turn = 0.0 if chance.random() < 0.5 else np.pi / 4
    return [turned(bar - 0.5, turn) for bar in bars]


def parallels(chance: np.random.Generator) -> list[Floats]:
    """Two to four lines beside each other, upright or level."""
    count = int(chance.integers(2, 5))
    bars = [np.array([(place / (count - 1), 0), (place / (count - 1), 1)]) for place in range(count)]
    return bars if chance.random() < 0.5 else [bar[:, ::-1] for bar in bars]


def wave(chance: np.random.Generator) -> list[Floats]:
    """A wave of two or three crests, round or sharp."""
    along = np.linspace(0, 1, 60)
    phase = 2 * np.pi * (chance.uniform(1.8, 3.2) * along + chance.uniform())
    high = np.sin(phase) if chance.random() < 0.5 else 2 / np.pi * np.arcsin(np.sin(phase))
    return [np.stack([along, chance.uniform(0.15, 0.4) * high], axis=1)]


# -- never learnt from -------------------------------------------------------------------------------------------------


def arrow(chance: np.random.Generator) -> list[Floats]:
    """An arrow, in any of eight directions."""
    shaft, head = np.array([(0, 0.5), (1, 0.5)]), np.array([(0.65, 0.2), (1, 0.5), (0.65, 0.8)])
    turn = float(chance.integers(8)) * np.pi / 4
    return [turned(part - 0.5, turn) for part in (shaft, head)]


def heart(chance: np.random.Generator) -> list[Floats]:
    """A heart."""
    t = np.linspace(0, 2 * np.pi, 50)
    down = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return [np.stack([16 * np.sin(t), down], axis=1) / 32]


def house(chance: np.random.Generator) -> list[Floats]:
    """A house with a roof; some with a door."""
    walls = np.array([(0, 0.4), (0, 1), (0.9, 1), (0.9, 0.4), (0, 0.4), (0.45, 0), (0.9, 0.4)])
    door = np.array([(0.35, 1), (0.35, 0.65), (0.55, 0.65), (0.55, 1)])
    return [walls, door] if chance.random() < 0.5 else [walls]


def grid(chance: np.random.Generator) -> list[Floats]:
    """A hash, or the field of noughts and crosses."""
    bars = [np.array([(x, 0), (x, 1)]) for x in (0.33, 0.67)]
    return [*bars, *(bar[:, ::-1] for bar in bars)]


def flower(chance: np.random.Generator) -> list[Floats]:
    """Three to five petals."""
    t = np.linspace(0, 2 * np.pi, 120)
    radius = np.abs(np.cos(float(chance.choice((1.5, 2, 2.5))) * t))
    return [0.5 * np.stack([radius * np.cos(t), radius * np.sin(t)], axis=1)]


def loops(chance: np.random.Generator) -> list[Floats]:
    """A line of three or four loops, as of a spring."""
    t = np.linspace(0, 2 * np.pi * chance.uniform(3, 4.2), 120)
    return [np.stack([0.07 * t + 0.22 * np.cos(t), 0.3 * np.sin(t)], axis=1)]


LEARNT: dict[str, Figure] = {
    "letter": letter,
    "polygon": polygon,
    "crossed polygon": crossed_polygon,
    "star": star,
    "marked ring": marked_ring,
    "spiral": spiral,
    "scribble": scribble,
    "curves": curves,
    "lines": lines,
    "cross": cross,
    "parallels": parallels,
    "wave": wave,
}
HELD_OUT: dict[str, Figure] = {
    "other letter": other_letter,
    "arrow": arrow,
    "heart": heart,
    "house": house,
    "grid": grid,
    "flower": flower,
    "loops": loops,
}
"""Figures that nothing learns from: a classifier is judged by how many of them it refuses."""


def figure(kind: str, chance: np.random.Generator) -> list[Floats]:
    """The strokes of a figure of this kind, as somebody's hand draws it: turned, sheared, stretched and unsteady."""
    strokes = [_steps(stroke) for stroke in (LEARNT | HELD_OUT)[kind](chance)]
    whole = np.concatenate(strokes)
    whole = whole - (whole.min(axis=0) + whole.max(axis=0)) / 2
    whole *= np.exp(chance.uniform(-0.3, 0.3, 2)) / max(float(np.ptp(whole, axis=0).max()), 1e-6)
    whole[:, 0] += chance.uniform(-0.3, 0.3) * whole[:, 1]
    whole = turned(whole, float(chance.uniform(-0.25, 0.25)))
    unsteady = chance.normal(0, 1, whole.shape)
    whole += float(chance.uniform(0.1, 0.5)) * ndimage.gaussian_filter1d(unsteady, 8, axis=0, mode="nearest") / 4
    return np.split(whole, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def turned(points: Floats, angle: float) -> Floats:
    """Points turned around (0, 0), in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    there: Floats = points @ np.array([(cos, sin), (-sin, cos)])
    return there


def _steps(stroke: Floats) -> Floats:
    """The same line with a point at about every fiftieth of the figure."""
    far = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0, far[-1], max(2, int(far[-1] * 50)))
    return np.stack([np.interp(at, far, stroke[:, axis]) for axis in (0, 1)], axis=1)


def _rounded(points: Floats, softness: float) -> Floats:
    """A line through points, with round corners."""
    fine = np.repeat(points, 12, axis=0)
    return np.asarray(ndimage.gaussian_filter1d(fine, softness, axis=0, mode="nearest"))
