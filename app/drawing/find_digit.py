"""The pieces of ink on a picture that form the digit: not dust, not a frame, not anything cut off by the edge."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.drawing.find_ink import ALL_AROUND, Mask
from app.drawing.lazy_ndimage import ndimage
from app.drawing.line_width import width_of

MOST = 200
"""Most pieces considered, the largest ones: others are grain. A digit of dashes has some dozens."""
CLOSELY = 8
"""Pieces that are examined in search of a line."""
SLENDER, UPRIGHT_SLENDER = 4.5, 4.0
"""Least ratio of length to width of a pen's line on a photograph. By `width_of`, a square has 2.25; the thickest 1 of
MNIST has 6.8."""
UPRIGHT = 2.3
"""Ratio of height to width that may be a marker's 1, which is less slender than any other digit."""
CREASE = 0.02, 1.15
"""Greatest width of a crease, as a share of the picture's diagonal; and of its ink's length, as a share of its own."""
FROM_RIM = 0.3
"""Share of the picture's longer side: a smaller piece cut by the rim is a table's corner, or a shadow."""
SLENDERER, UPRIGHT_SLENDERER = 9.0, 5.5
"""The same two ratios for a piece cut by one side alone: a finger is less slender."""
STRANGERS, AS_LARGE = 5, 0.2
"""Number of pieces, each of this share of the digit's size but not part of it, that make a pattern, such as leaves."""
TOUCHING = 0.02
"""Share of the picture's longer side: a line that leaves the rim for less than this has not left it."""
ALONG_RIM = 0.25
"""Share of the picture's shorter side: a piece along the rim for longer is a table's edge, a frame or a shadow."""
LEAST_SIDE = 0.12
"""Share of the picture's longest side: a smaller free piece is not preferred to one that lies along the rim."""
CUT_OFF = 0.4
"""Share of the longest side of a piece cut by the rim: a free piece of this length is the digit instead."""
FILLED, SQUARE = 0.88, 0.4
"""Least share of its box that a plate fills, and its least ratio of width to length. A thick ring fills 0.79."""
RING = (0.25, 0.75)
"""Part of a ring's longest side that is its middle: a piece there is a digit, and the ring was drawn around it."""
FARTHER, SMALLER = 0.2, 0.5
"""Shares of the tallest digit: pieces one above the other with this gap are two; so are smaller ones beside it."""
LONG, STRAIGHT, LONGER = 0.45, 3, 1.3
"""An edge's least share of a side of the picture, ratio of length to width, and multiple of the digit's longest
side."""
EDGE_BAND, ALONG = 0.15, 2.5
"""Share of a side of the picture, and ratio of length to width: a piece as near to that side is an edge too."""
OUTSIDE = 0.08
"""Share of the digit's longest side: an edge keeps this distance from the digit; a line of the digit does not."""
SPECK = 0.08
"""Share of the digit's ink, as SPECK_SIDE is of its longest side: a piece smaller in both is dust."""
SPECK_SIDE = 0.25
DUST = 0.02
"""Share of the digit's ink: a smaller piece is dust wherever it lies, on paper or on a canvas of DUSTY_SIDE pixels."""
DUSTY_SIDE = 64
FAR = 0.25
"""Share of the digit's longest side: a piece farther away is not part of it unless it has FAR_SIZE of its size."""
FAR_SIZE = 0.25
FRAME_BORDER = 0.07
"""Share of the sides of a piece's box: ink this near to them lies along the box."""
FRAME_SHARE = 0.9
"""Share of a piece's ink that must lie along its box for a frame (two fifths of a ring's does)."""
AS_TALL = 0.66
"""Share of the tallest digit: a piece of this height beside it is another digit."""
APART, WIDEST = 0.1, 2.0
"""Share of the tallest digit: pieces with such a gap are two digits; so are pieces with any gap if all together are
wider than the second, which no digit is."""


class Piece(NamedTuple):
    """Connected ink. `cut`: the number of its pixels on the rim."""

    name: int
    area: int
    top: int
    left: int
    bottom: int
    right: int
    cut: int

    @property
    def side(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)


class Digit(NamedTuple):
    """The ink of one digit.

    Attributes:
        ink: (H, W) bool.
        top, left, bottom, right: its box; the last two are one beyond it.
        pieces: those it is made of.
        digits: the number of digits: 0 for none, above 1 if `ink` also has others beside it.
        is_framed: there is a frame, which is not in `ink`.
        crossings: how often its lines cross the picture's rim.
        is_plate: it is not a line but a sheet, which may have writing on it.
        is_line: by its length and width, it may be a pen's.
        is_pattern: it is one of many like it.
    """

    ink: Mask
    top: int
    left: int
    bottom: int
    right: int
    pieces: int
    digits: int
    is_framed: bool
    crossings: int
    is_plate: bool
    is_line: bool
    is_pattern: bool

    @property
    def side(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)


def find_digit(ink: Mask, *, is_drawn: bool = False) -> Digit:
    """The digit among the pieces of `ink`, (H, W).

    Args:
        is_drawn: the picture is flat paper, where only a frame and dust are unintended.
    """
    names, count = ndimage.label(ink, ALL_AROUND)
    pieces = _pieces(names, count)
    frames = [piece for piece in pieces if _is_frame(names, piece, pieces) or _is_around(names, piece, pieces)]
    bare = [piece for piece in pieces if piece not in frames]
    bare = _without_edges(bare, ink.shape, is_drawn=is_drawn)
    own = (_drawn(bare, ink.shape) if is_drawn else _written(bare, names)) if bare else []
    kept = np.zeros(count + 1, np.bool_)
    kept[[piece.name for piece in own]] = True
    box = (
        min((piece.top for piece in own), default=0),
        min((piece.left for piece in own), default=0),
        max((piece.bottom for piece in own), default=0),
        max((piece.right for piece in own), default=0),
    )
    within = slice(box[0], box[2]), slice(box[1], box[3])
    digit = np.zeros(ink.shape, np.bool_)
    digit[within] = kept[names[within]]
    lines = own if is_drawn else [piece for piece in own if _is_line(names, piece)]
    is_pattern = bool(own) and not is_drawn and _is_pattern(names, bare, own)
    digits = max(_count(lines), bool(own))
    is_plate = _is_plate(digit, *box)
    return Digit(digit, *box, len(own), digits, bool(frames), _crossings(digit), is_plate, bool(lines), is_pattern)


def _is_pattern(names: NDArray[np.int32], pieces: list[Piece], own: list[Piece]) -> bool:
    """True if the supposed digit is one of many similar pieces; pieces cut by the rim are unlike a whole line."""
    main = max(own, key=lambda piece: piece.area)
    least = AS_LARGE * main.area
    is_whole = not main.cut and _slenderness(names, main) >= SLENDERER
    alike = [
        piece
        for piece in pieces
        if piece.area >= least and not (piece.cut and is_whole) and not _runs_through(piece, names.shape)
    ]
    return len(alike) - sum(piece in alike for piece in own) >= STRANGERS


def _is_plate(ink: Mask, top: int, left: int, bottom: int, right: int) -> bool:
    """True if ink, its holes filled, fills its box: a sheet on a table, a screen, a card. No digit but a 1 does."""
    height, width = bottom - top, right - left
    if not height or min(height, width) < SQUARE * max(height, width):
        return False
    box = ink[top:bottom, left:right]
    if np.count_nonzero(box) < height * width / 2:
        return False
    return bool(np.count_nonzero(ndimage.binary_fill_holes(box)) >= FILLED * height * width)


def _crossings(ink: Mask) -> int:
    """The number of times ink begins along the rim, not counting a line that only touches it here and there."""
    around = np.concatenate([ink[0], ink[1:, -1], ink[-1, -2::-1], ink[-2:0:-1, 0]])
    around = ndimage.maximum_filter1d(around, 1 + round(TOUCHING * max(ink.shape)), mode="wrap")
    return int(np.count_nonzero(around & ~np.roll(around, 1)))


def _pieces(names: NDArray[np.int32], count: int) -> list[Piece]:
    """The largest pieces, at most MOST of them."""
    areas = np.bincount(names[names > 0], minlength=count + 1)
    rim = np.concatenate([names[0], names[-1], names[1:-1, 0], names[1:-1, -1]])
    cuts = np.bincount(rim, minlength=count + 1)
    boxes = ndimage.find_objects(names)
    largest = np.sort(1 + np.argsort(-areas[1:], kind="stable")[:MOST])
    return [
        Piece(name, int(areas[name]), rows.start, columns.start, rows.stop, columns.stop, int(cuts[name]))
        for name, (rows, columns) in ((int(name), boxes[name - 1]) for name in largest)
    ]


def _alone(names: NDArray[np.int32], piece: Piece) -> Mask:
    """The piece in its box."""
    mask: Mask = names[piece.top : piece.bottom, piece.left : piece.right] == piece.name
    return mask


def _is_line(names: NDArray[np.int32], piece: Piece) -> bool:
    """True if a piece may be a pen's, by its length and width: a shadow, a spot of light and a dot are not."""
    if piece.cut and piece.side < FROM_RIM * max(names.shape):
        return False
    is_upright = piece.bottom - piece.top >= UPRIGHT * (piece.right - piece.left)
    if _sides_cut(names.shape, piece) == 1:
        least = UPRIGHT_SLENDERER if is_upright else SLENDERER
    else:
        least = UPRIGHT_SLENDER if is_upright else SLENDER
    return _slenderness(names, piece) >= least


def _slenderness(names: NDArray[np.int32], piece: Piece) -> float:
    """The length of a piece's lines, in multiples of their width."""
    return piece.area / width_of(_alone(names, piece)) ** 2


def _sides_cut(shape: tuple[int, ...], piece: Piece) -> int:
    """The number of picture sides that cut a piece."""
    return (piece.top == 0) + (piece.left == 0) + (piece.bottom == shape[0]) + (piece.right == shape[1])


def _is_crease(names: NDArray[np.int32], piece: Piece) -> bool:
    """True if a piece is a thin straight line from one side of the picture to another."""
    length = math.hypot(piece.bottom - piece.top, piece.right - piece.left)
    thin, straight = CREASE[0] * math.hypot(*names.shape), CREASE[1]
    if _sides_cut(names.shape, piece) < 2 or piece.area > thin * straight * length:
        return False
    return piece.area <= min(width_of(_alone(names, piece)), thin) * straight * length


def _is_frame(names: NDArray[np.int32], piece: Piece, pieces: list[Piece]) -> bool:
    """True if nearly all of a piece lies along its box: along all of its top and bottom, or, where the picture's edge
    has cut it off, around something else."""
    height, width = piece.bottom - piece.top, piece.right - piece.left
    if min(height / names.shape[0], width / names.shape[1]) < 0.5 or piece.area > height * width / 3:
        return False
    inside = _alone(names, piece)
    rows, columns = (max(1, round(FRAME_BORDER * side)) for side in (height, width))
    within = int(np.count_nonzero(inside[rows:-rows, columns:-columns]))
    if within > (1 - FRAME_SHARE) * piece.area:
        return False
    is_whole = min(inside[:rows].any(axis=0).mean(), inside[-rows:].any(axis=0).mean()) > 0.8
    return bool(is_whole or (piece.cut and any(_lies_in(other, piece) for other in pieces)))


def _is_around(names: NDArray[np.int32], piece: Piece, pieces: list[Piece]) -> bool:
    """True if a piece is a ring or a box of thin lines that was drawn around another one."""
    if 3 * piece.area > (piece.bottom - piece.top) * (piece.right - piece.left):
        return False
    return any(
        _lies_in(other, piece)
        and RING[0] * piece.side <= other.side <= RING[1] * piece.side
        and _encloses(names, piece, (other.top + other.bottom) // 2, (other.left + other.right) // 2)
        for other in pieces
    )


def _encloses(names: NDArray[np.int32], piece: Piece, row: int, column: int) -> bool:
    """True if a piece lies in all four directions from here."""
    across, down = names[row] == piece.name, names[:, column] == piece.name
    return bool(across[:column].any() and across[column:].any() and down[:row].any() and down[row:].any())


def _lies_in(one: Piece, frame: Piece) -> bool:
    is_in = frame.top < one.top and one.bottom < frame.bottom and frame.left < one.left and one.right < frame.right
    return is_in and one.side >= LEAST_SIDE * frame.side


def _without_edges(pieces: list[Piece], shape: tuple[int, ...], *, is_drawn: bool) -> list[Piece]:
    """The pieces without parts of frames and of edges of paper and table: straight ones outside the digit."""
    whole = [piece for piece in pieces if not piece.cut and piece.side >= LEAST_SIDE * max(shape)]
    digits = [piece for piece in whole if not _is_straight(piece, shape) and not _lies_along(piece, shape)]
    main = max(digits, key=lambda piece: piece.area, default=None)
    if main is None:
        return pieces
    return [piece for piece in pieces if not _is_edge(piece, main, shape, is_drawn=is_drawn)]


def _is_edge(piece: Piece, main: Piece, shape: tuple[int, ...], *, is_drawn: bool) -> bool:
    """True if a piece is not a line of the digit beside it: it is straight and longer, or it lies along a side of a
    photograph. A 1 beside another digit is about as long as that digit."""
    if _gap(piece, main) <= OUTSIDE * main.side:
        return False
    is_longer = _is_straight(piece, shape) and piece.side > LONGER * main.side
    return is_longer or (not is_drawn and _lies_along(piece, shape))


def _is_straight(piece: Piece, shape: tuple[int, ...]) -> bool:
    height, width = piece.bottom - piece.top, piece.right - piece.left
    is_long = max(height / shape[0], width / shape[1]) >= LONG
    return is_long and max(height, width) >= STRAIGHT * min(height, width)


def _runs_through(piece: Piece, shape: tuple[int, ...]) -> bool:
    """True if a piece is a line from one side of the picture to the opposite one: a crease, a rule, a shadow's edge."""
    height, width = piece.bottom - piece.top, piece.right - piece.left
    is_through = height == shape[0] or width == shape[1]
    return is_through and max(height, width) >= STRAIGHT * min(height, width) and 2 * min(height, width) < min(shape)


def _lies_along(piece: Piece, shape: tuple[int, ...]) -> bool:
    height, width = piece.bottom - piece.top, piece.right - piece.left
    rows, columns = (EDGE_BAND * side for side in shape)
    is_upright = (piece.right <= columns or piece.left >= shape[1] - columns) and height >= ALONG * width
    is_flat = (piece.bottom <= rows or piece.top >= shape[0] - rows) and width >= ALONG * height
    return is_upright or is_flat


def _drawn(pieces: list[Piece], shape: tuple[int, ...]) -> list[Piece]:
    """The drawn pieces: all but dust, which at low resolution cannot be told from parts of lines."""
    if max(shape) < DUSTY_SIDE:
        return pieces
    main = max(pieces, key=lambda piece: piece.area)
    return [piece for piece in pieces if piece.area >= DUST * main.area]


def _written(pieces: list[Piece], names: NDArray[np.int32]) -> list[Piece]:
    """The pieces of the digit, and of others as large."""
    shape, along = names.shape, ALONG_RIM * min(names.shape)
    pieces = [
        piece
        for piece in pieces
        if not _runs_through(piece, shape)
        and (piece.cut <= min(along, piece.side / 2) or not _lies_along(piece, shape))
        and not (piece.cut and _is_crease(names, piece))
    ]
    if not pieces:
        return []
    free = [piece for piece in pieces if piece.cut <= along]
    if not free or max(piece.side for piece in free) < LEAST_SIDE * max(shape):
        free = pieces
    uncut = [piece for piece in free if not piece.cut]
    longest_cut = max((piece.side for piece in free if piece.cut), default=0)
    if uncut and max(piece.side for piece in uncut) >= CUT_OFF * longest_cut:
        free = uncut
    free = _from_main_on(free, names)
    return [piece for piece in free if piece is free[0] or _belongs(piece, free[0])]


def _from_main_on(pieces: list[Piece], names: NDArray[np.int32]) -> list[Piece]:
    """The pieces from the largest to the smallest, without those before the first sheet or line."""
    pieces = sorted(pieces, key=lambda piece: -piece.area)
    for place, piece in enumerate(pieces[:CLOSELY]):
        box = _alone(names, piece)
        if _is_plate(box, 0, 0, *box.shape) or _is_line(names, piece):
            return pieces[place:]
    return pieces


def _belongs(piece: Piece, main: Piece) -> bool:
    is_speck = piece.area < SPECK * main.area and piece.side < SPECK_SIDE * main.side
    is_far = piece.area < FAR_SIZE * main.area and _gap(piece, main) > FAR * main.side
    return not is_speck and not is_far and piece.area >= DUST * main.area


def _gap(one: Piece, other: Piece) -> int:
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(across, down, 0)


def _count(own: list[Piece]) -> int:
    """The number of digits, side by side or one above the other."""
    tallest = max((piece.bottom - piece.top for piece in own), default=0)
    tall = [piece for piece in own if piece.bottom - piece.top >= AS_TALL * tallest]
    wide = max((piece.right for piece in own), default=0) - min((piece.left for piece in own), default=0)
    beside = _groups([(piece.left, piece.right) for piece in tall], APART * tallest if wide <= WIDEST * tallest else 0)
    above = _groups([(piece.top, piece.bottom) for piece in tall], FARTHER * tallest)
    smaller = [piece for piece in own if piece.bottom - piece.top >= SMALLER * tallest]
    farther = _groups([(piece.left, piece.right) for piece in smaller], FARTHER * tallest)
    return max(beside, above, farther)


def _groups(spans: list[tuple[int, int]], gap: float) -> int:
    """The number of groups of spans with more than `gap` between them."""
    count, end = 0, 0
    for begin, until in sorted(spans):
        count += not count or begin - end > gap
        end = max(end, until)
    return count
