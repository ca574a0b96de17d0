"""Drawings that come in as JSON or bytes, checked one by one, and the answers that go out."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from app.answering.answer import Answer
from app.drawing.ink_measures import PIXELS, SIDE
from app.errors import PixelWiseError
from app.server.early_refusals import ErrorBody
from app.web.operation import either
from app.web.refusals import BadDrawing, NotUnderstood, TooLarge

MAX_ROWS = 1000
"""Most drawings in one request."""

GreyValue = Annotated[int, Meta(ge=0, le=255)]
WholeGrey = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]
"""A grey value that may also be written as 255.0 or 2.55e2, as clients do whose language has one number type."""
Side = Meta(min_length=SIDE, max_length=SIDE)
Rows = Annotated[list[Annotated[list[GreyValue], Side]], Side]
WholeRows = Annotated[list[Annotated[list[WholeGrey], Side]], Side]


NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Errors raised by a body that is not JSON, not UTF-8, or nested too deeply."""


class Drawing(Struct):
    """One drawing as grey values: 28 rows of 28, 0 paper to 255 ink. A whole number may be written as 255.0 too."""

    pixels: Rows


A_DIGIT = {
    "pixels": [[255 if 12 <= column <= 14 and 4 <= row <= 23 else 0 for column in range(SIDE)] for row in range(SIDE)]
}
"""An example of a drawing: an upright line, a 1."""
_anything_else = Annotated[
    Any, Meta(description="What is no Drawing is refused in its place; the others are answered.")
]


class Drawings(Struct):
    """Many drawings."""

    drawings: Annotated[list[Drawing | _anything_else], Meta(max_length=MAX_ROWS)]


class Answers(Struct):
    """An answer or a refusal for each drawing, in order."""

    model_version: str
    answers: Annotated[list[Any], Meta(extra_json_schema={"items": either(Answer, ErrorBody)})]


class _Unbounded(Struct):
    """As `Drawing`, its values checked only when converted to bytes. Takes two thirds of the time."""

    pixels: Annotated[list[Annotated[list[int], Side]], Side]


class _Whole(Struct):
    """As `Drawing`, its values written in any way JSON allows. Used only for bodies that `_Unbounded` does not take."""

    pixels: WholeRows


_unbounded = msgspec.json.Decoder(_Unbounded)
_whole = msgspec.json.Decoder(_Whole)
_first = msgspec.defstruct(
    "_first", [(f"drawing_{place}", Raw | UnsetType, UNSET) for place in range(MAX_ROWS + 1)], array_like=True
)
"""The first drawings of a list, up to one more than allowed; the decoder skips the rest without creating objects."""
_drawings: msgspec.json.Decoder[Any] = msgspec.json.Decoder(msgspec.defstruct("_drawings", [("drawings", _first)]))
"""Each drawing is decoded by itself, so that a bad one fails alone."""
_constant = re.compile(rb"(?<!\w)(NaN|-?Infinity)\b")
_byte = re.compile(r"\(byte (\d+)\)$")
_place = re.compile(r"`\$\.pixels(?:\[(\d+)\])?(?:\[(\d+)\])?`$")


def read_drawing(body: bytes | Raw) -> bytes:
    """The 784 grey values of `{"pixels": 28 rows of 28 whole numbers 0..255}`, row by row.

    Raises:
        NotUnderstood: no JSON. BadDrawing: JSON of another form, or values that are no grey values.
    """
    try:
        return b"".join(map(bytearray, _unbounded.decode(body).pixels))
    except NOT_JSON as error:
        if not isinstance(error, msgspec.ValidationError):
            raise no_json(error, body) from None
    except ValueError:  # a value that does not fit a byte
        pass
    try:
        return as_bytes(_whole.decode(body).pixels)
    except msgspec.ValidationError as error:
        raise _explain(error, body) from None


def as_bytes(values: list[Any]) -> bytes:
    """Floats that are whole numbers from 0 to 255, in lists of equal lengths, as bytes."""
    return np.array(values, np.float64).astype(np.uint8).tobytes()


def read_drawings(body: bytes) -> list[bytes | PixelWiseError]:
    """For each of `{"drawings": [{"pixels": …}, …]}` its 784 grey values, or what is wrong with it.

    Raises:
        NotUnderstood, BadDrawing: nothing of it can be read. TooLarge: more than MAX_ROWS.
    """
    try:
        first = msgspec.structs.astuple(_drawings.decode(body).drawings)
    except msgspec.ValidationError as error:
        expected, remedy = 'an object {"drawings": [{"pixels": …}, …]}', "GET /docs shows an example."
        raise BadDrawing("body", found=str(error), expected=expected, remedy=remedy) from None
    except NOT_JSON as error:
        raise no_json(error, body) from None
    drawings = [drawing for drawing in first if drawing is not UNSET]
    if len(drawings) > MAX_ROWS:
        raise _too_many(f"more than {MAX_ROWS:,}")
    return [_drawing_or_error(drawing) for drawing in drawings]


def _drawing_or_error(body: Raw) -> bytes | PixelWiseError:
    try:
        return read_drawing(body)
    except (BadDrawing, NotUnderstood) as error:
        return error


def read_raw_drawings(body: bytes) -> list[bytes]:
    """N x 784 bytes as N drawings.

    Raises:
        BadDrawing: not a multiple of 784. TooLarge: more than MAX_ROWS.
    """
    if len(body) % PIXELS:
        remedy = "Send 28 rows of 28 grey values for each drawing, one byte each, without separators."
        raise BadDrawing("body", found=f"{len(body):,} bytes", expected=f"a multiple of {PIXELS}", remedy=remedy)
    check_count(len(body) // PIXELS)
    return [body[start : start + PIXELS] for start in range(0, len(body), PIXELS)]


def check_count(count: int) -> None:
    """Refuses more drawings than one request may hold."""
    if count > MAX_ROWS:
        raise _too_many(f"{count:,}")


def _too_many(found: str) -> TooLarge:
    expected, remedy = f"at most {MAX_ROWS:,} in a request", "Send them in several requests."
    return TooLarge("drawings", found=found, expected=expected, remedy=remedy)


def no_json(error: Exception, body: bytes | Raw) -> PixelWiseError:
    """The refusal of a body that is not JSON, or has a number too large for a float."""
    if isinstance(error, msgspec.ValidationError):  # from a body that is decoded without a type
        found = str(error)
        expected, remedy = "whole numbers from 0 to 255", "Send grey values, 0 for paper to 255 for ink."
        return BadDrawing("body", found=f"{found[:1].lower()}{found[1:]}", expected=expected, remedy=remedy)
    data = bytes(body)
    if not data.strip():
        found = "empty"
    elif isinstance(error, RecursionError):
        found = "values nested too deeply"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or b"\0" in data:
        found = "UTF-16, or a byte order mark"
    elif isinstance(error, UnicodeDecodeError):
        found = "text that is not UTF-8"
    elif constant := _constant.search(_near(error, data)):
        found = f"{constant[1].decode()}, which JSON does not have"
    else:
        found = str(error)
    return NotUnderstood("body", found=found, expected="JSON in UTF-8", remedy="GET /docs shows an example.")


def _near(error: Exception, data: bytes) -> bytes:
    """Bytes from where the decoder stopped: the N or I of a constant."""
    at = _byte.search(str(error))
    return data[max(0, int(at[1]) - 1) : int(at[1]) + len("Infinity ")] if at else b""


def _explain(error: msgspec.ValidationError, body: bytes | Raw) -> PixelWiseError:
    """The refusal that names the fault, its place and the value."""
    message = str(error)
    try:
        whole = msgspec.json.decode(body)
    except msgspec.ValidationError:  # this error names no keys; `error` is just as true
        return no_json(error, body)
    except NOT_JSON as broken:
        return no_json(broken, body)
    place = _place.search(message)
    example = 'Send {"pixels": 28 rows of 28 whole numbers}, 0 for paper to 255 for ink.'
    if place is None:  # not an object, or one without pixels
        found = message if isinstance(whole, dict) else shown(whole)
        return BadDrawing("drawing", found=found, expected='an object with the key "pixels"', remedy=example)
    row, column = place.groups()
    found = _value_at(whole["pixels"], [int(index) for index in (row, column) if index is not None])
    if column is not None:
        subject, expected = f"pixel in row {row}, column {column}", "a whole number from 0 to 255"
    elif row is not None:
        subject, expected = f"row {row} of the drawing", f"{SIDE} whole numbers"
    else:
        subject, expected = "pixels of the drawing", f"{SIDE} rows"
    return BadDrawing(subject, found=found, expected=expected, remedy=example)


def _value_at(value: Any, place: list[int]) -> str:
    for index in place:
        value = value[index]
    if isinstance(value, list) and value and len(place) < 2:
        return f"{len(value)} {'values' if place else 'rows'}"
    return shown(value)


def shown(value: Any) -> str:
    """A value of JSON, as a refusal shows it."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "an object"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else f"{text[:40]}…"
