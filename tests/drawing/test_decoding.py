"""From a file to pixels: every kind and mode, upright, in colour, made smaller by whole numbers, the same each time."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from app.drawing.decode_image import (
    LARGE_PIXELS,
    MAX_DECODED,
    MAX_PIXELS,
    Picture,
    decode,
    is_large,
    open_picture,
)
from app.drawing.refusals import UnreadableImage
from app.drawing.still_image import cut_out
from tests.cli.test_image_files import TURNED
from tests.drawing.test_decode_image import chunk, file_of
from tests.installation import ROOT

Values = NDArray[np.uint8]
RNG = np.random.default_rng(11)
COLOURS = Image.fromarray(RNG.integers(0, 256, (61, 47, 3), dtype=np.uint8))
GREY = COLOURS.convert("L")


def read(data: bytes) -> Picture:
    return decode(open_picture(data))


def by_pillow(data: bytes, mode: str = "RGB") -> Values:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert(mode))


def palette(colours: int = 16) -> Image.Image:
    return COLOURS.convert("P", palette=Image.Palette.ADAPTIVE, colors=colours)


@pytest.mark.parametrize(
    ("picture", "kind", "options"),
    [
        (COLOURS, "PNG", {}),
        (COLOURS, "JPEG", {}),
        (COLOURS, "JPEG", {"progressive": True, "subsampling": 0}),
        (COLOURS, "WEBP", {}),
        (COLOURS, "WEBP", {"lossless": True}),
        (COLOURS.convert("CMYK"), "JPEG", {}),
        (COLOURS.convert("CMYK"), "JPEG", {"progressive": True}),
        (COLOURS.convert("YCbCr"), "JPEG", {}),
        (palette(), "PNG", {}),
        (palette(), "PNG", {"bits": 4}),
        (palette(), "GIF", {}),
        (palette(), "GIF", {"interlace": 1}),
    ],
)
def test_every_kind_in_colour_is_read_as_pillow_reads_it(picture: Image.Image, kind: str, options: dict[str, object]):
    data = file_of(picture, kind, **options)
    assert np.array_equal(read(data).values, by_pillow(data))


@pytest.mark.parametrize(
    ("picture", "kind"),
    [(GREY, "PNG"), (GREY, "JPEG"), (GREY, "GIF"), (GREY.convert("1"), "PNG"), (GREY.convert("RGB"), "PNG")],
)
def test_what_is_grey_throughout_comes_as_grey(picture: Image.Image, kind: str):
    data = file_of(picture, kind)
    assert np.array_equal(read(data).values, by_pillow(data, "L"))


def test_colours_of_a_cmyk_picture_are_not_inverted():
    red = read(file_of(Image.new("RGB", (20, 20), (220, 10, 20)).convert("CMYK"), "JPEG")).values
    assert np.abs(red.mean(axis=(0, 1)) - (220, 10, 20)).max() < 8


def test_of_16_bits_the_high_byte_is_read_of_grey_and_colour():
    deep = RNG.integers(0, 65536, (61, 47), dtype=np.uint16)
    assert np.array_equal(read(file_of(Image.fromarray(deep), "PNG")).values, deep >> 8)
    rows = RNG.integers(0, 65536, (5, 4, 3), dtype=np.uint16)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    assert np.array_equal(read(png(4, 5, 16, 2, lines)).values, rows >> 8)


def png(width: int, height: int, depth: int, colour: int, lines: bytes, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join([head, *chunks, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")])


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_value_of_a_png_is_transparent_in_every_depth(depth: int):
    """A sheet of white, which is transparent, with a black pixel."""
    white, side = 2**depth - 1, 8
    values = np.full((side, side), white)
    values[3, 4] = 0
    bits = [format(value, f"0{depth}b") for value in values.ravel()]
    packed = int("".join(bits), 2).to_bytes(side * side * depth // 8, "big")
    length = side * depth // 8
    lines = b"".join(b"\0" + packed[at : at + length] for at in range(0, len(packed), length))
    picture = read(png(side, side, depth, 0, lines, chunk(b"tRNS", white.to_bytes(2, "big"))))
    assert picture.is_opacity
    assert np.argwhere(picture.values).tolist() == [[3, 4]]


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("GIF", {})])
def test_a_drawing_on_a_transparent_sheet_is_its_opacity(kind: str, options: dict[str, object]):
    sheet = Image.new("RGB", (47, 61), (200, 30, 30))
    opacity = np.zeros((61, 47), np.uint8)
    opacity[20:40, 20:30] = 255
    sheet.putalpha(Image.fromarray(opacity))
    picture = read(file_of(sheet, kind, **options))
    assert picture.is_opacity
    assert np.array_equal(picture.values, opacity)


def test_a_digit_that_is_cut_out_of_an_opaque_sheet_is_what_is_not_there():
    sheet = Image.new("RGB", (47, 61), (200, 30, 30))
    opacity = np.full((61, 47), 255, np.uint8)
    opacity[20:40, 20:30] = 0
    sheet.putalpha(Image.fromarray(opacity))
    picture = read(file_of(sheet, "PNG"))
    assert picture.is_opacity
    assert np.array_equal(picture.values, 255 - opacity)


def test_a_sheet_with_a_transparent_margin_is_a_sheet_and_no_drawing():
    sheet = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    sheet.paste((255, 255, 255, 255), (5, 5, 55, 55))
    sheet.paste((0, 0, 0, 255), (28, 15, 32, 45))
    picture = read(file_of(sheet, "PNG"))
    assert not picture.is_opacity
    assert picture.values[0, 0] == picture.values[10, 10] == 255
    assert picture.values[30, 30] == 0


@pytest.mark.parametrize("factor", [1, 40])
def test_what_is_transparent_on_a_page_has_the_page_s_colour(factor: int):
    page = Image.new("RGB", (50 * factor, 40 * factor), (240, 200, 90))
    page.paste((10, 20, 200), (10 * factor, 10 * factor, 20 * factor, 30 * factor))
    opacity = Image.new("L", page.size, 255)
    opacity.paste(0, (0, 0, 5 * factor, 5 * factor))
    opacity.paste(0, (30 * factor, 10 * factor, 40 * factor, 20 * factor))
    hidden = page.copy()
    hidden.paste((0, 255, 0), None, ImageOps.invert(opacity))
    hidden.putalpha(opacity)
    picture = read(file_of(hidden, "PNG"))
    assert not picture.is_opacity
    plain = read(file_of(page, "PNG"))
    assert np.abs(picture.values.astype(int) - plain.values).max() <= 1


@pytest.mark.parametrize("orientation", [1, *TURNED])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_orientation_is_obeyed_in_every_kind_that_has_one(kind: str, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(COLOURS, kind, exif=exif)
    with Image.open(io.BytesIO(data)) as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))
    picture = read(data)
    assert np.array_equal(picture.values, upright)
    assert picture.size == (upright.shape[1], upright.shape[0])


@pytest.mark.parametrize("size", [(3001, 1702), (1702, 3001), (1251, 40), (9999, 3)])
def test_a_larger_picture_comes_as_the_means_of_squares(size: tuple[int, int]):
    picture = Image.frombytes("RGB", size, RNG.bytes(size[0] * size[1] * 3))
    read_one = read(file_of(picture, "PNG", compress_level=1))
    factor = -(-max(size) // MAX_DECODED)
    assert np.array_equal(read_one.values, np.asarray(picture.reduce(factor)))
    assert read_one.size == size
    assert max(read_one.values.shape) <= MAX_DECODED


def test_a_jpeg_is_made_smaller_as_it_is_decoded_to_about_the_same():
    smooth = Image.effect_noise((50, 40), 90).resize((5000, 4000), Image.Resampling.BICUBIC).convert("RGB")
    data = file_of(smooth, "JPEG", quality=95)
    values = read(data).values
    assert max(values.shape) == 1250
    assert np.abs(values.astype(int) - np.asarray(smooth.convert("L").reduce(4))).mean() < 1


@pytest.mark.parametrize("longest", range(1250, 10_001, 175))
def test_no_jpeg_comes_out_more_than_a_quarter_smaller_than_a_picture_of_another_kind(longest: int):
    jpeg, other = (read(file_of(Image.new("L", (longest, 20)), kind)).values for kind in ("JPEG", "GIF"))
    assert other.shape[1] / 1.26 <= jpeg.shape[1] <= MAX_DECODED


def test_a_photograph_of_50_million_pixels_is_read_and_one_of_51_is_refused():
    data = file_of(Image.new("RGB", (8_700, 5_800), (200, 190, 180)), "JPEG")
    picture = read(data)
    assert picture.size == (8_700, 5_800)
    assert picture.values.shape == (725, 1088, 3)
    at = data.index(b"\xff\xc0") + 5
    with pytest.raises(UnreadableImage, match=r"8800 x 5800 pixels, the limit is 50,500,000.* Send it smaller"):
        open_picture(data[:at] + (5_800).to_bytes(2, "big") + (8_800).to_bytes(2, "big") + data[at + 4 :])
    assert MAX_PIXELS >= 8_700 * 5_800


def test_a_webp_that_would_take_more_memory_than_any_other_picture_is_refused_by_its_header():
    data = file_of(Image.new("RGB", (8, 8)), "WEBP")
    at = data.index(b"\x9d\x01\x2a") + 3
    larger = data[:at] + struct.pack("<HH", 5_000, 5_000) + data[at + 4 :]
    with pytest.raises(
        UnreadableImage, match=r"a WebP picture of 5000 x 5000 pixels, the limit of these is 24,705,882"
    ):
        open_picture(larger)


def test_large_is_what_takes_much_time_or_memory_to_decode():
    assert not is_large(cut_out(file_of(Image.new("L", (4_000, 4_000)), "GIF")))
    assert is_large(cut_out(file_of(Image.new("L", (4_001, 4_000)), "GIF")))
    assert is_large(cut_out(file_of(Image.new("RGB", (2_000, 2_000)), "WEBP")))
    assert LARGE_PIXELS == 16_000_000


def test_a_broken_picture_is_refused_without_an_address_in_memory():
    data = file_of(COLOURS, "PNG")
    with pytest.raises(UnreadableImage, match=": a broken picture; expected a PNG, JPEG, WebP or GIF picture"):
        read(data[:29] + b"\0\0\0\0" + data[33:])


def test_another_process_gives_the_same_pixels(tmp_path: Path):
    noise = Image.effect_noise((2100, 1500), 80)
    program = """
import sys, hashlib
from app.drawing.decode_image import decode, open_picture
for name in sys.argv[1:]:
    print(hashlib.sha256(decode(open_picture(open(name, "rb").read())).values.tobytes()).hexdigest())
"""
    files = [tmp_path / kind for kind in ("PNG", "JPEG", "WEBP", "GIF")]
    for file in files:
        noise.save(file, file.name)
    runs = {
        subprocess.run(
            [sys.executable, "-c", program, *files], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert len(runs.pop().split()) == 4
