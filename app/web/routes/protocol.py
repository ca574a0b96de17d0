"""/v2: the Open Inference Protocol v2 (KServe, Triton), for clients such as tritonclient."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeAlias

import msgspec
from starlette.responses import Response

from app import __version__
from app.answering.side_threads import LOOP_BYTES, Aside
from app.drawing.measures import PIXELS, SIDE
from app.errors import PixelWiseError
from app.web.body import JSON, RAW, announced_bytes, read_body, require_media_type
from app.web.payloads import MAX_ROWS
from app.web.refusals import NotFound
from app.web.request import Call
from app.web.routes.health import Health
from app.web.service import Service, answers_to
from app.web.statuses import describe, refusal, respond
from app.web.tensors import INPUT, INPUT_TYPE, LENGTH_HEADER, OUTPUTS, read_question, write_answers

MODEL = "digits"
INFER_BYTES = MAX_ROWS * (8 << 10)

Method: TypeAlias = Callable[["Protocol", Call], Coroutine[Any, Any, Response]]


def _says_errors(method: Method) -> Method:
    """The protocol's clients show what stands under "error", so here the whole sentence follows the code there."""

    @wraps(method)
    async def answer(self: Protocol, call: Call) -> Response:
        try:
            return await method(self, call)
        except PixelWiseError as error:
            response, body = refusal(error), describe(error)
            said = msgspec.structs.replace(body, error=f"{body.error}: {body.message} {body.remedy}")
            return _with_body(response, said)

    return answer


def _with_body(response: Response, body: object) -> Response:
    headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return respond(body, status=response.status_code, headers=headers)


class Protocol:
    """The routes; every answer is stored, with the source "protocol"."""

    def __init__(self, service: Service, health: Health) -> None:
        self._service, self._health, self._aside = service, health, Aside(threads=1)

    async def server(self, call: Call) -> Response:
        """The server metadata."""
        return respond({"name": "pixelwise", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def server_live(self, call: Call) -> Response:
        """The process is alive."""
        return respond({"live": True})

    async def server_ready(self, call: Call) -> Response:
        """As GET /ready, which also says what fails."""
        return await self._ready(call, {})

    @_says_errors
    async def model(self, call: Call) -> Response:
        """The tensors that the model takes and gives; the columns of "scores" are the classes in this order."""
        classes = self._service.readers[self._version(call) or self._service.default].version.classes
        shapes = {"scores": [-1, len(classes)]}
        return respond(
            {
                "name": MODEL,
                "versions": list(self._service.readers),
                "platform": "pixelwise_joblib",
                "inputs": [{"name": INPUT, "datatype": INPUT_TYPE, "shape": [-1, SIDE, SIDE]}],
                "outputs": [
                    {"name": name, "datatype": datatype, "shape": shapes.get(name, [-1])}
                    for name, datatype in OUTPUTS.items()
                ],
                "parameters": {"classes": " ".join(classes)},
            }
        )

    @_says_errors
    async def model_ready(self, call: Call) -> Response:
        """A version that is served is ready when the server is: one that does not verify is not served."""
        self._version(call)
        return await self._ready(call, {"name": MODEL})

    @_says_errors
    async def infer(self, call: Call) -> Response:
        """Answers to the drawings of one tensor."""
        reader, origin, caller = self._service.admit(call, stores="protocol", version=self._version(call))
        kind = require_media_type(call, JSON, RAW)
        if kind == RAW:  # its JSON is shorter than a drawing, as a rule
            reader.queue.admit(min(announced_bytes(call) // PIXELS, MAX_ROWS))
        body = await read_body(call, limit=INFER_BYTES, of=caller)
        length = call.field(LENGTH_HEADER.encode())
        if len(body) <= LOOP_BYTES:
            question = read_question(body, length)
        else:
            question = await self._aside.run(lambda: read_question(body, length), of=caller)
        answers = await answers_to(call, reader, question.pixels, origin=origin)
        version = reader.version
        content, json_length = write_answers(
            question, answers, model=MODEL, version=version.name, classes=len(version.classes)
        )
        if json_length is None:
            return Response(content, media_type=JSON)
        headers = {LENGTH_HEADER: str(json_length), "cache-control": "no-store"}
        return Response(content, media_type=RAW, headers=headers)

    async def _ready(self, call: Call, about: dict[str, str]) -> Response:
        response = await self._health.ready(call)
        return _with_body(response, about | {"ready": response.status_code == 200})

    def _version(self, call: Call) -> str | None:
        """The version that the path names, which is served; None when it names none."""
        name, version = call.path_params["name"], call.path_params.get("version")
        if name != MODEL:
            remedy = f"Use /v2/models/{MODEL}."
            raise NotFound("model", found=name[:40], promised=MODEL, remedy=remedy)
        return None if version is None else self._service.reader_of(version).version.name
