"""/v2: the Open Inference Protocol v2 (KServe, Triton), for clients such as tritonclient."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.errors import NotFound, PixelWiseError
from app.web.body import JSON, RAW, read_body, require_media_type
from app.web.errors import describe, refusal, respond
from app.web.payloads import MAX_ROWS
from app.web.reading import Reader
from app.web.routes.health import Health
from app.web.service import Service, answers_to
from app.web.tensors import INPUT, INPUT_TYPE, LENGTH_HEADER, OUTPUTS, SIDE, read_question, write_answers

MODEL = "digits"
INFER_BYTES = MAX_ROWS * (8 << 10)
LOOP_BYTES = 64 << 10
"""Larger bodies are decoded on a thread: they take milliseconds."""

Endpoint: TypeAlias = Callable[["Protocol", Request], Awaitable[Response]]


def _says_errors(endpoint: Endpoint) -> Endpoint:
    """The protocol's clients show what stands under "error", so here the whole sentence follows the code there."""

    @wraps(endpoint)
    async def answer(self: Protocol, request: Request) -> Response:
        try:
            return await endpoint(self, request)
        except PixelWiseError as error:
            response, body = refusal(error), describe(error)
            said = msgspec.structs.replace(body, error=f"{body.error}: {body.message} {body.remedy}")
            response.body = respond(said).body
            response.headers["content-length"] = str(len(response.body))
            return response

    return answer


class Protocol:
    """The routes; every answer is stored, with the source "protocol"."""

    def __init__(self, service: Service, health: Health) -> None:
        self._service, self._health = service, health

    async def server(self, request: Request) -> Response:
        """What this server is."""
        return respond({"name": "pixelwise", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def server_live(self, request: Request) -> Response:
        """The process is alive."""
        return respond({"live": True})

    async def server_ready(self, request: Request) -> Response:
        """As GET /ready, which also says what fails."""
        return await self._ready(request, {})

    @_says_errors
    async def model(self, request: Request) -> Response:
        """The tensors that the model takes and gives; the columns of "scores" are the classes in this order."""
        classes = self._reader(request).version.classes
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
    async def model_ready(self, request: Request) -> Response:
        """A model is ready when the server is: it refuses to start with one that does not verify."""
        self._reader(request)
        return await self._ready(request, {"name": MODEL})

    @_says_errors
    async def infer(self, request: Request) -> Response:
        """Answers to the drawings of one tensor."""
        reader = self._reader(request)
        self._service.admit(request, stores=True)
        require_media_type(request, JSON, RAW)
        body = await read_body(request, limit=INFER_BYTES)
        length = request.headers.get(LENGTH_HEADER)
        if len(body) <= LOOP_BYTES:
            question = read_question(body, length)
        else:
            question = await asyncio.to_thread(read_question, body, length)
        answers = await answers_to(request, reader, question.pixels, source="protocol")
        version = reader.version
        content, json_length = write_answers(
            question, answers, model=MODEL, version=version.name, classes=len(version.classes)
        )
        if json_length is None:
            return Response(content, media_type=JSON)
        return Response(content, media_type=RAW, headers={LENGTH_HEADER: str(json_length)})

    async def _ready(self, request: Request, about: dict[str, str]) -> Response:
        response = await self._health.ready(request)
        said = respond(about | {"ready": response.status_code == 200}, status=response.status_code)
        if "retry-after" in response.headers:
            said.headers["retry-after"] = response.headers["retry-after"]
        return said

    def _reader(self, request: Request) -> Reader:
        """The version that the address names, or the one that answers when it names none."""
        name, version = request.path_params["name"], request.path_params.get("version", self._service.default)
        if name != MODEL:
            remedy = f"Use /v2/models/{MODEL}."
            raise NotFound("model", found=name[:40], promised=MODEL, remedy=remedy)
        if version not in self._service.readers:
            served = ", ".join(self._service.readers)
            remedy = "Use one of these, or leave out /versions/… for the one that answers elsewhere too."
            raise NotFound(f"version of {MODEL}", found=version[:40], promised=served, remedy=remedy)
        return self._service.readers[version]
