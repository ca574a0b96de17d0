"""Pictures as bytes: PNG, JPEG, WebP, GIF or bare grey values. The one way from a file to the pixels that are read.

In two steps, which the service takes on different threads: `open_picture` reads and checks the header, `decode` the
pixels. The same file gives the same pixels wherever it is read. Profiles of colours (ICC) are not applied: they move
colours by less than a lamp does, and paper and ink alike.
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
"""Of a file."""
MAX_SIDE = 10_000
"""Of a picture, in pixels; a photograph of 50 million has sides of 8,700 and 5,800. Each row costs time of its own: 1 x
16,000,000 takes seconds, 4,000 x 4,000 a tenth of one."""
MAX_PIXELS = 50_500_000
MAX_DECODING_BYTES = 420_000_000
"""That decoding may take beside the file. Of what is within MAX_PIXELS only a WebP can take more: from 24.7 million
pixels on."""
LARGE_PIXELS, LARGE_BYTES = 16_000_000, 64_000_000
MAX_SCANS = 64
"""Of a JPEG, each over at most SCANNED pixels; over more of them fewer. A progressive one has about ten; each costs the
time of all its pixels, and may be of 10 bytes."""
SCANNED = 16_000_000
MAX_DECODED = 1250
"""The longer side of what is handed on: an eighth of the longest that is taken, to which a JPEG is decoded at once."""
COARSER: Final = 1.25
"""A JPEG may come out this much smaller than needed where its own scaling by 2, 4 or 8 spares most of the decoding."""
STRIP_ROWS = 64
"""Rows of what is handed on that are brought into another form at once: the whole picture exists only once."""
BYTES_PER_PIXEL = {"PNG": 4, "GIF": 1, "WEBP": 17}
"""Taken by Pillow and its decoders, measured; of a WebP it holds the canvas four times."""
BYTES_PER_PIXEL_OF_JPEG, BYTES_PER_PIXEL_IN_SCANS = 4, 8
"""The first where it is decoded in full; the second for the coefficients of one that comes in several scans."""
ONE_COLOUR = 48
"""Grey levels between the lightest and the darkest of a drawing's ink on a transparent sheet."""
TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation in EXIF; from 5 on the sides change places."""


class Picture(NamedTuple):
    """A file's picture, upright.

    Attributes:
        values: uint8, (H, W) grey or (H, W, 3) red, green and blue; grey wherever the three are the same throughout.
            Neither side is above MAX_DECODED: of larger pictures, each is the mean of a square of the file's pixels.
        size: the file's own width and height, upright.
        is_opacity: `values` are the opacity of a drawing on a transparent sheet: 0 nothing, 255 ink.
    """

    values: Values
    size: tuple[int, int]
    is_opacity: bool = False


def read_grey(data: bytes, width: int, height: int) -> Picture:
    """The picture of `width` x `height` grey values, a byte each, row by row.

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
    """The picture in a file, its header read and held against all limits; nothing is decoded.

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
    """True if decoding takes so much time or memory that no other such file should be decoded meanwhile."""
    return math.prod(still.size) > LARGE_PIXELS or decoding_bytes(still) > LARGE_BYTES


def decoding_bytes(still: Still) -> int:
    """The memory decoding takes, roughly."""
    pixels = math.prod(still.size)
    if still.kind != "JPEG":
        return pixels * BYTES_PER_PIXEL[still.kind]
    scale, _ = _scales(still)
    of_scans = pixels * BYTES_PER_PIXEL_IN_SCANS if still.scans > 1 else 0
    return of_scans + pixels * BYTES_PER_PIXEL_OF_JPEG // scale**2


def decode(still: Still) -> Picture:
    """The pixels of an opened picture.

    Partly transparent pixels of an opaque page are laid on the page's colour.

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
        return Picture(255 - visible, size, is_opacity=True)  # a sheet with the digit cut out of it
    return Picture(_one_if_same(_on_its_page(upright, opacity)), size)


def _is_of_one_colour(sheet: Image.Image, visible: Grey) -> bool:
    """True if what is visible of a sheet is ink, in whatever colour, and not a picture with a transparent margin."""
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
    """The factors by which a JPEG's own scaling shrinks it, and by which the mean of squares does."""
    needed = math.ceil(max(still.size) / MAX_DECODED)
    own = (8, 4, 2) if still.kind == "JPEG" and min(still.size) >= 8 else ()
    scale = next((scale for scale in own if scale * math.ceil(needed / scale) <= needed * COARSER), 1)
    return scale, math.ceil(needed / scale)


def _reduced(image: Image.Image, box: int) -> Image.Image:
    """In mode L, LA, RGB or RGBA, each pixel the mean of `box` x `box` of them, at the far edges of what is there."""
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
    """A page that is transparent in places, laid on paper of its own colour: that of most of what is visible."""
    shown = sheet.convert(sheet.mode.removesuffix("A"))
    colour = np.median(np.asarray(shown)[np.asarray(opacity) > INK_ABOVE], axis=0).astype(int).tolist()
    paper = Image.new(shown.mode, shown.size, colour if isinstance(colour, int) else tuple(colour))
    return np.asarray(Image.composite(shown, paper, opacity))


def _one_if_same(values: Values) -> Values:
    """(H, W) of (H, W, 3) whose red, green and blue are the same throughout."""
    if values.ndim == 2 or any((values[..., 0] != values[..., channel]).any() for channel in (1, 2)):
        return values
    return np.ascontiguousarray(values[..., 0])


def _paper(values: Grey) -> float:
    """The value of the paper, judged by the rim."""
    return float(np.median(_rim(values)))


def _rim(values: Grey) -> Grey:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
