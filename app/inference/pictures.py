"""Pictures as bytes, PNG or JPEG or bare grey values: what is drawn on them, whatever the colours."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from app.errors import UnreadableImage
from app.inference.contract import INK_ABOVE
from app.inference.drawing import Grey

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
BROKEN_PICTURE = (
    *(OSError, ValueError, EOFError, SyntaxError, AssertionError, LookupError, TypeError, struct.error, zlib.error),
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are no pictures."""
MAX_SIDE = 10_000
"""Of a picture, in pixels; a photograph of 50 million has sides of 8,700 and 5,800. Each row costs time of its own: 1 x
16,000,000 takes seconds, 4,000 x 4,000 a tenth of one."""
MAX_SCANS = 64
"""Of a JPEG. A progressive one has about ten; each costs the time of all its pixels, and may be of 10 bytes."""
SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")
"""Begins one: the marker, the length, the number of components. No decoder takes another length, and what else has
these five bytes (a preview, a film after the picture) has them seldom."""


def read_picture(data: bytes, *, max_pixels: int) -> Grey:
    """What is drawn on a PNG or JPEG picture: (H, W) uint8, 0 paper to 255 ink.

    Its paper may be light, dark or transparent. It is turned as its EXIF says.

    Raises:
        UnreadableImage: as `read_values`.
    """
    return as_ink(read_values(data, max_pixels=max_pixels))


def read_grey(data: bytes, width: int, height: int) -> Grey:
    """What is drawn on `width` x `height` grey values, a byte each, row by row: (H, W) uint8, 0 paper to 255 ink.

    Its paper may be light or dark.

    Raises:
        UnreadableImage: another number of bytes.
    """
    if width < 1 or height < 1 or len(data) != width * height:
        raise UnreadableImage(
            "grey values",
            found=f"{len(data):,} bytes",
            promised=f"one for each of {width} x {height} pixels",
            remedy="Send a byte for each pixel, row by row, and the picture's own width and height.",
        )
    return as_ink(np.frombuffer(data, np.uint8).reshape(height, width))


def as_ink(values: Grey) -> Grey:
    """(H, W) uint8 of dark ink on light paper, or of light on dark -> 0 paper to 255 ink."""
    return 255 - values if _paper(values) > INK_ABOVE else values


def read_values(data: bytes, *, max_pixels: int) -> Grey:
    """The values of a PNG or JPEG picture as they are: (H, W) uint8, the opacity of a drawing on a transparent sheet,
    or else grey.

    Args:
        data: the file.
        max_pixels: of width x height; larger ones, and such with a side above MAX_SIDE, are refused by their header,
            before a pixel is decoded.

    Raises:
        UnreadableImage: another kind of file, a broken or too large one, or an animated one.
    """
    try:
        return _values(_open_upright(data, max_pixels))
    except UnidentifiedImageError:
        found = "another kind of file"
    except BROKEN_PICTURE as error:
        found = str(error)
    raise UnreadableImage(
        "picture", found=found, promised="a PNG or JPEG picture", remedy="Pass a picture of one digit."
    )


def _open_upright(data: bytes, max_pixels: int) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # max_pixels is the limit here
        picture = Image.open(io.BytesIO(data), formats=KINDS)
    if max(picture.size) > MAX_SIDE:
        raise ValueError(f"a picture of {picture.width} x {picture.height} pixels, the limit of a side is {MAX_SIDE:,}")
    if picture.width * picture.height > max_pixels:
        raise ValueError(f"a picture of {picture.width} x {picture.height} pixels, the limit is {max_pixels:,}")
    if picture.format != "PNG" and len(SCAN.findall(data)) > MAX_SCANS:
        raise ValueError(f"a picture of more than {MAX_SCANS} scans")
    if picture.format == "PNG" and getattr(picture, "n_frames", 1) > 1:  # a JPEG's further frames are previews
        raise ValueError("an animated picture of several frames")
    turn = TO_UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def _values(picture: Image.Image) -> Grey:
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return high_bytes(np.asarray(picture))
    if not picture.has_transparency_data:
        return np.asarray(picture.convert("L"))
    sheet = picture.convert("RGBA")
    opacity = sheet.getchannel("A")
    if _paper(np.asarray(opacity)) <= INK_ABOVE:
        return np.asarray(opacity)  # a drawing on a transparent sheet, in whatever colour
    opaque = sheet.convert("L")
    paper = Image.new("L", sheet.size, int(_paper(np.asarray(opaque))))
    return np.asarray(Image.composite(opaque, paper, opacity))


def _paper(values: Grey) -> float:
    """The value of the paper, for which the rim is taken."""
    return float(np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])))


def high_bytes(grey: NDArray[Any]) -> Grey:
    """Grey values of 16 bits as 8 bits; Pillow's own conversion clips some of them."""
    if not (grey.min() >= 0 and grey.max() <= 0xFFFF):  # so put, NaN is refused as well
        raise ValueError(f"grey values from {grey.min()} to {grey.max()}, the limits are 0 and {0xFFFF}")
    return (grey.astype(np.uint16) >> 8).astype(np.uint8)
