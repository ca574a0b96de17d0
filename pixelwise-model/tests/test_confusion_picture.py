"""The picture of a confusion matrix, held against the counts in it."""

import struct
import zlib

import numpy as np

from confusion_picture import CELL, confusion_png


def read(png: bytes) -> np.ndarray:
    """(H, W) uint8 of an 8-bit grey PNG without filters; its checksums are checked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    parts, at = {}, 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + data),)
        parts[kind], at = data, at + 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour, list(parts)) == (8, 0, [b"IHDR", b"IDAT", b"IEND"])
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def cell(page: np.ndarray, row: int, column: int) -> np.ndarray:
    height, width = CELL
    return page[row * height : (row + 1) * height, column * width : (column + 1) * width]


def test_the_picture_has_a_cell_for_each_pair_and_its_labels():
    page = read(confusion_png(np.array([[90, 10], [0, 100]]), ("1", "2")))
    assert page.shape == (3 * CELL[0], 3 * CELL[1])
    assert (cell(page, 0, 0) == 255).all()
    np.testing.assert_array_equal(cell(page, 0, 1), cell(page, 1, 0))  # the label 1
    assert (cell(page, 0, 1) != cell(page, 0, 2)).any()


def test_the_more_of_a_digit_the_darker_its_cell():
    page = read(confusion_png(np.array([[90, 10], [0, 100]]), ("1", "2")))
    corners = [int(cell(page, *place)[0, 0]) for place in ((2, 1), (1, 2), (1, 1), (2, 2))]
    assert corners == sorted(corners, reverse=True) and len(set(corners)) == 4


def test_counts_of_any_length_fit_and_a_class_without_digits_is_no_fault():
    assert read(confusion_png(np.array([[10**9, 0], [0, 0]]), ("1", "2"))).shape == (3 * CELL[0], 3 * CELL[1])
