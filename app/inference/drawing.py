"""From a picture of any size to the 28x28 that the model was trained on: MNIST's own recipe.

Source: LeCun, Cortes, Burges, the MNIST page ("size-normalised to fit in a 20x20 pixel box ... centred by computing the
centre of mass"), as rebuilt by Yadav and Bottou, arXiv:1905.10498.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from app.errors import UnreadableImage
from app.inference.contract import INK_ABOVE
from app.inference.plain_file import NotPlain, read_plain_file

SIDE = 28
BOX = 20
CENTRE = 14
"""The index of the pixel on which the centre of mass is put (14.5 in pixel-edge coordinates)."""
MAX_PIXELS = 25_000_000
MAX_PICTURE_BYTES = 64 << 20
MAX_ARRAY_BYTES = 1 << 30
KINDS = ("PNG", "JPEG")
"""Not all that Pillow reads: it hands some formats to other programs, which run what is in the file (PostScript)."""
TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation in EXIF. ImageOps.exif_transpose also writes the EXIF anew, and fails where other tags are odd."""
HEADER_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""By the version of a .npy file; the later (3, 0) is written only for names of fields, which no image has."""
BROKEN_HEADER = (ValueError, TypeError, LookupError, SyntaxError, TokenError, RecursionError, MemoryError)
"""What numpy raises for the header of a .npy file, which it parses as Python literals."""
BROKEN_PICTURE = (OSError, ValueError, EOFError, SyntaxError, AssertionError, Image.DecompressionBombError)
"""What Pillow raises for files that are no pictures."""

Grey = NDArray[np.uint8]


def read_images(path: Path) -> Grey:
    """The images in a file, as the model takes them: (N, 28, 28) uint8, 0 paper to 255 ink.

    A .npy file holds (28, 28) or (N, 28, 28) uint8 and is taken as it is; so is a picture of 28x28 grey values. Any
    other PNG or JPEG picture goes through `normalise`.

    Raises:
        UnreadableImage: no such file, no image, too large, or an array of another shape or dtype.
    """
    is_array = path.suffix.lower() == ".npy"
    try:
        # realpath: a link to a picture is a picture
        data = read_plain_file(os.path.realpath(path), limit=MAX_ARRAY_BYTES if is_array else MAX_PICTURE_BYTES)
        return _read_array(data) if is_array else _read_picture(data)[np.newaxis]
    except (NotPlain, ValueError) as error:
        kinds, remedy = "a PNG or JPEG picture, or a .npy array", "Pass a picture of one digit."
        raise UnreadableImage(f"image {path}", found=error, promised=kinds, remedy=remedy) from None


def normalise(ink: Grey) -> Grey:
    """The drawing in `ink`, scaled into a 20x20 box and centred by its mass in 28x28.

    Args:
        ink: (H, W) uint8, 0 paper to 255 ink. A pixel above 128 is ink.

    Returns:
        (28, 28) uint8; all paper when there is no ink.
    """
    field = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = np.flatnonzero((ink > INK_ABOVE).any(axis=1)), np.flatnonzero((ink > INK_ABOVE).any(axis=0))
    if not len(rows):
        return field
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(side * BOX / max(box.shape))) for side in box.shape)
    small = np.asarray(Image.fromarray(box).resize((width, height), Image.Resampling.BILINEAR))
    mass = small.astype(np.float64)
    top = _start(mass.sum(axis=1))
    left = _start(mass.sum(axis=0))
    field[top : top + height, left : left + width] = small
    return field


def _start(mass: NDArray[np.float64]) -> int:
    """Where a line of pixels begins so that its centre of mass lies at `CENTRE`, and it stays in the field."""
    centre = float(mass @ np.arange(len(mass)) / mass.sum())
    return min(max(round(CENTRE - centre), 0), SIDE - len(mass))


def _read_array(data: bytes) -> Grey:
    """The header is checked against the bytes that are there before any array is made."""
    file = io.BytesIO(data)
    try:
        shape, fortran_order, dtype = HEADER_READERS[npy.read_magic(file)](file)
    except BROKEN_HEADER as error:
        raise ValueError(f"no .npy header ({error})") from None
    if dtype != np.uint8 or len(shape) not in (2, 3) or shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"an array {dtype} {shape} where uint8 (28, 28) or (N, 28, 28) belongs")
    content = np.frombuffer(data, np.uint8, offset=file.tell())
    if content.size != math.prod(shape):
        raise ValueError(f"{content.size:,} bytes of content for an array {dtype} {shape}")
    return np.ascontiguousarray(content.reshape(shape, order="F" if fortran_order else "C")).reshape(-1, SIDE, SIDE)


def _read_picture(data: bytes) -> Grey:
    try:
        ink = _ink(_open_upright(data))
    except UnidentifiedImageError:
        raise ValueError("another kind of file") from None
    except BROKEN_PICTURE as error:
        raise ValueError(str(error)) from None
    return ink if ink.shape == (SIDE, SIDE) else normalise(ink)


def _open_upright(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is the stricter limit
        picture = Image.open(io.BytesIO(data), formats=KINDS)
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"a picture of {picture.width} x {picture.height} pixels, the limit is {MAX_PIXELS:,}")
    if picture.format == "PNG" and getattr(picture, "n_frames", 1) > 1:  # a JPEG's further frames are previews
        raise ValueError("an animated picture of several frames")
    turn = TO_UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def _ink(picture: Image.Image) -> Grey:
    """What is drawn: (H, W) uint8, 0 paper to 255 ink. 28x28 grey values are taken for ink as they are."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        grey = high_bytes(np.asarray(picture))
    elif picture.has_transparency_data:
        sheet = picture.convert("RGBA")
        opacity = sheet.getchannel("A")
        if np.median(_rim(np.asarray(opacity))) <= INK_ABOVE:
            return np.asarray(opacity)  # a drawing on a transparent sheet, in whatever colour
        opaque = sheet.convert("L")
        paper = Image.new("L", sheet.size, int(np.median(_rim(np.asarray(opaque)))))
        grey = np.asarray(Image.composite(opaque, paper, opacity))
    else:
        grey = np.asarray(picture.convert("L"))
    if grey.shape != (SIDE, SIDE) and np.median(_rim(grey)) > INK_ABOVE:  # the rim is paper: dark ink on light
        return 255 - grey
    return grey


def high_bytes(grey: NDArray[Any]) -> Grey:
    """Grey values of 16 bits as 8 bits; Pillow's own conversion clips some of them."""
    if not (grey.min() >= 0 and grey.max() <= 0xFFFF):  # so put, NaN is refused as well
        raise ValueError(f"grey values from {grey.min()} to {grey.max()}, the limits are 0 and {0xFFFF}")
    return (grey.astype(np.uint16) >> 8).astype(np.uint8)


def _rim(picture: Grey) -> Grey:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
