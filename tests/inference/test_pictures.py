"""Pictures as bytes, as the service is sent them. What kinds of pictures are read is tested in test_image_files."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.errors import UnreadableImage
from app.inference.pictures import read_grey, read_picture
from app.inference.stills import SCAN
from tests.inference.test_image_files import seven

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


CHALK = np.asarray(seven(paper=0, ink=255))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "1"])
@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0)])
def test_ink_comes_out_high_whatever_the_paper(mode: str, paper: int, ink: int):
    picture = file_of(seven(paper=paper, ink=ink, mode=mode))
    assert np.array_equal(read_picture(picture, max_pixels=ENOUGH), CHALK)


def test_a_jpeg_is_read():
    ink = read_picture(file_of(seven(mode="RGB"), "JPEG"), max_pixels=ENOUGH)
    assert np.abs(ink.astype(int) - CHALK).mean() < 2


def test_a_dark_digit_on_a_light_sheet_of_28x28_is_turned_over_too():
    sheet = np.full((28, 28), 250, np.uint8)
    sheet[5:23, 13:15] = 10
    assert np.array_equal(read_picture(file_of(Image.fromarray(sheet)), max_pixels=784), 255 - sheet)


@pytest.mark.parametrize("paper", [128, 129])
def test_paper_is_light_above_128(paper: int):
    sheet = np.full((40, 50), paper, np.uint8)
    assert read_grey(sheet.tobytes(), 50, 40)[20, 20] == (128 if paper == 128 else 126)


def test_ink_that_touches_a_part_of_the_rim_does_not_make_it_paper():
    sheet = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(sheet).rectangle((0, 40, 99, 60), fill=0)
    assert read_picture(file_of(sheet), max_pixels=ENOUGH)[50, 50] == 255


@pytest.mark.parametrize("paper", [0, 255])
def test_grey_values_are_read_row_by_row_in_either_polarity(paper: int):
    values = np.asarray(seven(width=200, height=300, paper=paper, ink=255 - paper))
    assert np.array_equal(read_grey(values.tobytes(), 200, 300), CHALK)


@pytest.mark.parametrize(
    ("size", "width", "height"),
    [(783, 28, 28), (785, 28, 28), (0, 0, 0), (0, 0, 28), (784, -28, -28), (0, 28, 28), (6, 10**30, 3)],
)
def test_grey_values_of_another_number_than_the_sides_promise_are_refused(size: int, width: int, height: int):
    with pytest.raises(UnreadableImage, match=f"found {size} bytes, promised one for each of {width} x {height}"):
        read_grey(bytes(size), width, height)


def test_a_picture_of_just_so_many_pixels_is_read_and_one_more_row_is_refused():
    assert read_picture(file_of(Image.new("L", (100, 100))), max_pixels=10_000).shape == (100, 100)
    with pytest.raises(UnreadableImage, match="100 x 101 pixels, the limit is 10,000"):
        read_picture(file_of(Image.new("L", (100, 101))), max_pixels=10_000)


@pytest.mark.parametrize("side", [5_000, 12_000, 60_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_by_its_header(side: int):
    with pytest.raises(UnreadableImage, match="pixels"):
        read_picture(png_that_claims(side, side), max_pixels=ENOUGH)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_text_or_profile_that_would_inflate_beyond_measure_is_passed_over(kind: bytes):
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(100_000_000)))
    picture = file_of(seven())
    assert np.array_equal(read_picture(picture[:33] + bomb + picture[33:], max_pixels=ENOUGH), CHALK)


def progressive(extra_scans: int) -> bytes:
    """A JPEG whose last scan stands there so many times more."""
    data = file_of(seven(mode="RGB"), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * extra_scans + data[-2:]


def test_a_progressive_jpeg_is_read_whatever_follows_it():
    """Phones put a film behind their picture."""
    film = b"\xff\xda\x12\x34" * 1000
    ink = read_picture(progressive(0) + film, max_pixels=ENOUGH)
    assert np.array_equal(ink, read_picture(file_of(seven(mode="RGB"), "JPEG"), max_pixels=ENOUGH))


def test_a_jpeg_of_a_thousand_scans_is_refused_before_they_are_decoded():
    with pytest.raises(UnreadableImage, match="a picture of more than 64 scans"):
        read_picture(progressive(1000), max_pixels=ENOUGH)


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
    assert np.array_equal(read_picture(odd, max_pixels=ENOUGH), CHALK)


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
    with pytest.raises(UnreadableImage, match=r"picture: found .+, promised a PNG, JPEG, WebP or GIF picture"):
        read_picture(data, max_pixels=ENOUGH)


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
            ink = read_picture(
                bytes(data[: chance.choice((len(data), chance.randrange(len(data))))]), max_pixels=ENOUGH
            )
        except UnreadableImage:
            continue
        assert ink.dtype == np.uint8
        assert ink.ndim == 2
        assert ink.size
