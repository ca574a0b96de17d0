"""Pictures as bytes, as the service is sent them: what is decoded, refused, and seen of them.

Kinds of pictures are tested in test_image_files.
"""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.drawing.decode_image import decode, open_picture, read_grey
from app.drawing.recipe import see
from app.drawing.refusals import UnreadableImage
from app.drawing.still_image import SCAN
from tests.cli.test_image_files import seven

Grey = NDArray[np.uint8]
ENOUGH = 1_000_000


def file_of(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_that_claims(width: int, height: int, content: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def shown(data: bytes) -> Grey:
    """What the model is shown of a picture."""
    seen = see(decode(open_picture(data, max_pixels=ENOUGH)))
    assert seen.unread is None
    return seen.pixels


SHEET = np.asarray(seven())
SEVEN = shown(file_of(seven(paper=0, ink=255)))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "1"])
@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0)])
def test_ink_comes_out_high_whatever_the_paper(mode: str, paper: int, ink: int):
    assert np.array_equal(shown(file_of(seven(paper=paper, ink=ink, mode=mode))), SEVEN)


def test_a_jpeg_is_read():
    ink = shown(file_of(seven(mode="RGB"), "JPEG"))
    assert np.abs(ink.astype(int) - SEVEN).mean() < 2


def test_a_dark_digit_on_a_light_sheet_of_28x28_is_turned_over_too():
    sheet = np.full((28, 28), 250, np.uint8)
    sheet[5:23, 13:15] = 10
    ink = shown(file_of(Image.fromarray(sheet)))
    assert np.array_equal(ink > 128, sheet < 128)
    assert ink[0, 0] == 0


@pytest.mark.parametrize("paper", [100, 128, 129, 156])
@pytest.mark.parametrize("ink", [0, 255])
def test_grey_paper_is_paper_on_either_side_of_128(paper: int, ink: int):
    assert np.abs(shown(file_of(seven(paper=paper, ink=ink))).astype(int) - SEVEN).mean() < 4


def test_ink_that_touches_a_part_of_the_rim_does_not_make_it_paper():
    sheet = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(sheet).rectangle((0, 45, 99, 54), fill=0)
    assert shown(file_of(sheet))[14, 14] > 240


@pytest.mark.parametrize("paper", [0, 255])
def test_grey_values_are_read_row_by_row_in_either_polarity(paper: int):
    values = np.asarray(seven(width=200, height=300, paper=paper, ink=255 - paper))
    assert np.array_equal(read_grey(values.tobytes(), 200, 300).values, values)
    assert np.array_equal(see(read_grey(values.tobytes(), 200, 300)).pixels, SEVEN)


@pytest.mark.parametrize(
    ("size", "width", "height"),
    [(783, 28, 28), (785, 28, 28), (0, 0, 0), (0, 0, 28), (784, -28, -28), (0, 28, 28), (6, 10**30, 3)],
)
def test_grey_values_of_another_number_than_the_sides_promise_are_refused(size: int, width: int, height: int):
    with pytest.raises(UnreadableImage, match=f": {size} bytes; expected one for each of {width} x {height}"):
        read_grey(bytes(size), width, height)


def test_a_picture_of_just_so_many_pixels_is_read_and_one_more_row_is_refused():
    assert decode(open_picture(file_of(Image.new("L", (100, 100))), max_pixels=10_000)).size == (100, 100)
    with pytest.raises(UnreadableImage, match="100 x 101 pixels, the limit is 10,000"):
        open_picture(file_of(Image.new("L", (100, 101))), max_pixels=10_000)


@pytest.mark.parametrize("side", [5_000, 12_000, 60_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_by_its_header(side: int):
    with pytest.raises(UnreadableImage, match="pixels"):
        open_picture(png_that_claims(side, side), max_pixels=ENOUGH)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_text_or_profile_that_would_inflate_beyond_measure_is_passed_over(kind: bytes):
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(100_000_000)))
    picture = file_of(seven())
    assert np.array_equal(decode(open_picture(picture[:33] + bomb + picture[33:])).values, SHEET)


def progressive(extra_scans: int) -> bytes:
    """A JPEG whose last scan stands there so many times more."""
    data = file_of(seven(mode="RGB"), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * extra_scans + data[-2:]


def test_a_progressive_jpeg_is_read_whatever_follows_it():
    """Phones put a film behind their picture."""
    film = b"\xff\xda\x12\x34" * 1000
    values = decode(open_picture(progressive(0) + film)).values
    assert np.array_equal(values, decode(open_picture(file_of(seven(mode="RGB"), "JPEG"))).values)


def test_a_jpeg_of_a_thousand_scans_is_refused_before_they_are_decoded():
    with pytest.raises(UnreadableImage, match="a picture of more than 64 scans"):
        open_picture(progressive(1000), max_pixels=ENOUGH)


def test_each_scan_is_counted_whatever_its_components():
    """Ten make a whole picture here; the limit is what one more copy of them goes over."""
    data = progressive(0)
    assert len(SCAN.findall(data)) == data.count(b"\xff\xda") == 10


@pytest.mark.parametrize(
    ("kind", "content"),
    [(b"iCCP", b""), (b"eXIf", b"MM\0+\0\0"), (b"eXIf", b"II+\0" + bytes(8)), (b"eXIf", b"II*\0\xff\xff\xff\xff")],
)
def test_a_chunk_that_pillow_would_stumble_over_is_passed_over(kind: bytes, content: bytes):
    """It reads beyond their ends."""
    picture = file_of(seven())
    odd = picture[:-12] + chunk(kind, content) + picture[-12:]
    assert np.array_equal(decode(open_picture(odd)).values, SHEET)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"GIF89a",
        b"%!PS-Adobe-3.0\n",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"<svg/>",
        png_that_claims(9, 9),
    ],
    ids=ascii,
)
def test_what_is_no_picture_is_refused_with_a_sentence(data: bytes):
    with pytest.raises(UnreadableImage, match=r"picture: .+; expected a PNG, JPEG, WebP or GIF picture"):
        decode(open_picture(data))


@pytest.mark.filterwarnings("ignore")
def test_of_spoilt_pictures_only_ink_or_a_refusal_comes_out():
    """A service logs these warnings (of Pillow: a picture that is cut off, …) and goes on."""
    chance = random.Random(2)
    originals = [file_of(seven()), file_of(seven(mode="RGBA")), file_of(seven(mode="RGB"), "JPEG")]
    for _ in range(1000):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(min(len(data), 300))] = chance.randrange(256)
        try:
            cut = bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
            seen = see(decode(open_picture(cut, max_pixels=ENOUGH)))
        except UnreadableImage:
            continue
        assert seen.pixels.dtype == np.uint8
        assert seen.pixels.shape == (28, 28)
        assert seen.pixels.any() == (seen.unread is None)
