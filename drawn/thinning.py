"""Drawings thinned to lines of one pixel: where a pen went."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours of a pixel, clockwise from the one above it: P2 to P9 in the paper."""
NEVER_BOTH = (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6)))
"""For each of the two passes: of these three neighbours one must be paper, for the pixel to go."""


def thinned(ink: Mask) -> Mask:
    """(N, H, W): the middle of the lines of each drawing, one pixel wide and as connected as they are.

    Source: Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", 1984.
    """
    lines = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    changing = np.arange(len(lines))
    while len(changing):
        before = lines[changing]
        after = _pass(_pass(before, 0), 1)
        lines[changing] = after
        changing = changing[(before != after).any(axis=(1, 2))]
    return lines[:, 1:-1, 1:-1]


def _pass(lines: Mask, which: int) -> Mask:
    """The drawings, with a rim of paper, without the pixels that this pass takes away."""
    inner = lines.astype(np.uint8)
    height, width = lines.shape[1] - 2, lines.shape[2] - 2
    code = np.zeros((len(lines), height, width), np.uint8)
    for bit, (down, right) in enumerate(AROUND):
        code |= inner[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width] << bit
    kept = lines.copy()
    kept[:, 1:-1, 1:-1] &= KEEPS[which].take(code)
    return kept


def _goes(code: int, which: int) -> bool:
    """True if a pixel with these neighbours, a bit for each that is ink, is taken away in this pass."""
    around = [code >> bit & 1 for bit in range(8)]
    edges = sum(around[bit] == 0 and around[(bit + 1) % 8] == 1 for bit in range(8))
    is_open = all(not all(around[bit] for bit in three) for three in NEVER_BOTH[which])
    return 2 <= sum(around) <= 6 and edges == 1 and is_open


KEEPS = tuple(np.array([not _goes(code, which) for code in range(256)]) for which in (0, 1))
"""For each pass and each code of the neighbours: the pixel stays."""
