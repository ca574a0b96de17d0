"""The one still picture in a file, cut out at the level of bytes before any decoder sees them.

Only the parts of a PNG, JPEG, WebP or GIF file that its first picture needs are passed on: no texts, profiles or EXIF
(which may inflate a thousand times, or come by the million), and no further frames. The size is that of the bytes to be
decoded, whatever canvas the file claims for them.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from app.drawing.file_kinds import name_kind
from app.drawing.refusals import UnreadableImage

MAX_PARTS = 20_000
"""Most chunks, segments or blocks of a file. A PNG of 32 MiB has some thousands. Each takes a microsecond or two."""
EXPECTED = "a PNG, JPEG, WebP or GIF picture"
REMEDY = "Pass a picture of one digit."
SEND_AGAIN = "Not all of it may have arrived: send it again, or save it again as JPEG or PNG."
"""Remedy for a file of an accepted kind that is cut off or broken."""


class Still(NamedTuple):
    """A file with one still picture, its header read and checked, nothing decoded.

    Attributes:
        kind: PNG, JPEG, WEBP or GIF, as Pillow calls them.
        size: width and height, as stored.
        parts: the parts of a complete file of this kind, not copied before decoding.
        orientation: 1 to 8, by EXIF.
        scans: the number of passes over the pixels of a JPEG; 1 for others.
    """

    kind: str
    size: tuple[int, int]
    parts: tuple[bytes | memoryview, ...]
    orientation: int = 1
    scans: int = 1


def cut_out(data: bytes) -> Still:
    """The still picture in a file: its only one, or the first frame of an animation.

    Raises:
        UnreadableImage: another kind of file, which is named if well known; or a file that is cut off, or violates its
            own format.
    """
    begins = _beginning(data)
    if begins is None:
        refuse(*name_kind(data))
    try:
        return READERS[begins][1](data)
    except (struct.error, IndexError):
        refuse("a file that is cut off", SEND_AGAIN)


def kind_of(data: bytes) -> str | None:
    """PNG, JPEG, WEBP or GIF, by the first bytes; None for any other file."""
    begins = _beginning(data)
    return None if begins is None else READERS[begins][0]


def _beginning(data: bytes) -> bytes | None:
    """The key in READERS; a sound or film file may begin like a WebP, and differ only later."""
    if data.startswith(RIFF) and data[8:12] != b"WEBP":
        return None
    return next((begins for begins in READERS if data.startswith(begins)), None)


def refuse(found: str, remedy: str = REMEDY) -> NoReturn:
    raise UnreadableImage("picture", found=found, expected=EXPECTED, remedy=remedy)


def _count(parts: int) -> int:
    if parts >= MAX_PARTS:
        refuse(f"a file of more than {MAX_PARTS:,} parts")
    return parts + 1


# -- PNG ---------------------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n"
PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bit depths by colour type: grey, colour, palette, grey with opacity, colour with opacity."""
GREY, COLOUR, PALETTE = 0, 2, 3


def _png(data: bytes) -> Still:
    """The picture of a PNG; of an animated one, that shown by viewers without animation, mostly the first frame."""
    width, height, depth, colour, *methods, interlaced = struct.unpack_from(">II5B", data, 16)
    if data[8:16] != b"\0\0\0\x0dIHDR" or depth not in PNG_DEPTHS.get(colour, ()) or any(methods) or interlaced > 1:
        refuse("a PNG file with an unknown header")
    kept: list[bytes | memoryview] = [PNG, data[8:33]]
    pixels: tuple[int, int] | None = None
    orientation = palette = 0
    for kind, begin, end in _png_chunks(data, 33):
        if kind == b"IDAT":
            if end + 4 > len(data):
                refuse("a file that is cut off", SEND_AGAIN)
            if pixels is None or pixels[1] == begin - 8:
                pixels = (pixels[0] if pixels else begin - 8, end + 4)
        elif kind == b"PLTE" and pixels is None:
            palette = end - begin
            kept.append(data[begin - 8 : end + 4])
        elif kind == b"tRNS" and pixels is None and end - begin <= 256:
            kept.append(_png_chunk(kind, _in_eight_bits(data[begin:end], depth, colour)))
        elif kind == b"eXIf" and not orientation:
            orientation = _orientation(memoryview(data)[begin:end])
        elif kind == b"IEND":
            break
    if pixels is None:
        refuse("a PNG file without pixels", SEND_AGAIN)
    if colour == PALETTE and not (0 < palette <= 768 and palette % 3 == 0):
        refuse("a PNG file without its palette")
    kept += [memoryview(data)[slice(*pixels)], _png_chunk(b"IEND", b"")]
    return Still("PNG", (width, height), tuple(kept), orientation or 1)


def _png_chunks(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each chunk, and the start and end of its content; the end may lie beyond that of the data."""
    parts = 0
    while at + 8 <= len(data):
        parts = _count(parts)
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, at + 8 + length
        at += length + 12


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _in_eight_bits(transparent: bytes, depth: int, colour: int) -> bytes:
    """The transparent grey value or colour, in the depth in which Pillow compares it: 8 bits, but for grey of 1 and
    16."""
    if (colour, depth) not in ((GREY, 2), (GREY, 4), (COLOUR, 16)):
        return transparent
    values = struct.unpack_from(">H" if colour == GREY else ">HHH", transparent)
    scaled = [value >> 8 if depth == 16 else value * 255 // (2**depth - 1) for value in values]
    return struct.pack(f">{len(scaled)}H", *(value & 0xFFFF for value in scaled))


# -- JPEG --------------------------------------------------------------------------------------------------------------

JPEG_MARKER = re.compile(rb"\xff([\x01-\xfe])")
FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
"""Sequential and progressive frames, with Huffman or arithmetic coding. Cameras write no others."""
OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xCB, 0xCD, 0xCE, 0xCF)
TABLES = (0xC4, 0xCC, 0xDB, 0xDD)
NO_CONTENT = (0x01, *range(0xD0, 0xD9))
SCANS_BEGIN, ENDS, EXIF, JFIF, ADOBE = 0xDA, 0xD9, 0xE1, 0xE0, 0xEE
SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")
"""The start of a scan: the marker, the length, the number of components. No decoder accepts another length, and these
five bytes are rare in other data (a preview, a film after the picture)."""


def _jpeg(data: bytes) -> Still:
    """The picture of a JPEG; of several in a file (a camera's previews), the first."""
    kept: list[bytes | memoryview] = [data[:2]]
    size: tuple[int, int] | None = None
    orientation = parts = 0
    at = 2
    while found := JPEG_MARKER.search(data, at):
        parts = _count(parts)
        at = found.end()
        marker = found[1][0]
        if marker in NO_CONTENT:
            continue
        if marker == ENDS:
            break
        if marker == SCANS_BEGIN:
            if size is None:
                break
            kept.append(memoryview(data)[at - 2 :])
            return Still("JPEG", size, tuple(kept), orientation or 1, len(SCAN.findall(data, at - 2)))
        (length,) = struct.unpack_from(">H", data, at)
        content = memoryview(data)[at + 2 : at + length]
        if marker in OTHER_FRAMES or (marker in FRAMES and size is not None):
            refuse("an unusual kind of JPEG")
        if marker in FRAMES:
            depth, height, width = struct.unpack_from(">BHH", content)
            if depth != 8:
                refuse(f"a JPEG of {depth} bits")
            size = width, height
        elif marker == EXIF and not orientation:
            orientation = _orientation(content)
        if marker in FRAMES or marker in TABLES or marker in (JFIF, ADOBE):
            kept.append(data[at - 2 : at + length])
        at += length
    refuse("a JPEG file without pixels", SEND_AGAIN)


# -- GIF ---------------------------------------------------------------------------------------------------------------

GIF_FRAME, GIF_MORE, GIF_CONTROL, TRANSPARENT = 0x2C, 0x21, 0xF9, 1


def _gif(data: bytes) -> Still:
    """The first frame alone, wherever it lies on the canvas or beyond."""
    flags = data[10]
    begin = at = 13 + _palette_bytes(flags)
    parts, control = 0, b""
    while data[at] == GIF_MORE:
        label, begin = data[at + 1], at + 2
        at = begin
        while data[at]:
            parts = _count(parts)
            at += data[at] + 1
        at += 1
        parts = _count(parts)
        if label == GIF_CONTROL and data[begin] == 4:
            control = data[begin + 1 : begin + 5]
    if data[at] != GIF_FRAME:
        refuse("a GIF file without pixels", SEND_AGAIN)
    width, height, frame_flags = struct.unpack_from("<HHB", data, at + 5)
    sides = struct.pack("<HH", width, height)
    kept: list[bytes | memoryview] = [b"GIF89a", sides, data[10:13], data[13 : 13 + _palette_bytes(flags)]]
    if control and control[0] & TRANSPARENT:
        kept.append(bytes([GIF_MORE, GIF_CONTROL, 4, TRANSPARENT, 0, 0, control[3], 0]))
    kept += [bytes([GIF_FRAME, 0, 0, 0, 0]), sides, bytes([frame_flags]), memoryview(data)[at + 10 :]]
    return Still("GIF", (width, height), tuple(kept))


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


# -- WebP --------------------------------------------------------------------------------------------------------------

LOSSY, LOSSLESS, OPACITY, MOVING = b"VP8 ", b"VP8L", b"ALPH", b"ANMF"
FRAME_HEAD = 16
"""Bytes at the start of an animation's frame, before its chunks: its place, its size and its duration."""
HAS_OPACITY = 0x10


def _webp(data: bytes) -> Still:
    """The picture of a WebP; of an animation only the first frame, wherever it lies on the canvas."""
    picture: tuple[bytes, int, int] | None = None
    opacity: bytes | memoryview = b""
    orientation = 0
    for kind, begin, end in _webp_chunks(data, 12, len(data)):
        if picture is None and kind == MOVING:
            inner = list(_webp_chunks(data, begin + FRAME_HEAD, min(end, len(data))))
        else:
            inner = [(kind, begin, end)]
        for part, first, last in inner:
            if picture is None and part == OPACITY:
                opacity = memoryview(data)[first:last]
            elif picture is None and part in (LOSSY, LOSSLESS):
                picture = part, first, last
        if kind == b"EXIF" and not orientation:
            orientation = _orientation(memoryview(data)[begin:end])
    if picture is None:
        refuse("a WebP file without pixels", SEND_AGAIN)
    kind, begin, end = picture
    if end > len(data):
        refuse("a file that is cut off", SEND_AGAIN)
    width, height = _lossy_size(data, begin) if kind == LOSSY else _lossless_size(data, begin)
    kept = _webp_chunk(kind, memoryview(data)[begin:end])
    if opacity and kind == LOSSY:
        sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        kept = _webp_chunk(b"VP8X", bytes([HAS_OPACITY, 0, 0, 0]) + sides) + _webp_chunk(OPACITY, opacity) + kept
    length = len(b"WEBP") + sum(map(len, kept))
    return Still("WEBP", (width, height), (b"RIFF", struct.pack("<I", length), b"WEBP", *kept), orientation or 1)


def _webp_chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    parts = 0
    while at + 8 <= end:
        parts = _count(parts)
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2


def _webp_chunk(kind: bytes, content: bytes | memoryview) -> tuple[bytes | memoryview, ...]:
    return kind, struct.pack("<I", len(content)), content, bytes(len(content) % 2)


def _lossy_size(data: bytes, at: int) -> tuple[int, int]:
    begins, width, height = struct.unpack_from("<3x3sHH", data, at)
    if begins != b"\x9d\x01\x2a":
        refuse("a WebP file without pixels", SEND_AGAIN)
    return width & 0x3FFF, height & 0x3FFF  # the two highest bits are a display hint


def _lossless_size(data: bytes, at: int) -> tuple[int, int]:
    begins, bits = struct.unpack_from("<BI", data, at)
    if begins != 0x2F:
        refuse("a WebP file without pixels", SEND_AGAIN)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


# -- EXIF --------------------------------------------------------------------------------------------------------------

ORIENTATION, SHORT, LONG = 0x0112, 3, 4


def _orientation(exif: bytes | memoryview) -> int:
    """The camera's orientation, 1 to 8; 0 if EXIF does not give it, or is invalid.

    Read here because Pillow follows all entries and their references, and warns about each odd one.
    """
    tiff = exif[6:] if bytes(exif[:6]) == b"Exif\0\0" else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(tiff[:4]))
    if order is None:
        return 0
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, at)
        for place in range(at + 2, at + 2 + 12 * entries, 12):
            tag, form = struct.unpack_from(f"{order}HH", tiff, place)
            if tag == ORIENTATION and form in (SHORT, LONG):
                (value,) = struct.unpack_from(f"{order}{'H' if form == SHORT else 'I'}", tiff, place + 8)
                return int(value) if 1 <= value <= 8 else 0
    except struct.error:
        pass
    return 0


RIFF = b"RIFF"
READERS = {
    PNG: ("PNG", _png),
    b"\xff\xd8\xff": ("JPEG", _jpeg),
    b"GIF87a": ("GIF", _gif),
    b"GIF89a": ("GIF", _gif),
    RIFF: ("WEBP", _webp),
}
"""First bytes of a file -> its kind in Pillow's terms, and the function that reads it."""
