"""/v2: the Open Inference Protocol v2 (KServe, Triton), for clients such as tritonclient."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from app import __version__
from app.answering.side_threads import LOOP_BYTES, Aside
from app.drawing.ink_measures import PIXELS, SIDE
from app.errors import PixelWiseError
from app.model.contract import USUAL_FORMAT
from app.web.body import JSON, RAW, announced_bytes, read_body, require_media_type
from app.web.http_statuses import describe, refusal, respond
from app.web.operation import CALLERS, PROGRAMS, Operation, Parameter, binary, one_of
from app.web.payloads import A_DIGIT, MAX_ROWS
from app.web.refusals import NotFound
from app.web.request import Call
from app.web.routes.health import respond_ready
from app.web.service import CHOICE, FOR_WHOM, Routes, Service, answers_to
from app.web.tensors import (
    INPUT,
    INPUT_TYPE,
    LENGTH_HEADER,
    OUTPUTS,
    InferRequest,
    InferResponse,
    read_question,
    write_answers,
)

MODEL = "digits"
PLATFORMS = {USUAL_FORMAT: "joblib"}
"""Formats that the protocol's clients know by another name."""
INFER_BYTES = MAX_ROWS * (8 << 10)

NAME = Parameter("name", "path", one_of(MODEL), "The model.")
VERSION = Parameter("version", "path", str, "A served version, such as v1.0.")
LENGTH = Parameter(LENGTH_HEADER, "header", Annotated[int, Meta(ge=1)], "Bytes of JSON before the binary tensors.")
ASKED = {JSON: InferRequest, RAW: binary("JSON, and the bytes of the tensor behind it.")}
ANSWERED = {JSON: InferResponse, RAW: binary("JSON, and the bytes of the outputs behind it.")}
VALUES = [value for row in A_DIGIT["pixels"] for value in row]
EXAMPLE = {"inputs": [{"name": INPUT, "datatype": INPUT_TYPE, "shape": [1, SIDE, SIDE], "data": VALUES}]}


class ServerMetadata(Struct):
    """The server."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(Struct):
    """Yes."""

    live: bool


class ServerReady(Struct):
    """As GET /ready, which also says what fails."""

    ready: bool


class ModelReady(Struct):
    """A version that is served is ready when the server is: one that does not verify is not served."""

    name: str
    ready: bool


class TensorMetadata(Struct):
    """A tensor; -1 in its shape: one for each drawing."""

    name: str
    datatype: str
    shape: list[Annotated[int, Meta(ge=-1)]]


class ModelMetadata(Struct):
    """The tensors that are taken and given; the columns of "scores" are the classes in the order of `parameters`."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: dict[str, str]


Method: TypeAlias = Callable[["ProtocolRoutes", Call], Coroutine[Any, Any, Response]]


def _says_errors(method: Method) -> Method:
    """Puts a refusal's whole sentence after its code under "error": the protocol's clients show only that field."""

    @wraps(method)
    async def answer(self: ProtocolRoutes, call: Call) -> Response:
        try:
            return await method(self, call)
        except PixelWiseError as error:
            response, body = refusal(error), describe(error)
            said = msgspec.structs.replace(body, error=f"{body.error}: {body.message} {body.remedy}")
            headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
            return respond(said, status=response.status_code, headers=headers)

    return answer


def _by_path(metadata: Method, ready: Method, infer: Method) -> Iterator[Operation]:
    """The operations of the model, and of a version that the path names, which takes a key."""
    for path, named, parameters in (
        ("/v2/models/{name}", "model", [NAME]),
        ("/v2/models/{name}/versions/{version}", "version", [NAME, VERSION]),
    ):
        yield Operation(
            "GET", path, metadata, "protocol", ModelMetadata, parameters=parameters,
            id=f"{named}Metadata", text=f"The tensors of a {named}.",
        )  # fmt: skip
        yield Operation(
            "GET", path + "/ready", ready, "protocol", ModelReady, parameters=parameters,
            id=f"{named}Ready", unready=ModelReady,
        )  # fmt: skip
        yield Operation(
            "POST", path + "/infer", infer, "protocol", ANSWERED, takes=ASKED, example=EXAMPLE,
            at_most=f"{MAX_ROWS:,} drawings and {INFER_BYTES:,} bytes",
            parameters=[*parameters, LENGTH, *(CHOICE if named == "model" else [FOR_WHOM])],
            callers=CALLERS if named == "model" else PROGRAMS, id=f"{named}Infer",
        )  # fmt: skip


class ProtocolRoutes(Routes):
    """The routes; every answer is stored, with the source "protocol"."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._aside = Aside(threads=1)

    async def server(self, call: Call) -> Response:
        """The server."""
        return respond(ServerMetadata("pixelwise", __version__, ["binary_tensor_data"]))

    async def server_live(self, call: Call) -> Response:
        """Alive?"""
        return respond(ServerLive(live=True))

    async def server_ready(self, call: Call) -> Response:
        """Ready?"""
        is_ready = (await self._service.ready_check.readiness()).is_ready
        return respond_ready(ServerReady(is_ready), is_ready=is_ready)

    @_says_errors
    async def model(self, call: Call) -> Response:
        """The tensors of a model."""
        version = self._service.readers[self._version(call) or self._service.default].version
        classes = version.classes
        shapes = {"scores": [-1, len(classes)]}
        return respond(
            ModelMetadata(
                MODEL,
                list(self._service.readers),
                f"pixelwise_{PLATFORMS.get(version.scorer.format, version.scorer.format)}",
                [TensorMetadata(INPUT, INPUT_TYPE, [-1, SIDE, SIDE])],
                [TensorMetadata(name, datatype, shapes.get(name, [-1])) for name, datatype in OUTPUTS.items()],
                {"classes": " ".join(classes)},
            )
        )

    @_says_errors
    async def model_ready(self, call: Call) -> Response:
        """Is it ready?"""
        self._version(call)
        is_ready = (await self._service.ready_check.readiness()).is_ready
        return respond_ready(ModelReady(MODEL, is_ready), is_ready=is_ready)

    @_says_errors
    async def infer(self, call: Call) -> Response:
        """Read drawings, and store the answers.

        In a refusal the whole sentence follows the code under `error`: the protocol's clients show that.
        """
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

    def _version(self, call: Call) -> str | None:
        """The version that the path names, which is served; None when it names none."""
        name, version = call.path_params["name"], call.path_params.get("version")
        if name != MODEL:
            remedy = f"Use /v2/models/{MODEL}."
            raise NotFound("model", found=name[:40], expected=MODEL, remedy=remedy)
        return None if version is None else self._service.reader_of(version).version.name

    OPERATIONS = (
        Operation("GET", "/v2", server, "protocol", ServerMetadata, id="serverMetadata"),
        Operation("GET", "/v2/health/live", server_live, "protocol", ServerLive),
        Operation("GET", "/v2/health/ready", server_ready, "protocol", ServerReady, unready=ServerReady),
        *_by_path(model, model_ready, infer),
    )
