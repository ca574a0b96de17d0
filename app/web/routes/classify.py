"""POST /classify and POST /classify/batch: drawings that are 28x28 already."""

from __future__ import annotations

from msgspec.structs import asdict
from starlette.responses import Response

from app.answering.answer import Explained
from app.answering.side_threads import LOOP_BYTES, Aside
from app.drawing.ink_measures import PIXELS
from app.errors import PixelWiseError
from app.web.body import JSON, RAW, announced_bytes, read_body, require_media_type
from app.web.http_statuses import describe, respond
from app.web.operation import CALLERS, Operation, binary
from app.web.payloads import (
    A_DIGIT,
    MAX_ROWS,
    Answers,
    Drawing,
    Drawings,
    read_drawing,
    read_drawings,
    read_raw_drawings,
)
from app.web.request import Call
from app.web.service import CHOICE, EXPLAIN, Routes, Service, answers_to

ONE_BYTES = 64 << 10
"""784 numbers with room for the spaces of any printer of JSON."""
BATCH_BYTES = MAX_ROWS * (8 << 10)


class ClassifyRoutes(Routes):
    """Both routes; every answer is stored."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._aside = Aside(threads=1)

    async def classify(self, call: Call) -> Response:
        """Read one drawing, and store the answer."""
        reader, origin, caller = self._service.admit(call, stores=True)
        require_media_type(call, JSON)
        pixels = read_drawing(await read_body(call, limit=ONE_BYTES, of=caller))
        explanation = await self._service.explanation(call, reader, pixels, of=caller)
        (answer,) = await answers_to(call, reader, pixels, origin=origin)
        return respond(answer if explanation is None else Explained(**asdict(answer), explanation=explanation))

    async def classify_batch(self, call: Call) -> Response:
        """Read many drawings, and store the answers.

        Answers are in order. A drawing that cannot be read gets a refusal in its place; the others are answered.
        """
        reader, origin, caller = self._service.admit(call, stores=True)
        kind = require_media_type(call, JSON, RAW)
        if kind == RAW:
            reader.queue.admit(min(announced_bytes(call) // PIXELS, MAX_ROWS))
        body = await read_body(call, limit=BATCH_BYTES, of=caller)
        drawings: list[bytes] | list[bytes | PixelWiseError]
        if kind == RAW:
            drawings = read_raw_drawings(body)
        elif len(body) <= LOOP_BYTES:
            drawings = read_drawings(body)
        else:
            drawings = await self._aside.run(lambda: read_drawings(body), of=caller)
        good = [drawing for drawing in drawings if isinstance(drawing, bytes)]
        answers = iter(await answers_to(call, reader, b"".join(good), origin=origin))
        outcomes = [next(answers) if isinstance(drawing, bytes) else describe(drawing) for drawing in drawings]
        return respond(Answers(reader.version.name, outcomes))

    OPERATIONS = (
        Operation(
            "POST", "/classify", classify, "drawings", Explained,
            takes=Drawing, example=A_DIGIT, at_most=f"{ONE_BYTES:,} bytes",
            parameters=[EXPLAIN, *CHOICE], callers=CALLERS, is_queued=True,
        ),
        Operation(
            "POST", "/classify/batch", classify_batch, "drawings", Answers,
            takes={JSON: Drawings, RAW: binary(f"N x {PIXELS} bytes, drawing by drawing, row by row.")},
            example={"drawings": [A_DIGIT, A_DIGIT]}, at_most=f"{MAX_ROWS:,} drawings and {BATCH_BYTES:,} bytes",
            parameters=CHOICE, callers=CALLERS, is_queued=True,
        ),
    )  # fmt: skip
