"""Well-known kinds of files that are not accepted as pictures, each with a remedy."""

from __future__ import annotations

from typing import NamedTuple

EXPORT = "Export it as JPEG or PNG."
PAGE = "Take a screenshot of the digit, or export the page as PNG."


class Foreign(NamedTuple):
    """A kind of file.

    Attributes:
        name: with its article, as a message has it.
        begins: its first bytes: one of these.
        media_types: as in a Content-Type.
        remedy: how to turn it into an accepted picture.
    """

    name: str
    begins: tuple[bytes, ...]
    media_types: tuple[str, ...]
    remedy: str


HEIC = Foreign(
    "a HEIC picture",
    (),
    ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"),
    "Export it as JPEG. An iPhone takes JPEG after Settings > Camera > Formats > Most Compatible.",
)
AVIF = Foreign("an AVIF picture", (), ("image/avif",), EXPORT)
FILM = Foreign("a film", (b"\x1aE\xdf\xa3",), (), "Take a screenshot of it.")
KINDS = (
    HEIC,
    AVIF,
    FILM,
    Foreign("a TIFF picture, or a camera's raw one", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), ("image/tiff",), EXPORT),
    Foreign("a BMP picture", (b"BM",), ("image/bmp", "image/x-ms-bmp"), EXPORT),
    Foreign("a JPEG XL picture", (b"\xff\x0a", b"\0\0\0\x0cJXL "), ("image/jxl",), EXPORT),
    Foreign("a JPEG 2000 picture", (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), ("image/jp2",), EXPORT),
    Foreign("a Photoshop picture", (b"8BPS",), ("image/vnd.adobe.photoshop",), EXPORT),
    Foreign("an icon", (b"\0\0\1\0",), ("image/x-icon", "image/vnd.microsoft.icon"), EXPORT),
    Foreign("a PDF document", (b"%PDF",), ("application/pdf",), PAGE),
    Foreign("a PostScript document", (b"%!PS",), ("application/postscript",), PAGE),
    Foreign("an SVG drawing", (b"<svg",), ("image/svg+xml",), PAGE),
)
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"avif", b"avis"), AVIF),
}
"""The kinds of files that begin with a box `ftyp`, by a name in it; a file with none of these names is a film."""
LOOKED_AT = 1000
"""Bytes at a file's beginning that are searched for the names in its box, or the first element of an XML document."""


def name_kind(data: bytes) -> tuple[str, str]:
    """A file's kind, by its first bytes, and how to get a picture of it."""
    if not data:
        return "an empty file", "Pass a picture of one digit."
    kind = foreign_kind(data)
    return (kind.name, kind.remedy) if kind else ("another kind of file", "Pass a picture of one digit.")


def foreign_kind(data: bytes) -> Foreign | None:
    """The well-known kind of a file, by its first bytes; None for accepted pictures and for unknown kinds."""
    head = data[:LOOKED_AT]
    if head[4:8] == b"ftyp":
        names = head[8 : min(int.from_bytes(head[:4], "big"), LOOKED_AT)]
        # AVIF also names the kind that it shares with HEIC
        known = [BRANDS[brand] for at in range(0, len(names), 4) if (brand := names[at : at + 4]) in BRANDS]
        return AVIF if AVIF in known else next(iter(known), FILM)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<?xml", b"<!")) and b"<svg" in text:
        text = b"<svg"
    return next((kind for kind in KINDS if text.startswith(kind.begins)), None) if text else None
