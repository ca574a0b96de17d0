"""Detection of rings, for a version never taught 0: it reads every zero as another digit, often with high confidence.

The bounds were chosen on MNIST's training digits: 90.4% of their zeros have a ring, and 0.50% of the others, mostly
sixes with a short tail. A stroke that almost closes counts; one that is open to a side, like the top of a 4, does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.drawing.ink_measures import PIXELS, Words, pack_rows
from app.drawing.skew import BLOCK_IMAGES, NOT_A_DIGIT, Finding
from app.model.contract import INK_ABOVE

MAY_BE_WITHHELD = Finding("may-be-withheld", "It has the ring of a 0, which this version was never taught.")

SMALLEST = 30
"""Fewest pixels of paper inside a ring: the eye of a 2 or a 9 has fewer."""
THICKEST = 6
"""Most pixels from the inside to the end of all ink, on each of four sides: the stroke, and anything sticking out."""
SPLIT = 3
"""Columns in which ink divides the inside. The bar of an 8 does so in nearly all, a loop at the top of a 0 in a few."""


def is_doubted(findings: Sequence[Finding]) -> bool:
    """True if the findings say that no score may be right: it may be a withheld digit, or is no digit at all."""
    return MAY_BE_WITHHELD in findings or NOT_A_DIGIT in findings


def with_withheld(
    found: list[tuple[Finding, ...]], images: NDArray[np.uint8], withheld: Sequence[str]
) -> list[tuple[Finding, ...]]:
    """`found`, with MAY_BE_WITHHELD added where a digit is seen that the version was never taught: a 0, by its ring.

    Args:
        found: the findings of each image.
        images: (N, 28, 28) uint8, 0 paper to 255 ink; a pixel above 128 is ink.
        withheld: the digits it was never taught. Unless 0 is among them, nothing is computed.
    """
    if "0" not in withheld:
        return found
    return [(*one, MAY_BE_WITHHELD) if ring else one for one, ring in zip(found, has_ring(images), strict=True)]


def has_ring(images: NDArray[np.uint8]) -> list[bool]:
    """True for each of (N, 28, 28) uint8 images whose ink is one ring."""
    rings: list[bool] = []
    for start in range(0, len(images), BLOCK_IMAGES):
        block = images[start : start + BLOCK_IMAGES].reshape(-1, PIXELS)
        rings += _are_rings(pack_rows(block > INK_ABOVE)).tolist()
    return rings


def _are_rings(rows: Words) -> NDArray[np.bool_]:
    """(28, N) packed rows -> (N,). Inside is paper with ink somewhere above, below, left and right of it."""
    inside = _between(rows)
    inside &= _smeared_left(rows) & _smeared_right(rows) & ~rows
    split = _between(inside) & ~inside
    edges, inner = _edges(rows), _edges(inside)
    rings: NDArray[np.bool_] = (np.abs(inner - edges) <= THICKEST).all(axis=0)
    rings &= np.bitwise_count(inside).sum(axis=0, dtype=np.uint16) >= SMALLEST
    rings &= np.count_nonzero(inside, axis=0) == inner[1] - inner[0] + 1  # no row of ink divides it either
    rings &= np.bitwise_count(np.bitwise_or.reduce(split, axis=0)) <= SPLIT
    return rings


def _between(rows: Words) -> Words:
    """Sets, in each column, all bits from the first set one to the last."""
    down: Words = np.bitwise_or.accumulate(rows, axis=0)
    up: Words = np.bitwise_or.accumulate(rows[::-1], axis=0)[::-1]
    return down & up


def _smeared_left(rows: Words) -> Words:
    """Sets, in each row, all bits from the first set one on."""
    smeared: Words = rows | -rows
    return smeared


def _smeared_right(rows: Words) -> Words:
    """Sets, in each row, all bits up to the last set one."""
    smeared = rows.copy()
    for places in (1, 2, 4, 8, 16):
        smeared |= smeared >> np.uint32(places)
    return smeared


def _edges(rows: Words) -> NDArray[np.intp]:
    """(4, N): the first and the last row with a bit set, and the same for columns; meaningless if no bit is set."""
    lines, columns = rows > 0, np.bitwise_or.reduce(rows, axis=0)
    edges = np.empty((4, rows.shape[1]), np.intp)
    edges[0] = lines.argmax(axis=0)
    edges[1] = len(rows) - 1 - lines[::-1].argmax(axis=0)
    edges[2] = np.frexp(columns & -columns)[1]
    edges[3] = np.frexp(columns)[1]
    return edges
