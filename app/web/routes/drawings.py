"""POST /drawings and /drawings/preview: strokes, or a picture of any size and polarity."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict
from starlette.responses import Response

from app.answering.answer import Answer, Explained, Explanation
from app.answering.reader import Reader
from app.answering.side_threads import Aside
from app.drawing.decode_image import MAX_PIXELS, MAX_SIDE, PICTURE_BYTES, decode, is_large, open_picture, read_grey
from app.drawing.file_kinds import KINDS, Foreign, foreign_kind
from app.drawing.normalise import RECIPE
from app.drawing.recipe import Seen, see, see_strokes
from app.drawing.still_image import Still, kind_of
from app.drawing.strokes import FARTHEST, MAX_POINTS
from app.errors import PixelWiseError
from app.server.early_refusals import ErrorBody
from app.web.access import Caller
from app.web.body import ALIASES, JSON, RAW, SEND_LESS, Kept, not_empty, read_body, require_media_type
from app.web.http_statuses import describe, respond
from app.web.operation import CALLERS, Operation, Parameter, binary
from app.web.payloads import NOT_JSON, no_json
from app.web.refusals import BadDrawing, BadParameter, WrongMediaType
from app.web.request import Call
from app.web.service import CHOICE, EXPLAIN, Admitted, Routes, Service, answers_to, asks_for

PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")
"""The bytes of a body decide which of these it is: many programs name the wrong one."""
PICTURE_AS_STROKES = f"A picture needs a Content-Type of its own, such as image/png. {SEND_LESS}"
FORM = Foreign(
    "a form",
    (),
    ("multipart/form-data", "application/x-www-form-urlencoded"),
    "Send strokes as application/json, and of a picture its bytes alone: "
    "curl -H 'Content-Type: image/jpeg' --data-binary @FILE",
)
"""A body that curl sends with -F, and with -d or --data-binary where no header names its type."""
FOREIGN = {media_type: kind for kind in (*KINDS, FORM) for media_type in kind.media_types}
RAW_BYTES = 8 << 20
STROKES_BYTES = 256 << 10
POINTS_ON_THE_LOOP = 1000
"""Strokes with more points are drawn on a thread, like pictures: they take milliseconds."""

Coordinate = Annotated[float, Meta(ge=-FARTHEST, le=FARTHEST)]
Point = tuple[Coordinate, Coordinate]
Length = Annotated[float, Meta(gt=0, le=FARTHEST)]


class Strokes(Struct):
    """What a pen did on a canvas.

    Attributes:
        strokes: for each time the pen was down its points, x to the right and y down, in the canvas's pixels.
        pen_width: in the same pixels; what is no longer than it is a dot.
        canvas: width and height. A point may lie outside: only the drawing's own size and place count.
    """

    strokes: list[list[Point]]
    pen_width: Length = 1.0
    canvas: tuple[Length, Length] | None = None


class DrawingAnswer(Explained, kw_only=True):
    """An answer, and the 28 rows of 28 grey values that the model saw."""

    pixels: list[list[int]]


class ReadBeside(Struct, kw_only=True):
    """One of the other served versions, and what it reads in the same 28x28: an answer, or why there is none."""

    model_version: str
    answer: Answer | None
    refusal: ErrorBody | None


class Preview(DrawingAnswer, kw_only=True):
    """An answer that is not stored.

    Attributes:
        beside: missing where it was not asked for.
    """

    beside: list[ReadBeside] | UnsetType = UNSET


INK = "Ink may be dark or light."
PICTURE = binary(
    f"At most {PICTURE_BYTES:,} bytes, {MAX_PIXELS:,} pixels and {MAX_SIDE:,} of a side. Its bytes say which of these "
    f"kinds it is; of a moving one the first frame is read. {INK}"
)
DRAWN = {
    JSON: Strokes,
    **dict.fromkeys((*PICTURES, *ALIASES), PICTURE),
    RAW: binary(f"width x height grey values, a byte each; at most {RAW_BYTES:,}. {INK}"),
}
EXAMPLE = {"strokes": [[[140, 40], [140, 240]]], "pen_width": 16, "canvas": [280, 280]}
SIDES = [
    Parameter(name, "query", Annotated[int, Meta(ge=1, le=MAX_SIDE)], f"Of a raw picture ({RAW}), which needs both.")
    for name in ("width", "height")
]
BESIDE = Parameter(
    "beside",
    "query",
    Annotated[int, Meta(ge=0, le=1)],
    "1: with what each of the other served versions reads; a flag may forbid it to visits.",
)
_strokes = msgspec.json.Decoder(Strokes)


class DrawingRoutes(Routes):
    """Both routes."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._aside = Aside(threads=2)
        self._large = Aside(threads=1, what="large pictures to decode")

    async def drawings(self, call: Call) -> Response:
        """Read strokes or a picture of any size, and store the answer.

        A blank drawing is answered with `prediction` null and not stored.
        """
        admitted = self._service.admit(call, stores=True)
        seen = await self._read(call, admitted.caller)
        return respond(DrawingAnswer(**await self._answer(call, admitted, seen)))

    async def preview(self, call: Call) -> Response:
        """The same, storing nothing.

        For an answer while one draws; `id` is null. A visit may ask for a version too, unless a flag forbids it.
        """
        service = self._service
        admitted = service.admit(call, stores=False, may_compare=True)
        others: list[Reader] = []
        is_compared = asks_for(call, BESIDE)
        if is_compared:
            service.require_comparison(service.context(call, admitted.caller))
            others = [reader for reader in service.readers.values() if reader is not admitted.reader]
        seen = await self._read(call, admitted.caller)
        reading = [asyncio.create_task(self._beside(call, reader, seen)) for reader in others]
        try:
            answer = await self._answer(call, admitted, seen)
            beside = [await task for task in reading]
        finally:
            for task in reading:  # without an answer beside them nobody is told
                task.cancel()
        return respond(Preview(**answer, beside=beside if is_compared else UNSET))

    async def _answer(self, call: Call, admitted: Admitted, seen: Seen) -> dict[str, Any]:
        """The fields of a `DrawingAnswer`."""
        reader, origin, caller = admitted
        explanation: Explanation | UnsetType | None = None if asks_for(call, EXPLAIN) else UNSET
        if seen.unread is None:
            pixels = seen.pixels.tobytes()
            explanation = await self._service.explanation(call, reader, pixels, of=caller) or UNSET
            (answer,) = await answers_to(call, reader, pixels, origin=origin, recipe=RECIPE)
        else:
            answer = reader.unread(seen.unread, recipe=RECIPE)
        return {**asdict(answer), "explanation": explanation, "pixels": seen.pixels.tolist()}

    async def _beside(self, call: Call, reader: Reader, seen: Seen) -> ReadBeside:
        """The same 28x28 as another version reads it. Its refusal costs nobody the answer."""
        try:
            if seen.unread is None:
                pixels = seen.pixels.tobytes()
                (answer,) = await reader.submit(pixels, origin=None, arrived=call.arrived, recipe=RECIPE)
            else:
                answer = reader.unread(seen.unread, recipe=RECIPE)
        except PixelWiseError as error:
            return ReadBeside(model_version=reader.version.name, answer=None, refusal=describe(error))
        return ReadBeside(model_version=reader.version.name, answer=answer, refusal=None)

    async def _read(self, call: Call, caller: Caller) -> Seen:
        """The drawing of this request, by the one recipe."""
        kind = require_media_type(call, JSON, *PICTURES, RAW, foreign=FOREIGN)
        width, height = (_side(call, name, needed=kind == RAW) for name in ("width", "height"))
        if kind in PICTURES:
            return await self._read_picture(call, caller)
        if kind == RAW:
            body = not_empty(await read_body(call, limit=RAW_BYTES, of=caller))
            return await self._aside.run(lambda: see(read_grey(body, width, height)), of=caller)
        body = not_empty(await read_body(call, limit=STROKES_BYTES, of=caller, remedy=PICTURE_AS_STROKES))
        drawn = _read_strokes(body, call.field(b"content-type"))
        if sum(map(len, drawn.strokes)) <= POINTS_ON_THE_LOOP:
            return see_strokes(drawn.strokes, pen_width=drawn.pen_width)
        return await self._aside.run(lambda: see_strokes(drawn.strokes, pen_width=drawn.pen_width), of=caller)

    async def _read_picture(self, call: Call, caller: Caller) -> Seen:
        """Counts its bytes for this caller until it is decoded. Large pictures take turns on threads of their own."""
        with Kept(caller) as kept:
            body = await read_body(call, limit=PICTURE_BYTES, of=caller, kept=kept)
            found = await self._aside.run(lambda: _digit_or_large(body), of=caller)
            if isinstance(found, Still):
                large = found
                return await self._large.run(lambda: _digit(large), of=caller)
            return found

    OPERATIONS = tuple(
        Operation(
            "POST", path, answer, "drawings", gives, id=name,
            takes=DRAWN, example=EXAMPLE, at_most=f"{STROKES_BYTES:,} bytes of strokes and {MAX_POINTS:,} points",
            parameters=[*SIDES, EXPLAIN, *more, *CHOICE], callers=CALLERS, is_queued=True,
        )
        for path, answer, gives, more, name in (
            ("/drawings", drawings, DrawingAnswer, (), "draw"),
            ("/drawings/preview", preview, Preview, (BESIDE,), "preview"),
        )
    )  # fmt: skip


def _digit_or_large(body: bytes) -> Seen | Still:
    """The digit in a picture; a large picture is only opened."""
    still = open_picture(body)
    return still if is_large(still) else _digit(still)


def _digit(still: Still) -> Seen:
    return see(decode(still))


def _read_strokes(body: bytes, said: str | None) -> Strokes:
    try:
        return _strokes.decode(body)
    except msgspec.ValidationError as error:
        remedy = 'Send {"strokes": [[[x, y], …], …], "pen_width": 16, "canvas": [280, 280]}.'
        expected = f"lists of points, no number beyond {FARTHEST:,.0f}"
        raise BadDrawing("strokes", found=str(error), expected=expected, remedy=remedy) from None
    except NOT_JSON as error:
        raise _picture(body, said) or no_json(error, body) from None


def _picture(body: bytes, said: str | None) -> WrongMediaType | None:
    """The refusal of a picture sent as strokes, whether with the wrong Content-Type or with none."""
    kind, foreign = kind_of(body), foreign_kind(body)
    if kind is not None:
        name, remedy = f"a {kind} picture", f"Send it with the header Content-Type: image/{kind.lower()}."
    elif foreign is not None:
        name, remedy = foreign.name, foreign.remedy
    else:
        return None
    found = f"{name} under Content-Type {said}" if said else f"{name} without a Content-Type"
    return WrongMediaType("body", found=found, expected="strokes as JSON", remedy=remedy)


def _side(call: Call, name: str, *, needed: bool) -> int:
    """A side of a raw picture; 0 where it is neither given nor needed."""
    text = call.query_params.get(name, "" if needed else None)
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= MAX_SIDE):
        found = text[:40] or "empty"
        expected = f"a whole number from 1 to {MAX_SIDE:,}"
        remedy = "Add ?width=…&height=… to the address. A PNG or JPEG needs none: send it as image/png or image/jpeg."
        raise BadParameter(name, found=found, expected=expected, remedy=remedy)
    return int(text)
