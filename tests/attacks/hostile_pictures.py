"""The catalogue of hostile pictures: files that claim more than they hold, hold more than they claim, or never end.

Each is refused or read, within bounds of memory and processor time (tests/attacks/test_hostile_pictures.py).
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.cli.test_image_files import seven

READ, REFUSED, EITHER = "read", "refused", "either"
Hostile = tuple[str, bytes, str]
"""A name, a file, and what becomes of it."""
MOST = (10_000, 5_050)
"""The largest sides that are taken together."""
MIB = 1 << 20


def catalogue() -> Iterator[Hostile]:
    """Every hostile picture, made when it is asked for: some have 32 MiB."""
    for files in (png_sizes, png_chunks, png_pixels, jpegs, jpeg_segments, gifs, webps, others, cut_off, spoilt):
        yield from files()


def file_of(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


# -- PNG ---------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes, *, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return struct.pack(">I", size) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """So many bytes, deflated to a thousandth."""
    deflate = zlib.compressobj(1)
    piece = bytes(MIB)
    parts = [deflate.compress(piece) for _ in range(count // MIB)]
    return b"".join([*parts, deflate.compress(bytes(count % MIB)), deflate.flush()])


def idat(count: int) -> bytes:
    return chunk(b"IDAT", zeros(count))


def png_sizes() -> Iterator[Hostile]:
    for width, height in ((1, 16_000_000), (16_000_000, 1), (60_000, 60_000), (2**31 - 1,) * 2, (2**32 - 1, 1)):
        yield f"png that claims {width} x {height}", png(header(width, height), idat(1000)), REFUSED
    for width, height in ((0, 0), (0, 28), (28, 0)):
        yield f"png of {width} x {height}", png(header(width, height), idat(1000)), REFUSED
    width, height = MOST
    yield "png of as many pixels as are taken", png(header(*MOST, 8, 6), idat((4 * width + 1) * height)), READ
    yield "png of one row more", png(header(width, height + 1), idat((width + 1) * (height + 1))), REFUSED
    yield "png of 16 bits and opacity", png(header(*MOST, 16, 6), idat((8 * width + 1) * height)), READ
    yield "png of 16 bits grey", png(header(*MOST, 16, 0), idat((2 * width + 1) * height)), READ
    yield "png of one bit", png(header(*MOST, 1, 0), idat((width // 8 + 1) * height)), READ
    yield "png, interlaced", png(header(*MOST, 8, 2, 1), idat((3 * width + 1) * height * 2)), READ
    yield "png, thin and interlaced", png(header(1, 10_000, 8, 0, 1), idat(40_000)), READ
    yield "png, large, without its pixels", png(header(*MOST, 8, 6), idat(1000)), REFUSED
    yield "png, small, of a gigabyte", png(header(28, 28), idat(1 << 30)), EITHER


def exif_that_points_at_itself(size: int) -> bytes:
    """As many entries as there can be, each of whose values is the whole of it."""
    entries = min(65_535, (size - 10) // 12)
    listed = b"".join(struct.pack(">HHII", tag, 7, size - 8, 8) for tag in range(entries) if tag != 0x0112)
    return (b"MM\0*\0\0\0\x08" + struct.pack(">H", len(listed) // 12) + listed).ljust(size, b"\0")


def png_chunks() -> Iterator[Hostile]:
    good = file_of(seven(), "PNG")
    head, rest = good[:33], good[33:]
    bomb = b"a\0\0" + zeros(MIB - 100)
    huge = b"a\0\0" + zeros(1 << 30)
    for kind in (b"zTXt", b"iCCP"):
        yield f"png with {kind.decode()} of a gigabyte", head + chunk(kind, huge) + rest, READ
        yield f"png with {kind.decode()} of a megabyte, 7,000 times", head + chunk(kind, bomb) * 7_000 + rest, READ
    yield "png with iTXt", head + chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(1 << 28)) + rest, READ
    yield "png with a text of 30 MiB", head + chunk(b"tEXt", b"a\0" + bytes(30 * MIB)) + rest, READ
    yield "png with a million chunks", head + chunk(b"prVt", b"") * 1_000_000 + rest, REFUSED
    yield "png with a million empty IDAT", head + chunk(b"IDAT", b"") * 1_000_000 + rest, REFUSED
    for length in (2**31 - 1, 2**32 - 1):
        yield f"png with a chunk of {length}", head + chunk(b"prVt", b"x", length=length) + rest, REFUSED
        yield f"png with IDAT of {length}", head + chunk(b"IDAT", b"x", length=length) + rest, REFUSED
    for size in (60_000, 30 * MIB):
        exif = chunk(b"eXIf", exif_that_points_at_itself(size))
        yield f"png with EXIF of {size} that points at itself", head + exif + rest, READ
    yield "png with EXIF that lies beyond", head + chunk(b"eXIf", b"II*\0\xff\xff\xff\xff") + rest, READ
    control, frame = chunk(b"acTL", struct.pack(">II", 10_000, 0)), struct.pack(">IIIIHHBB", 28, 28, 0, 0, 1, 1, 0, 0)
    moving = b"".join(
        chunk(b"fcTL", struct.pack(">I", 2 * n) + frame) + chunk(b"fdAT", struct.pack(">I", 2 * n + 1) + zeros(812))
        for n in range(9_900)
    )
    yield "png of 10,000 frames", head + control + rest[:-12] + moving + rest[-12:], READ
    yield "png that claims frames", head + chunk(b"acTL", struct.pack(">II", 2**31, 0)) + rest, READ
    outside = chunk(b"fcTL", struct.pack(">I", 0) + struct.pack(">IIIIHHBB", 9999, 9999, 9999, 9999, 1, 1, 0, 0))
    yield "png of a frame outside of it", head + control + outside + rest, READ


def png_pixels() -> Iterator[Hostile]:
    pixels = idat(29 * 28)
    indices = chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * 28) * 28))
    palette = header(28, 28, 8, 3)
    yield "png without its palette", png(palette, pixels), REFUSED
    for entries in (0, 1, 2, 4, 771):
        yield f"png of a palette of {entries} bytes", png(palette, chunk(b"PLTE", bytes(entries)), pixels), REFUSED
    yield "png of a palette of one", png(palette, chunk(b"PLTE", bytes(3)), indices), READ
    yield "png of opacities beyond", png(palette, chunk(b"PLTE", bytes(3)), chunk(b"tRNS", bytes(256)), indices), READ
    yield "png of a megabyte of opacities", png(header(28, 28), chunk(b"tRNS", bytes(MIB)), pixels), READ
    yield "png with a palette behind", png(palette, pixels, chunk(b"PLTE", bytes(3))), REFUSED
    for depth, colour, interlaced in ((3, 0, 0), (16, 3, 0), (8, 5, 0), (8, 0, 2), (0, 0, 0), (255, 255, 255)):
        yield f"png of an odd header {depth} {colour} {interlaced}", png(header(28, 28, depth, colour, interlaced), pixels), REFUSED  # fmt: skip  # noqa: E501
    yield "png of an unknown filter", png(header(28, 28), chunk(b"IDAT", zlib.compress(b"\xff" * 29 * 28))), EITHER
    yield "png of no deflate", png(header(28, 28), chunk(b"IDAT", b"\xff" * 900)), REFUSED
    yield "png of two headers", png(header(28, 28), header(10_000, 10_000), pixels), READ
    yield "png of another sum", png(header(28, 28)[:-1] + b"x", pixels), REFUSED
    yield "png of no pixels", png(header(28, 28)), REFUSED


# -- JPEG --------------------------------------------------------------------------------------------------------------


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    return file_of(seven(mode=mode), "JPEG", **options)


def that_claims(data: bytes, width: int, height: int, marker: bytes = b"\xff\xc0") -> bytes:
    """A JPEG with other sides; what is missing of its pixels is grey."""
    at = data.index(marker) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def scanned(times: int) -> bytes:
    """A progressive JPEG whose last scan stands there so often."""
    data = jpeg(progressive=True, subsampling=0)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * times + data[-2:]


def jpegs() -> Iterator[Hostile]:
    progressive = b"\xff\xc2"
    yield "jpeg that claims 65,535 x 65,535", that_claims(jpeg(), 65_535, 65_535), REFUSED
    yield "jpeg of no height", that_claims(jpeg(), 28, 0), REFUSED
    yield "jpeg of as many pixels as are taken", that_claims(jpeg(), *MOST), EITHER
    yield "jpeg of one row", that_claims(jpeg(), 10_000, 1), EITHER
    yield "jpeg of one column", that_claims(jpeg(), 1, 10_000), EITHER
    yield "progressive jpeg, large", that_claims(scanned(0), *MOST, progressive), EITHER
    yield "progressive jpeg of four colours, large", that_claims(jpeg("CMYK", progressive=True), *MOST, progressive), EITHER  # fmt: skip  # noqa: E501
    yield "jpeg of 1,000 scans", scanned(1000), REFUSED
    yield "jpeg of 60 scans of 16 million", that_claims(scanned(48), 4_000, 4_000, progressive), EITHER
    yield "jpeg of 60 scans of 50 million", that_claims(scanned(48), *MOST, progressive), REFUSED
    yield "jpeg of 19 scans of 50 million", that_claims(scanned(7), *MOST, progressive), EITHER
    for marker in (0xC3, 0xC5, 0xC8, 0xCB, 0xCF):
        yield f"jpeg of another frame {marker:x}", jpeg().replace(b"\xff\xc0", bytes([0xFF, marker])), REFUSED
    yield "jpeg in arithmetic that is none", jpeg().replace(b"\xff\xc0", b"\xff\xc9"), EITHER
    data = jpeg()
    at = data.index(b"\xff\xc0")
    yield "jpeg of 12 bits", data[: at + 4] + b"\x0c" + data[at + 5 :], REFUSED
    yield "jpeg of no components", data[: at + 9] + b"\0" + data[at + 10 :], REFUSED
    yield "jpeg of 255 components", data[: at + 9] + b"\xff" + data[at + 10 :], REFUSED
    for sampling in (0x44, 0xFF, 0x00, 0x13):
        yield f"jpeg sampled {sampling:x}", data[: at + 11] + bytes([sampling]) + data[at + 12 :], EITHER
    frame = data[at : at + 19]
    yield "jpeg of two frames", data[:at] + frame + data[at:], REFUSED
    yield "jpeg of a second frame in its scan", data[:-2] + that_claims(frame, 60_000, 60_000) + data[-2:], EITHER


def jpeg_segments() -> Iterator[Hostile]:
    data = jpeg()
    begin, rest = data[:20], data[20:]  # behind what says that it is JFIF
    yield "jpeg with junk of 30 MiB", begin + bytes(30 * MIB) + rest, READ
    yield "jpeg with filling of 30 MiB", begin + b"\xff" * (30 * MIB) + rest, READ
    yield "jpeg with filling and zeros", begin + b"\xff\0" * (15 * MIB) + rest, READ
    yield "jpeg with a million segments", begin + segment(0xFE, b"") * 1_000_000 + rest, REFUSED
    yield "jpeg with a million markers", begin + b"\xff\xd0" * 1_000_000 + rest, REFUSED
    piece = segment(0xE1, b"Exif\0\0" + exif_that_points_at_itself(65_000))
    yield "jpeg with EXIF that points at itself", begin + piece + rest, READ
    yield "jpeg with EXIF of 30 MiB", begin + piece * 480 + rest, READ
    yield "jpeg with profiles", begin + segment(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(65_000)) * 480 + rest, READ
    yield "jpeg with Photoshop's blocks", begin + segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\0\0\0\0\0\0\0" * 5_000) * 400 + rest, READ  # fmt: skip  # noqa: E501
    yield "jpeg with previews", begin + segment(0xE2, b"MPF\0" + exif_that_points_at_itself(60_000)) + rest, READ
    yield "jpeg with a segment of no length", begin + b"\xff\xe0\0\0" * 1000 + rest, EITHER
    yield "jpeg that ends at once", begin + b"\xff\xd9" + rest, REFUSED
    yield "jpeg of no scan", data[: data.index(b"\xff\xda")], REFUSED
    restarts = segment(0xDD, b"\0\1") + rest[:-2] + b"\xff\xd0" * MIB + rest[-2:]
    yield "jpeg that restarts", begin + restarts, EITHER
    tables = segment(0xC4, b"\x0f" + bytes(16)) * 10_000
    yield "jpeg of many tables", begin + tables + rest, EITHER


# -- GIF ---------------------------------------------------------------------------------------------------------------


def gif(canvas: tuple[int, int], *blocks: bytes, palette: bool = True) -> bytes:
    colours = bytes([0, 0, 0, 255, 255, 255]) if palette else b""
    return b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80 * palette, 0, 0) + colours + b"".join(blocks) + b";"


def frame(left: int, top: int, width: int, height: int, content: bytes, size: int = 2) -> bytes:
    return struct.pack("<BHHHHBB", 0x2C, left, top, width, height, 0, size) + content


def blocks(content: bytes, size: int = 255) -> bytes:
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def gif_pixels(width: int, height: int) -> bytes:
    """What follows the head of a frame of Pillow's own: the size of its codes, and blocks."""
    data = file_of(Image.new("L", (width, height)), "GIF")
    return data[data.index(b",\0\0\0\0") + 11 : -1]


def gifs() -> Iterator[Hostile]:
    small, size = gif_pixels(28, 28), 8
    one = frame(0, 0, 28, 28, small, size)
    yield "gif of a canvas of 65,535", gif((65_535, 65_535), one), READ
    yield "gif of no canvas", gif((0, 0), one), READ
    for left, top in ((65_000, 65_000), (30, 0), (65_535, 65_535)):
        yield f"gif of a frame at {left}, {top}", gif((28, 28), frame(left, top, 28, 28, small, size)), READ
    yield "gif of a frame of 65,535", gif((28, 28), frame(0, 0, 65_535, 65_535, small, size)), REFUSED
    yield "gif of a frame of 13,000 that is taken away", gif((28, 28), b"!\xf9\4\x08\0\0\0\0", frame(0, 0, 13_000, 13_000, small, size)), REFUSED  # fmt: skip  # noqa: E501
    yield "gif of an empty frame", gif((28, 28), frame(0, 0, 0, 0, small, size)), REFUSED
    yield "gif of as many pixels as are taken", file_of(Image.new("L", MOST), "GIF"), READ
    yield "gif, large, without its pixels", gif(MOST, frame(0, 0, *MOST, small, size)), EITHER
    yield "gif, transparent and large", gif(MOST, b"!\xf9\4\x09\0\0\0\0", frame(0, 0, *MOST, small, size)), EITHER
    yield "gif of 10,000 frames", gif((28, 28), one * 10_000), READ
    yield "gif without a palette", gif((28, 28), one, palette=False), READ
    yield "gif of a million small blocks", gif((28, 28), b"!\xfe" + b"\1x" * 1_000_000 + b"\0", one), REFUSED
    yield "gif of a million extensions", gif((28, 28), b"!\xfe\0" * 1_000_000, one), REFUSED
    yield "gif of a comment of 4 MiB", gif((28, 28), b"!\xfe" + blocks(bytes(4 * MIB)), one), READ
    yield "gif of an endless extension", gif((28, 28), b"!\xfe\xff"), REFUSED
    yield "gif of pixels in blocks of one", gif((28, 28), frame(0, 0, 28, 28, b"\1\0" * 15 * MIB + b"\0", 2)), EITHER
    for codes in (0, 1, 12, 13, 255):
        yield f"gif of codes of {codes} bits", gif((28, 28), frame(0, 0, 28, 28, small, codes)), EITHER
    clears = blocks(b"\x24\x49\x92" * 8 * MIB)
    yield "gif that only clears", gif(MOST, frame(0, 0, *MOST, clears, 2)), EITHER


# -- WebP --------------------------------------------------------------------------------------------------------------


def riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp(*chunks: bytes, size: int | None = None) -> bytes:
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content) if size is None else size) + content


def canvas(width: int, height: int, flags: int = 0) -> bytes:
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return riff(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def moved(content: bytes, left: int = 0, top: int = 0, width: int = 200, height: int = 300) -> bytes:
    places = b"".join(struct.pack("<I", value)[:3] for value in (left // 2, top // 2, width - 1, height - 1, 1))
    return riff(b"ANMF", places + b"\0" + content)


def webps() -> Iterator[Hostile]:
    lossless, lossy = file_of(seven(), "WEBP", lossless=True)[12:], file_of(seven(), "WEBP")[12:]
    head = riff(b"VP8L", b"\x2f" + struct.pack("<I", (16_383 - 1) * (1 + (1 << 14))) + bytes(100))
    yield "webp that claims 16,383 x 16,383", webp(head), REFUSED
    at = lossy.index(b"\x9d\x01\x2a") + 3
    yield "webp, lossy, that claims as much", webp(lossy[:at] + b"\xff\x3f\xff\x3f" + lossy[at + 4 :]), REFUSED
    yield "webp, lossy, of no width", webp(lossy[:at] + b"\0\0\x1c\0" + lossy[at + 4 :]), REFUSED
    yield "webp, lossy, of 20 million", webp(lossy[:at] + struct.pack("<HH", 5_000, 4_000) + lossy[at + 4 :]), EITHER
    for size in ((1, 1), (1 << 24, 1 << 24), (1 << 24, 200)):
        yield f"webp on a canvas of {size}", webp(canvas(*size), lossless), READ
    yield "webp of as many pixels as are taken", file_of(Image.new("RGB", (6_000, 4_000)), "WEBP", lossless=True, method=0, quality=0), READ  # fmt: skip  # noqa: E501
    moving = riff(b"ANIM", bytes(6))
    yield "webp of 10,000 frames", webp(canvas(200, 300, 2), moving, moved(lossless) * 10_000), READ
    yield "webp of a frame outside", webp(canvas(200, 300, 2), moving, moved(lossless, 60_000, 60_000)), READ
    yield "webp of a frame that lies", webp(canvas(200, 300, 2), moving, moved(lossless, 0, 0, 1 << 24, 1 << 24)), READ
    yield "webp of frames in frames", webp(canvas(200, 300, 2), moving, moved(moved(lossless))), REFUSED
    yield "webp of no frames", webp(canvas(200, 300, 2), moving), REFUSED
    for size in (0, 2**32 - 1):
        yield f"webp of {size} bytes", webp(lossless, size=size), READ
    yield "webp with a chunk of 4 GiB", webp(canvas(200, 300), b"ABCD\xff\xff\xff\xff", lossless), REFUSED
    yield "webp of a million chunks", webp(canvas(200, 300), riff(b"ABCD", b"") * 1_000_000, lossless), REFUSED
    yield "webp with a profile of 30 MiB", webp(canvas(200, 300, 0x20), riff(b"ICCP", bytes(30 * MIB)), lossless), READ
    exif = riff(b"EXIF", exif_that_points_at_itself(30 * MIB))
    yield "webp with EXIF that points at itself", webp(canvas(200, 300, 8), lossless, exif), READ
    yield "webp with opacity that is none", webp(canvas(200, 300, 0x10), riff(b"ALPH", b"\1" * 100), lossy), EITHER
    yield "webp with opacity of 20 MiB", webp(canvas(200, 300, 0x10), riff(b"ALPH", bytes(20 * MIB)), lossy), EITHER


# -- the others --------------------------------------------------------------------------------------------------------


def others() -> Iterator[Hostile]:
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    yield "svg that laughs", f'<?xml version="1.0"?><!DOCTYPE svg [{laughs}]><svg>&a9;</svg>'.encode(), REFUSED
    yield "postscript", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file", REFUSED
    yield "heic", b"\0\0\0\x18ftypheic" + bytes(MIB), REFUSED
    yield "30 MiB of nothing", bytes(30 * MIB), REFUSED
    yield "a film behind a jpeg", jpeg() + b"\xff\xda\x12\x34" * (7 * MIB), READ
    yield "png behind a gif", b"GIF89a" + file_of(seven(), "PNG"), EITHER


KINDS = ("PNG", "JPEG", "GIF", "WEBP")


def cut_off() -> Iterator[Hostile]:
    for kind in KINDS:
        data = file_of(seven(mode="RGB"), kind)
        chance = random.Random(kind)
        for length in (8, 20, 30, *chance.sample(range(31, len(data) * 9 // 10), 7)):
            yield f"{kind} cut off at {length}", data[:length], EITHER


def spoilt() -> Iterator[Hostile]:
    """Files of noise in which some bytes are others."""
    chance = random.Random(7)
    noise = np.random.default_rng(7).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    for kind in KINDS:
        data = file_of(Image.fromarray(noise), kind)
        for number in range(10):
            changed = bytearray(data)
            for _ in range(1 + number):
                changed[chance.randrange(12, len(data))] = chance.randrange(256)
            yield f"{kind} spoilt {number}", bytes(changed), EITHER
