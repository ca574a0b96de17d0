"""From a picture of any size to the 28x28 that the model was trained on: MNIST's own recipe.

Source: LeCun, Cortes, Burges, the MNIST page ("size-normalised to fit in a 20x20 pixel box ... centred by computing the
centre of mass"), as rebuilt by Yadav and Bottou, arXiv:1905.10498.
"""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import UnreadableImage
from app.inference.contract import INK_ABOVE

SIDE = 28
BOX = 20
CENTRE = 14
"""The index of the pixel on which the centre of mass is put (14.5 in pixel-edge coordinates)."""
MAX_PIXELS = 25_000_000
MAX_ARRAY_BYTES = 1 << 30
KINDS = ("PNG", "JPEG")
"""Not all that Pillow reads: it hands some formats to other programs, which run what is in the file (PostScript)."""
BROKEN = (OSError, ValueError, EOFError, SyntaxError, AssertionError, TokenError, Image.DecompressionBombError)
"""What Pillow and numpy raise for files that are no pictures or arrays."""

Grey = NDArray[np.uint8]


def read_images(path: Path) -> Grey:
    """The images in a file, as the model takes them: (N, 28, 28) uint8, 0 paper to 255 ink.

    A .npy file holds (28, 28) or (N, 28, 28) uint8 and is taken as it is; so is a picture of 28x28 grey values. Any
    other PNG or JPEG picture goes through `normalise`.

    Raises:
        UnreadableImage: no such file, no image, too large, or an array of another shape or dtype.
    """
    try:
        return _read_array(path) if path.suffix == ".npy" else _read_picture(path)[np.newaxis]
    except BROKEN as error:
        raise _unreadable(path, str(error), "a PNG or JPEG picture, or a .npy array") from None


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


def _read_array(path: Path) -> Grey:
    if path.stat().st_size > MAX_ARRAY_BYTES:
        raise ValueError(f"more than {MAX_ARRAY_BYTES:,} bytes")
    array: Grey = np.load(path, allow_pickle=False)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"an array {array.dtype} {array.shape} where uint8 (28, 28) or (N, 28, 28) belongs")
    return array.reshape(-1, SIDE, SIDE)


def _read_picture(path: Path) -> Grey:
    with Image.open(path, formats=KINDS) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"a picture of {picture.width} x {picture.height} pixels, the limit is {MAX_PIXELS:,}")
        if picture.has_transparency_data:
            opacity = np.asarray(picture.convert("RGBA").getchannel("A"))
            if opacity.min() < opacity.max():  # a drawing on a transparent sheet: what is opaque is ink
                return normalise(opacity)
        grey = np.asarray(picture.convert("L"))
    if grey.shape == (SIDE, SIDE):
        return grey
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return normalise(255 - grey if np.median(rim) > INK_ABOVE else grey)  # the rim is paper: dark ink on light


def _unreadable(path: Path, found: str, promised: str) -> UnreadableImage:
    return UnreadableImage(f"image {path}", found=found, promised=promised, remedy="Pass a picture of one digit.")
