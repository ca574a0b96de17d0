"""What is cut out of a file, and what well-known files are called that hold no picture of a kind that is read."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from app.drawing.decode_image import decode, open_picture
from app.drawing.refusals import UnreadableImage
from app.drawing.still_image import cut_out, kind_of
from tests.cli.test_image_files import seven
from tests.drawing.test_decode_image import chunk, file_of

IPHONE = "An iPhone takes JPEG after Settings > Camera > Formats > Most Compatible"
FOREIGN = {
    "a HEIC picture": (struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic"), IPHONE),
    "a HEIC picture, by its second name": (
        struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mif1", 0, b"mif1", b"heic"),
        IPHONE,
    ),
    "an AVIF picture": (
        struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mif1", 0, b"mif1", b"avif"),
        "Export it as JPEG or PNG",
    ),
    "a film": (struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 0, b"isom", b"mp42"), "screenshot"),
    "a TIFF picture": (b"II*\0" + bytes(9), "Export it as JPEG or PNG"),
    "a BMP picture": (b"BM" + bytes(60), "Export it as JPEG or PNG"),
    "a JPEG XL picture": (b"\xff\x0a" + bytes(9), "Export it as JPEG or PNG"),
    "a JPEG XL picture, in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n", "Export it as JPEG or PNG"),
    "a JPEG 2000 picture": (b"\0\0\0\x0cjP  \r\n\x87\n", "Export it as JPEG or PNG"),
    "a PDF document": (b"%PDF-1.7\n", "screenshot"),
    "an SVG drawing": (b'<?xml version="1.0"?>\n<!-- a digit -->\n<svg xmlns="">', "screenshot"),
    "an SVG drawing, bare": (b"\xef\xbb\xbf\n<svg/>", "screenshot"),
    "an empty file": (b"", "Pass a picture"),
    "another kind of file": (b"RIFF\0\0\0\0WAVE", "Pass a picture"),
    "another kind of file, a text": (b"seven", "Pass a picture"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_well_known_kind_of_file_is_refused_by_its_name_with_a_way_out(name: str):
    data, way_out = FOREIGN[name]
    with pytest.raises(UnreadableImage) as caught:
        cut_out(data)
    assert caught.value.found.startswith(name.partition(",")[0])
    assert way_out in caught.value.remedy


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "JPEG2000", "AVIF", "ICO", "EPS", "PDF"])
def test_what_pillow_writes_of_them_is_refused_by_its_name(kind: str):
    with pytest.raises(UnreadableImage) as caught:
        cut_out(file_of(seven(mode="RGB"), kind))
    assert caught.value.found != "another kind of file"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_nothing_but_the_picture_is_handed_on(kind: str):
    secret = b"a text that nobody needs"
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = secret.decode(), 6
    extras = {"GIF": {"comment": secret}, "PNG": {"exif": exif}}.get(kind, {"exif": exif, "icc_profile": secret})
    data = file_of(seven(), kind, **extras)
    still = cut_out(data)
    assert secret in data
    assert secret not in b"".join(still.parts)
    assert still.orientation == (1 if kind == "GIF" else 6)
    with Image.open(io.BytesIO(b"".join(still.parts))) as picture:
        assert picture.format == still.kind == kind
        assert picture.size == still.size == (200, 300)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", [3, 4])
def test_the_orientation_is_found_in_either_order_and_form_behind_other_entries(order: str, form: int):
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    value = struct.pack(f"{order}HH", 8, 0) if form == 3 else struct.pack(f"{order}I", 8)
    other = struct.pack(f"{order}HHII", 0x0100, 2, 2**31, 2**31)
    entry = struct.pack(f"{order}HHI", 0x0112, form, 1) + value
    exif = mark + struct.pack(f"{order}IH", 8, 2) + other + entry
    data = file_of(seven(), "PNG")
    assert cut_out(data[:33] + chunk(b"eXIf", exif) + data[33:]).orientation == 8


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_is_none_turns_nothing(value: int):
    exif = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, value, 0)
    data = file_of(seven(), "PNG")
    assert cut_out(data[:33] + chunk(b"eXIf", exif) + data[33:]).orientation == 1


@pytest.mark.parametrize("place", [(0, 0), (30_000, 0), (65_535, 65_535)])
def test_the_first_frame_of_a_gif_is_read_wherever_it_lies(place: tuple[int, int]):
    data = file_of(seven(), "GIF")
    at = data.index(b",\0\0\0\0") + 1
    moved = data[:at] + struct.pack("<HH", *place) + data[at + 4 :]
    assert np.array_equal(decode(open_picture(moved)).values, np.asarray(seven()))


def test_the_bytes_of_a_picture_are_not_copied_before_it_is_decoded():
    data = file_of(seven(), "JPEG")
    assert any(isinstance(part, memoryview) and len(part) > len(data) // 2 for part in cut_out(data).parts)


@pytest.mark.parametrize(
    ("begins", "kind"),
    [(b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF89a", "GIF"), (b"RIFF\0\0\0\0WEBP", "WEBP"), (b"RIFF\0\0\0\0WAVE", None)],
)
def test_a_kind_is_told_by_the_first_bytes(begins: bytes, kind: str | None):
    assert kind_of(begins + bytes(8)) == kind
