"""A confusion matrix as a PNG, by numpy alone: drawn digits in rows, as they were read in columns."""

from __future__ import annotations

import struct
import zlib

import numpy as np

CELL = (26, 40)
SCALE = 2
_DIGITS = (
    *("111101101101111", "010110010010111", "111001111100111", "111001111001111", "101101111001001"),
    *("111100111001111", "111100111101111", "111001001001001", "111101111101111", "111101111001111"),
)
"""3 x 5 points of each digit."""
GLYPHS = {str(n): np.array(list(text)).reshape(5, 3) == "1" for n, text in enumerate(_DIGITS)}


def confusion_png(counts: np.ndarray, classes: tuple[str, ...]) -> bytes:
    """The picture of counts.

    Args:
        counts: (k, k) whole numbers, [i, j] of digits i that were read as j.
        classes: their k labels, digits.
    """
    height, width = CELL
    k = len(classes)
    page = np.full(((k + 1) * height, (k + 1) * width), 255, np.uint8)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row in range(k + 1):
        for column in range(k + 1):
            cell = page[row * height : (row + 1) * height - 1, column * width : (column + 1) * width - 1]
            if row and column:
                shade = shares[row - 1, column - 1] ** 0.5  # a few errors of many still show
                cell[:] = round(255 - 225 * shade)
                _write(cell, str(int(counts[row - 1, column - 1])), 255 if shade > 0.5 else 0)
            elif row or column:
                _write(cell, classes[max(row, column) - 1], 0)
    return _png(page)


def _write(cell: np.ndarray, text: str, grey: int) -> None:
    """Writes digits into the middle of a cell; counts of six digits and more are cut off at the right."""
    points = np.hstack([np.pad(GLYPHS[digit], ((0, 0), (0, 1))) for digit in text])[:, :-1]
    points = points.repeat(SCALE, axis=0).repeat(SCALE, axis=1)[:, : cell.shape[1]]
    top, left = ((outer - inner) // 2 for outer, inner in zip(cell.shape, points.shape, strict=True))
    cell[top : top + points.shape[0], left : left + points.shape[1]][points] = grey


def _png(page: np.ndarray) -> bytes:
    """(H, W) uint8 as a PNG of 8-bit grey. Source: https://www.w3.org/TR/png-3/"""
    height, width = page.shape
    lines = np.pad(page, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter, 0 for none
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
