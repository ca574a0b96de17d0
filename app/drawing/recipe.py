"""The recipe: from a picture of any kind to the 28x28 that the model was trained on.

Flat paper, such as a canvas, is taken as it is; from any other paper the light is removed (`paper`). Of the ink the
digit's pieces are kept (`pieces`), lines thinner than MNIST's are widened to MNIST's width (`lines`), and MNIST's own
recipe scales and places the digit (`normalise`). The points of a pen need none of this: see `strokes`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from app.drawing.decode_image import Picture
from app.drawing.find_digit import WIDEST, Digit, find_digit
from app.drawing.find_ink import Floats, Stain, Values, on_any_paper, on_flat_paper, without_border
from app.drawing.lazy_ndimage import ndimage
from app.drawing.line_width import as_wide_as_mnist, width_of
from app.drawing.normalise import SIDE, Grey, is_normal, normalise
from app.drawing.skew import BARE, BLANK, FAINT_PAPER, FRAME, LINES, Finding, several_digits, tiny
from app.drawing.strokes import Stroke, draw_strokes
from app.model.contract import INK_ABOVE

FLAT_SIDE = 640
"""Longest side, in pixels, at which a canvas is looked at: drawings need no more."""
WORKING_SIDE = 320
"""The same for a photograph."""
SMALL, NEAR = 0.5, 0.35
"""Share of a photograph's longer side below which a digit is looked at again, alone; and its margin, as a share of its
own."""
LEAST_SIDE = 8
"""Smallest side of a digit in its file, in pixels: with fewer nobody can tell a 3 from an 8."""
FEW_PIXELS = 28
"""Pixels of the copy of a photograph: a smaller piece needs a larger copy to show whether it is a pen's."""
SHEETS, INSET = 2, 0.03
"""Number of sheets, one on another, that are looked into; and the inset within a sheet's edges, as a share of its
longest side."""
FILLING, THICK = 0.95, (0.35, 0.8)
"""Share of both sides that a digit fills in a photograph cropped to it; and of the area, if its lines are thick."""
SOME, MUCH = 0.1, 0.2
"""Least share of a photograph taken for ink when that is really the paper; and the share if a digit is seen in it."""
FAINT_SIDE, FAINT_PIECES, FAINT_LENGTH = 0.25, 2, 10.0
"""Least share of a photograph's longer side, most pieces, and least ratio of length to width of faint ink: anything
else that hardly stands out is the paper's grain. Pencilled digits of a sixteenth of the paper's light meet all
three."""
SOFT, BROAD = 0.15, 10
"""Pixels, beyond two, in which paper turns into ink, for each pixel of a line's width; and the least width, in pixels,
that is tested so: a hairline has no more of them than light has."""
RULED = 8
"""Rim crossings that mark squared paper: its lines cross at every square, those of a digit at most four times."""
WEAKEST = 0.55
"""The least value of a pixel that is ink only because it is connected to some."""


class Seen(NamedTuple):
    """The model's view of a picture or a drawing.

    Attributes:
        pixels: (28, 28) uint8, 0 paper to 255 ink; all paper where it is shown nothing.
        unread: the reason if it is shown nothing.
    """

    pixels: Grey
    unread: Finding | None = None


def see_strokes(strokes: Sequence[Stroke], *, pen_width: float = 0.0) -> Seen:
    """A pen's drawing, in the form that the model takes.

    Raises:
        UnreadableImage: as `draw_strokes`.
    """
    pixels = draw_strokes(strokes, pen_width=pen_width)
    return Seen(pixels) if pixels.any() else Seen(EMPTY, BLANK)


def see(picture: Picture) -> Seen:
    """The digit on a picture, in the form that the model takes, or the reason why there is none to read."""
    return _see(picture, within=SHEETS)


def _see(picture: Picture, *, within: int) -> Seen:
    """As `see`; `within` is the number of sheets, one on another, that are looked into."""
    values = _shrunk(picture.values, FLAT_SIDE)
    stain = on_flat_paper(values, is_opacity=picture.is_opacity)
    if stain is None:
        return _see_photograph(picture, within=within)
    if stain.ink.shape == (SIDE, SIDE) and is_normal(as_grey(stain.ink)):
        return Seen(as_grey(stain.ink))
    look = _look(stain, max(picture.size) / max(values.shape), is_flat=True)
    if look.digit.is_plate and not picture.is_opacity and look.digit.side * look.scale >= LEAST_SIDE:
        return _seen_on_sheet(picture, look.digit, max(picture.values.shape) / max(values.shape), within=within)
    return Seen(EMPTY, look.unread) if look.unread else _shown(_ink_of(*look[:2]))


def _see_photograph(picture: Picture, *, within: int) -> Seen:
    bare = without_border(picture.values)
    is_framed = bare.shape != picture.values.shape
    picture = Picture(bare, _scaled(picture, bare))
    values = _shrunk(bare, WORKING_SIDE)
    step, scale = max(bare.shape) / max(values.shape), max(picture.size) / max(values.shape)
    look = _look(on_any_paper(values), scale)
    if look.digit.is_plate and look.digit.side * scale >= LEAST_SIDE:
        return _seen_on_sheet(picture, look.digit, step, within=within)
    if look.unread in (None, BARE, several_digits(look.digit.digits)):
        look = _look_swapped(values, look)
    if step > 1 and look.digit.side < SMALL * max(values.shape):
        look = _look_nearer(bare, look, step)
    if look.unread:
        return Seen(EMPTY, FRAME if look.unread is BARE and is_framed else look.unread)
    return _shown(_ink_of(*look[:2]))


class Look(NamedTuple):
    """Result of a look at a picture.

    Attributes:
        unread: the reason if the model cannot be asked.
        scale: file pixels per pixel of the picture looked at.
    """

    stain: Stain
    digit: Digit
    unread: Finding | None
    scale: float


def _look(stain: Stain, scale: float, *, is_flat: bool = False) -> Look:
    digit = find_digit(stain.solid, is_drawn=is_flat)
    return Look(stain, digit, _why_not(stain, digit, scale, is_flat=is_flat), scale)


def _look_nearer(values: Values, far: Look, step: float) -> Look:
    """A look at a small digit alone; `far` saw a copy, `step` times smaller, of the picture with these values."""
    if far.unread and not _is_too_small_to_tell(far.unread, far.digit):
        return far
    around = _around(values, far.digit, step)
    nearer = _shrunk(around, WORKING_SIDE)
    near = _look(on_any_paper(nearer), far.scale / step * max(around.shape) / max(nearer.shape))
    are_more = near.digit.digits > 1 and far.digit.pieces > 1 and far.digit.side < FEW_PIXELS
    if near.digit.digits == 1:
        return near if far.unread else near._replace(unread=None)
    return far._replace(unread=near.unread) if are_more or (far.unread and near.digit.digits) else far


def _look_swapped(values: Values, first: Look) -> Look:
    """A look for a digit to which a photograph was cropped so tightly that its ink looks like paper; the first look, if
    there is none."""
    if first.stain.solid.mean() < (SOME if first.unread else MUCH) or _fills(first.digit, values):
        return first
    tight = _look(on_any_paper(values, swapped=True), first.scale)
    is_thick = bool(THICK[0] < tight.digit.ink.mean() < THICK[1])
    is_one = tight.unread is None and _fills(tight.digit, values) and is_thick and not tight.stain.is_weak
    return tight if is_one else first


def _seen_on_sheet(picture: Picture, digit: Digit, step: float, *, within: int) -> Seen:
    """The contents of a sheet that lies on something else; `digit` is the sheet, on a copy `step` times smaller."""
    if not within:
        return Seen(EMPTY, FRAME)
    inset = INSET * digit.side + 1
    top, left = (math.ceil((edge + inset) * step) for edge in (digit.top, digit.left))
    bottom, right = (math.floor((edge - inset) * step) for edge in (digit.bottom, digit.right))
    sheet = np.ascontiguousarray(picture.values[top:bottom, left:right])
    if min(sheet.shape[:2]) < LEAST_SIDE:
        return Seen(EMPTY, FRAME)
    seen = _see(Picture(sheet, _scaled(picture, sheet)), within=within - 1)
    return Seen(EMPTY, FRAME) if seen.unread is BARE else seen


def _scaled(picture: Picture, part: Values) -> tuple[int, int]:
    """The width and height, in the file's pixels, of a part of a picture's values."""
    scale = max(picture.size) / max(picture.values.shape)
    return round(part.shape[1] * scale), round(part.shape[0] * scale)


def _shrunk(values: Values, side: int) -> Values:
    """The values shrunk until no side exceeds `side`: each pixel is the mean of a square of them."""
    step = -(-max(values.shape) // side)
    return values if step == 1 else np.asarray(Image.fromarray(values).reduce(step))


def _why_not(stain: Stain, digit: Digit, scale: float, *, is_flat: bool) -> Finding | None:
    """A reason not to ask the model, if any; `scale`: file pixels per pixel of the picture."""
    if digit.digits == 0:
        return FRAME if digit.is_framed else FAINT_PAPER if stain.is_faint else BARE
    if stain.is_weak and not _is_sure(digit):
        return FAINT_PAPER
    if digit.crossings >= RULED:
        return LINES
    if digit.digits > 1:
        return several_digits(digit.digits)
    pixels = math.ceil(digit.side * scale)
    if pixels < LEAST_SIDE:
        return tiny(pixels)
    if not is_flat and (_lies(digit) or digit.is_pattern or not digit.is_line or _is_light(stain, digit)):
        return BARE
    return None


def _is_sure(digit: Digit) -> bool:
    """True if faint ink is one digit all the same: large, of few pieces, of a thin line."""
    is_one = digit.digits == 1 and digit.pieces <= FAINT_PIECES and digit.side >= FAINT_SIDE * max(digit.ink.shape)
    return is_one and bool(np.count_nonzero(digit.ink) >= FAINT_LENGTH * width_of(digit.ink) ** 2)


def _is_too_small_to_tell(unread: Finding, digit: Digit) -> bool:
    """True if ink fails to be a pen's line only because this copy has so few pixels of it."""
    return unread is BARE and digit.digits == 1 and not digit.is_pattern and digit.side < FEW_PIXELS


def _lies(digit: Digit) -> bool:
    """True if ink is too wide for a digit, which is upright: a crease, a stripe, a shadow's edge."""
    return digit.right - digit.left > WIDEST * (digit.bottom - digit.top)


def _fills(digit: Digit, values: Values) -> bool:
    """True if there is hardly any paper around a digit, as in a photograph cropped to it."""
    height, width = values.shape[:2]
    is_tight: bool = min((digit.bottom - digit.top) / height, (digit.right - digit.left) / width) > FILLING
    return is_tight


def _is_light(stain: Stain, digit: Digit) -> bool:
    """True if the edges are those of a shadow or a lens: far softer than a pen's, also in a blurred photograph."""
    box = slice(digit.top, digit.bottom), slice(digit.left, digit.right)
    solid = digit.ink[box]
    edges = solid & ~ndimage.binary_erosion(solid, border_value=1)
    if min(solid.shape) < 2 or not edges.any():
        return False
    slope = float(np.hypot(*np.gradient(stain.ink[box]))[edges].mean())
    pixels = 1 / max(slope, 0.01)
    return pixels - 2 > SOFT * max(BROAD, width_of(solid))


def _around(values: Values, digit: Digit, step: float) -> Values:
    """The part of `values` around a digit that was found on a copy that is `step` times smaller."""
    margin = NEAR * digit.side + 2
    top, left, bottom, right = (
        round(max(0.0, edge) * step)
        for edge in (digit.top - margin, digit.left - margin, digit.bottom + margin, digit.right + margin)
    )
    return np.ascontiguousarray(values[top:bottom, left:right])


def _ink_of(stain: Stain, digit: Digit) -> Floats:
    """The digit alone, in its box with a pixel of paper around it: (h, w) float32, 0 to 1, with its grey edges."""
    box = (slice(digit.top, digit.bottom), slice(digit.left, digit.right))
    around = (slice(max(0, digit.top - 1), digit.bottom + 1), slice(max(0, digit.left - 1), digit.right + 1))
    full = np.zeros((digit.bottom - digit.top + 2, digit.right - digit.left + 2), np.float32)
    solid = np.zeros(full.shape, np.bool_)
    solid[1:-1, 1:-1] = digit.ink[box]
    top, left = 1 - digit.top + around[0].start, 1 - digit.left + around[1].start
    part = stain.ink[around]
    full[top : top + part.shape[0], left : left + part.shape[1]] = part
    full[solid] = np.maximum(full[solid], WEAKEST)
    full[~ndimage.maximum_filter(solid, 3)] = 0  # and its grey edges
    return full


def _shown(ink: Floats) -> Seen:
    pixels = normalise(as_grey(as_wide_as_mnist(ink)))
    return Seen(pixels) if (pixels > INK_ABOVE).any() else Seen(EMPTY, FAINT_PAPER)  # no model reads blank paper


def as_grey(ink: Floats) -> Grey:
    """Converts 0 to 1 into 0 to 255."""
    return np.rint(ink * 255).astype(np.uint8)


EMPTY = np.zeros((SIDE, SIDE), np.uint8)
EMPTY.flags.writeable = False
