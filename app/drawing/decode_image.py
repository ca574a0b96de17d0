"""Pictures as bytes: PNG, JPEG, WebP, GIF or raw grey values. The only way from a file to pixels.

There are two steps, which the service takes on different threads: `open_picture` reads and checks the header, `decode`
the pixels. A file gives the same pixels everywhere. Colour profiles (ICC) are not applied: they shift colours by less
than a lamp does, and paper and ink alike.
"""

from __future__ import annotations

import io
import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from app.drawing.normalise import Grey
from app.drawing.refusals import UnreadableImage
from app.drawing.still_image import EXPECTED, SEND_AGAIN, Still, cut_out, refuse
from app.errors import only_refusals
from app.model.contract import INK_ABOVE

Values = NDArray[np.uint8]

SMALLER = "Send it smaller: 1,000 pixels of a side are plenty for a digit."
PICTURE_BYTES = 32 << 20
"""Most bytes of a file."""
MAX_SIDE = 10_000
"""Longest side of a picture, in pixels; a photograph of 50 million pixels has sides of 8,700 and 5,800. Each row costs
extra time: 1 x 16,000,000 takes seconds, 4,000 x 4,000 a tenth of one."""
MAX_PIXELS = 50_500_000
MAX_DECODING_BYTES = 420_000_000
"""Most memory that decoding may take in addition to the file. Within MAX_PIXELS only a WebP can need more, from 24.7
million pixels on."""
LARGE_PIXELS, LARGE_BYTES = 16_000_000, 64_000_000
MAX_SCANS = 64
"""Most scans of a JPEG of at most SCANNED pixels; a larger one may have fewer. A progressive JPEG has about ten; a scan
costs the time of all its pixels, but may be as short as 10 bytes."""
SCANNED = 16_000_000
MAX_DECODED = 1250
"""Longest side of a decoded picture: an eighth of the longest accepted side, as a JPEG can be decoded to that
directly."""
COARSER: Final = 1.25
"""Factor by which a JPEG may be too small if its own scaling by 2, 4 or 8 saves most of the decoding."""
STRIP_ROWS = 64
"""Rows of the result that are converted at a time, so that the whole picture exists only once."""
BYTES_PER_PIXEL = {"PNG": 4, "GIF": 1, "WEBP": 17}
"""Memory taken by Pillow and its decoders, measured; for a WebP it holds the canvas four times."""
BYTES_PER_PIXEL_OF_JPEG, BYTES_PER_PIXEL_IN_SCANS = 4, 8
"""The first for full decoding; the second for the coefficients of a JPEG with several scans."""
ONE_COLOUR = 48
"""Most grey levels between the lightest and the darkest ink of a drawing on a transparent sheet."""
TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transpositions by the orientation in EXIF; from 5 on the sides are swapped."""


class Picture(NamedTuple):
    """A file's picture, upright.

    Attributes:
        values: uint8, (H, W) grey or (H, W, 3) red, green and blue; grey wherever the three are the same throughout.
            Neither side exceeds MAX_DECODED: in larger pictures, each value is the mean of a square of the file's
                pixels.
        size: the file's own width and height, upright.
        is_opacity: `values` are the opacity of a drawing on a transparent sheet: 0 nothing, 255 ink.
    """

    values: Values
    size: tuple[int, int]
    is_opacity: bool = False


def read_grey(data: bytes, width: int, height: int) -> Picture:
    """The picture of `width` x `height` grey values, one byte each, row by row.

    Raises:
        UnreadableImage: another number of bytes.
    """
    if width < 1 or height < 1 or len(data) != width * height:
        raise UnreadableImage(
            "grey values",
            found=f"{len(data):,} bytes",
            expected=f"one for each of {width} x {height} pixels",
            remedy="Send a byte for each pixel, row by row, and the picture's own width and height.",
        )
    return Picture(np.frombuffer(data, np.uint8).reshape(height, width), (width, height))


def open_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Still:
    """The picture in a file, its header read and checked against all limits; nothing is decoded.

    Raises:
        UnreadableImage: another kind of file, a broken one, or one beyond a limit.
    """
    still = cut_out(data)
    width, height = still.size
    pixels = width * height
    if not pixels:
        refuse("a picture without pixels")
    if max(still.size) > MAX_SIDE:
        refuse(f"a picture of {width} x {height} pixels, the limit of a side is {MAX_SIDE:,}", SMALLER)
    if pixels > max_pixels:
        refuse(f"a picture of {width} x {height} pixels, the limit is {max_pixels:,} in all", SMALLER)
    most_scans = max(1, MAX_SCANS * SCANNED // max(pixels, SCANNED))
    if still.scans > most_scans:
        refuse(f"a picture of more than {most_scans} scans", "Save it again, as a baseline JPEG or a PNG.")
    if decoding_bytes(still) > MAX_DECODING_BYTES:
        most = MAX_DECODING_BYTES // BYTES_PER_PIXEL["WEBP"]
        refuse(f"a WebP picture of {width} x {height} pixels, the limit of these is {most:,}", f"{SMALLER} Or as JPEG.")
    return still


def is_large(still: Still) -> bool:
    """True if decoding takes so much time or memory that only one such file should be decoded at a time."""
    return math.prod(still.size) > LARGE_PIXELS or decoding_bytes(still) > LARGE_BYTES


def decoding_bytes(still: Still) -> int:
    """The approximate memory that decoding takes."""
    pixels = math.prod(still.size)
    if still.kind != "JPEG":
        return pixels * BYTES_PER_PIXEL[still.kind]
    scale, _ = _scales(still)
    of_scans = pixels * BYTES_PER_PIXEL_IN_SCANS if still.scans > 1 else 0
    return of_scans + pixels * BYTES_PER_PIXEL_OF_JPEG // scale**2


def decode(still: Still) -> Picture:
    """The pixels of an opened picture.

    Partly transparent pixels of an opaque page are blended with the page's colour.

    Raises:
        UnreadableImage: its pixels are broken or cut off.
    """

    file = io.BytesIO(b"".join(still.parts))
    with only_refusals(_broken), _opened(file, still) as image:
        scale, box = _scales(still)
        if scale > 1:
            image.draft(None, (still.size[0] // scale, still.size[1] // scale))
        image.load()
        small = _reduced(image, box)
    turn = TO_UPRIGHT.get(still.orientation)
    upright = small if turn is None else small.transpose(turn)
    size = still.size if still.orientation < 5 else still.size[::-1]
    if upright.mode not in ("LA", "RGBA"):
        return Picture(_one_if_same(np.asarray(upright)), size)
    opacity = upright.getchannel("A")
    visible = np.asarray(opacity)
    is_of_one_colour = _is_of_one_colour(upright, visible)
    if _paper(visible) <= INK_ABOVE and is_of_one_colour:
        return Picture(visible, size, is_opacity=True)
    if is_of_one_colour and visible.min() <= INK_ABOVE < _rim(visible).min():
        return Picture(255 - visible, size, is_opacity=True)  # an opaque sheet with the digit cut out of it
    return Picture(_one_if_same(_on_its_page(upright, opacity)), size)


def _is_of_one_colour(sheet: Image.Image, visible: Grey) -> bool:
    """True if the visible part of a sheet is ink of any one colour, not a picture with a transparent margin."""
    grey = np.asarray(sheet.convert(sheet.mode.removesuffix("A")).convert("L"))[visible > INK_ABOVE]
    if not grey.size:
        return True
    low, high = np.quantile(grey, (0.02, 0.98))
    return bool(high - low <= ONE_COLOUR)


def _opened(file: io.BytesIO, still: Still) -> Image.Image:
    try:
        image = Image.open(file, formats=[still.kind])
    except UnidentifiedImageError:
        refuse("a broken picture", SEND_AGAIN)
    if image.size != still.size:
        refuse(f"a picture of {image.size} pixels where its header says {still.size}")
    return image


def _broken(said: str) -> UnreadableImage:
    return UnreadableImage("picture", found=f"a broken picture ({said})", expected=EXPECTED, remedy=SEND_AGAIN)


def _scales(still: Still) -> tuple[int, int]:
    """The factors of shrinking by a JPEG's own scaling, and by the mean of squares."""
    needed = math.ceil(max(still.size) / MAX_DECODED)
    own = (8, 4, 2) if still.kind == "JPEG" and min(still.size) >= 8 else ()
    scale = next((scale for scale in own if scale * math.ceil(needed / scale) <= needed * COARSER), 1)
    return scale, math.ceil(needed / scale)


def _reduced(image: Image.Image, box: int) -> Image.Image:
    """The image in mode L, LA, RGB or RGBA, each pixel the mean of `box` x `box` pixels, fewer at the far edges."""
    if box == 1:
        return _plain(image)
    rows = box * STRIP_ROWS
    strips = [
        np.asarray(_plain(image.crop((0, top, image.width, min(top + rows, image.height)))).reduce(box))
        for top in range(0, image.height, rows)
    ]
    return Image.fromarray(np.concatenate(strips))


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        grey = Image.fromarray((values >> 8).astype(np.uint8))  # Pillow's own conversion clips
        if "transparency" not in image.info:
            return grey
        visible = (values != image.info["transparency"]).astype(np.uint8) * 255
        return Image.merge("LA", [grey, Image.fromarray(visible)])
    is_grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        return image.convert("LA" if is_grey else "RGBA")
    return image.convert("L" if is_grey else "RGB")


def _on_its_page(sheet: Image.Image, opacity: Image.Image) -> Values:
    """A page that is transparent in places, laid on paper of its own colour: the most common visible one."""
    shown = sheet.convert(sheet.mode.removesuffix("A"))
    colour = np.median(np.asarray(shown)[np.asarray(opacity) > INK_ABOVE], axis=0).astype(int).tolist()
    paper = Image.new(shown.mode, shown.size, colour if isinstance(colour, int) else tuple(colour))
    return np.asarray(Image.composite(shown, paper, opacity))


def _one_if_same(values: Values) -> Values:
    """(H, W) if red, green and blue of (H, W, 3) are the same throughout; else the values unchanged."""
    if values.ndim == 2 or any((values[..., 0] != values[..., channel]).any() for channel in (1, 2)):
        return values
    return np.ascontiguousarray(values[..., 0])


def _paper(values: Grey) -> float:
    """The value of the paper, judged by the rim."""
    return float(np.median(_rim(values)))


def _rim(values: Grey) -> Grey:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
