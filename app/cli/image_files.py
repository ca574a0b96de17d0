"""Files of images on the command line: pictures, and arrays of digits that are ready for the model."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from app.drawing.decode_image import PICTURE_BYTES, SMALLER, decode, open_picture
from app.drawing.normalise import RECIPE, SIDE, Grey
from app.drawing.recipe import see
from app.drawing.refusals import UnreadableImage
from app.drawing.skew import Finding
from app.drawing.still_image import EXPECTED, REMEDY
from app.errors import only_refusals
from app.model.plain_file import NotPlain, OverLimit, read_plain_file
from app.scoring.inputs.array_file import HEADER_READERS

MAX_ARRAY_BYTES = 1 << 30
ARRAY_REMEDY = "Save 28x28 whole numbers as uint8, 0 paper to 255 ink; pass a digit of another size as PNG."


class Images(NamedTuple):
    """The images in a file, in the form that the model takes.

    Attributes:
        pixels: (N, 28, 28) uint8, 0 paper to 255 ink.
        unread: the reason if the model is not asked about the one picture.
        recipe: the version of the recipe that a picture went through; None for an array.
    """

    pixels: Grey
    unread: Finding | None = None
    recipe: int | None = None


def read_images(path: Path) -> Images:
    """A file's images: a picture goes through the recipe; a .npy file holds (28, 28) or (N, 28, 28) uint8, 0 paper to
    255 ink, and is taken as it is.

    Raises:
        UnreadableImage: the file is missing, not an image, too large, or an array of another shape or dtype.
    """
    is_array = path.suffix.lower() == ".npy"
    where = os.path.realpath(path)  # a link to a picture is a picture
    try:
        data = read_plain_file(where, limit=MAX_ARRAY_BYTES if is_array else PICTURE_BYTES)
        return Images(_array(data)) if is_array else _picture(data)
    except UnreadableImage as error:
        found, remedy = error.found, error.remedy
    except NotPlain as error:
        found = "no such file" if error.is_missing else error.why
        remedy = SMALLER if isinstance(error, OverLimit) and not is_array else REMEDY
    except ValueError as error:
        found, remedy = str(error), ARRAY_REMEDY
    kinds = f"{EXPECTED}, or a .npy array"
    raise UnreadableImage(f"image {path}", found=found, expected=kinds, remedy=remedy)


def _unreadable(found: str) -> UnreadableImage:
    return UnreadableImage("image", found=found, expected="a picture or an array", remedy=ARRAY_REMEDY)


def _picture(data: bytes) -> Images:
    seen = see(decode(open_picture(data)))
    return Images(seen.pixels[np.newaxis], seen.unread, RECIPE)


def _array(data: bytes) -> Grey:
    """The array of a .npy file; its header is checked against the bytes present before any array is made."""
    file = io.BytesIO(data)
    with only_refusals(lambda said: _unreadable(f"no .npy header ({said})")):  # numpy parses it as Python literals
        shape, fortran_order, dtype = HEADER_READERS[npy.read_magic(file)](file)
    is_shape = len(shape) in (2, 3) and all(type(side) is int for side in shape)  # to numpy, True is an int, 1
    if dtype != np.uint8 or not is_shape or shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"an array {dtype} {shape} where uint8 (28, 28) or (N, 28, 28) belongs")
    if 0 in shape:
        raise ValueError(f"an array {dtype} {shape} of no pictures")
    content = np.frombuffer(data, np.uint8, offset=file.tell())
    if content.size != math.prod(shape):
        raise ValueError(f"{content.size:,} bytes of content for an array {dtype} {shape}")
    return np.ascontiguousarray(content.reshape(shape, order="F" if fortran_order else "C")).reshape(-1, SIDE, SIDE)
