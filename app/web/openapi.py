"""GET /openapi.json: every route, what it takes, what it answers and how it refuses, in OpenAPI 3.0.3.

3.0 and not 3.1, because the viewer behind GET /docs reads no later one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from app import __version__
from app.drawing.decode_image import MAX_PIXELS, MAX_SIDE, PICTURE_BYTES
from app.drawing.measures import PIXELS, SIDE
from app.drawing.strokes import MAX_POINTS
from app.server.early_refusals import ARRIVAL_SECONDS, HEAD_BYTES, HEAD_LINES
from app.web.access import COOKIE
from app.web.body import ALIASES, JSON, RAW
from app.web.openapi_schemas import Json, refer, schemas
from app.web.payloads import MAX_ROWS
from app.web.routes.analytics import FORMATS
from app.web.routes.classify import BATCH_BYTES, ONE_BYTES
from app.web.routes.drawings import PICTURES, RAW_BYTES, STROKES_BYTES
from app.web.routes.label import LABEL_BYTES
from app.web.routes.protocol import INFER_BYTES, MODEL
from app.web.routes.results import DEFAULT_LIMIT, MAX_LIMIT
from app.web.service import VERSION_PARAMETER, VISITOR, VISITOR_LENGTH
from app.web.statuses import STATUSES
from app.web.tensors import INPUT, INPUT_TYPE, LENGTH_HEADER

INTRODUCTION = f"""\
Reads handwritten digits. Drawings are {SIDE} rows of {SIDE} grey values, 0 for paper to 255 for ink; `POST /drawings`
takes strokes and pictures of any size instead and brings them into that form.

Programs send a key in the header `X-API-Key`. The page uses a cookie that it gets with `GET /`.

Several versions of the model may be served; `GET /health` lists them. The default answers, or the one that the
operator's flags choose for the caller: `GET /visit` says which. A program may ask for another one, by
`?{VERSION_PARAMETER}=v2.0` or by the path under `/v2`; visits of the page cannot. A program that asks for many people
names each in the header `{VISITOR}`, so that each keeps a version while it is rolled out.

Every refusal is an object of `error` (a code), `message` (what was found, and what was promised) and `remedy` (what
to do). Every answer has the header `x-request-id`, which the log has too. A request arrives within
{ARRIVAL_SECONDS:g} seconds, its head is at most {HEAD_BYTES:,} bytes and {HEAD_LINES} lines long. After a 429 or 503,
wait for the seconds in `Retry-After`.
"""

MEANINGS = {
    400: "The body is no JSON, or the request is no HTTP.",
    401: "Neither a known key nor a visit of the page.",
    403: "The request comes from another host's page, names a host that is not this service, asks for a version "
    "without a key, or is about an answer that was given to somebody else.",
    404: "There is no such thing.",
    408: f"The request took more than {ARRIVAL_SECONDS:g} seconds to arrive.",
    413: "The body holds more than this route takes at once.",
    415: "The body is of a kind that this route does not take.",
    422: "The values cannot be.",
    429: "The caller, its address or its visit asks more often than agreed.",
    500: "A fault of the service; its log has the request's id.",
    503: "The service cannot answer now: too much waits, it stops, or its database is away.",
}
ALWAYS = (400, 403, 500, 503)
ASKED = (*ALWAYS, 401, 429)
SENT = (*ASKED, 408, 413, 415, 422)
VIEWER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
CALLERS: list[dict[str, list[str]]] = [{"key": []}, {"visit": []}]
PROGRAMS: list[dict[str, list[str]]] = [{"key": []}]
DIGIT = [[255 if 12 <= column <= 14 and 4 <= row <= 23 else 0 for column in range(SIDE)] for row in range(SIDE)]
"""An upright line: a 1."""


def openapi() -> Json:
    """The document."""
    return {
        "openapi": "3.0.3",
        "info": {"title": "HTTP interface", "version": __version__, "description": INTRODUCTION},
        "servers": [{"url": "/"}, {"url": "/api", "description": "The same; existing front ends call it so."}],
        "tags": [{"name": name} for name in ("drawings", "results", "state", "pages", "protocol")],
        "paths": _drawings() | _results() | _state() | _pages() | _protocol(),
        "components": {
            "schemas": schemas(),
            "responses": _refusals(),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "visit": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by `GET /`."},
            },
        },
    }


def _refusals() -> Json:
    """Status -> the response of the one shape, with an example for each of its codes."""
    codes: dict[int, list[str]] = defaultdict(list, {404: ["not-found"], 408: ["too-slow"], 500: ["unexpected"]})
    for status, code in STATUSES.values():
        if code not in codes[status]:
            codes[status].append(code)
    responses: Json = {}
    for status, meaning in MEANINGS.items():
        examples = {code: {"value": {"error": code, "message": meaning, "remedy": "…"}} for code in codes[status]}
        responses[str(status)] = {
            "description": meaning,
            "content": {JSON: {"schema": refer("ErrorBody"), "examples": examples}},
        }
        if status in (429, 503):
            seconds = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
            responses[str(status)]["headers"] = {"Retry-After": seconds}
    return responses


def _operation(
    tag: str, summary: str, answer: Json, refusals: tuple[int, ...], *, body: Json | None = None, **more: Any
) -> Json:
    """One operation: `answer` and `body` are media type -> what is known of it."""
    responses = (
        {"200": {"description": "The answer.", "content": answer}} if answer else {"200": {"description": "Yes."}}
    )
    responses |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refusals)}
    wanted = {"requestBody": {"required": True, "content": body}} if body else {}
    return {"tags": [tag], "summary": summary, "security": [], **more, **wanted, "responses": responses}


def _json(name: str, example: Any = None) -> Json:
    return {JSON: {"schema": refer(name)} | ({} if example is None else {"example": example})}


def _binary(description: str) -> Json:
    return {"schema": {"type": "string", "format": "binary", "minLength": 1, "description": description}}


def _parameter(name: str, place: str, schema: Json, description: str) -> Json:
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "description": description, "schema": schema} | required


def _choice() -> list[Json]:
    """Parameters for choosing what answers: the version, or for whom a program asks."""
    version = "A served version, such as v1.0; only with a key. Without it, flags choose, or the default answers."
    person = "For whom a program asks, in whatever words: shares of a rollout go by it. Visits are told apart without."
    name = {"type": "string", "maxLength": VISITOR_LENGTH}
    return [
        _parameter(VERSION_PARAMETER, "query", {"type": "string"}, version),
        _parameter(VISITOR, "header", name, person),
    ]


def _drawings() -> Json:
    drawing, strokes = {"pixels": DIGIT}, {"strokes": [[[140, 40], [140, 240]]], "pen_width": 16, "canvas": [280, 280]}
    side = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}
    sides = [
        _parameter(name, "query", side, f"Of a raw picture ({RAW}), which needs both.") for name in ("width", "height")
    ]
    ink = "Ink may be dark or light."
    picture = (
        f"At most {PICTURE_BYTES:,} bytes, {MAX_PIXELS:,} pixels and {MAX_SIDE:,} of a side. Its bytes say which of "
        f"these kinds it is; of a moving one the first frame is read. {ink}"
    )
    drawn = _json("Strokes", strokes) | {kind: _binary(picture) for kind in (*PICTURES, *ALIASES)}
    drawn[RAW] = _binary(f"width x height grey values, a byte each; at most {RAW_BYTES:,}. {ink}")
    one: Json = {"body": drawn, "parameters": [*sides, *_choice()], "security": CALLERS}
    return {
        "/classify": {
            "post": _operation(
                "drawings",
                "Read one drawing, and store the answer",
                _json("Answer"),
                (*SENT, 404),
                body=_json("Drawing", drawing),
                parameters=_choice(),
                security=CALLERS,
                operationId="classify",
                description=f"At most {ONE_BYTES:,} bytes.",
            )
        },
        "/classify/batch": {
            "post": _operation(
                "drawings",
                "Read many drawings, and store the answers",
                _json("Answers"),
                (*SENT, 404),
                parameters=_choice(),
                body=_json("Drawings", {"drawings": [drawing, drawing]})
                | {RAW: _binary(f"N x {PIXELS} bytes, drawing by drawing, row by row.")},
                security=CALLERS,
                operationId="classifyBatch",
                description=f"At most {MAX_ROWS:,} drawings and {BATCH_BYTES:,} bytes. Answers are in order. "
                "A drawing that cannot be read gets a refusal in its place; the others are answered.",
            )
        },
        "/drawings": {
            "post": _operation(
                "drawings",
                "Read strokes or a picture of any size, and store the answer",
                _json("DrawingAnswer"),
                (*SENT, 404),
                operationId="draw",
                description=f"Strokes take at most {STROKES_BYTES:,} bytes and {MAX_POINTS:,} points. A blank drawing "
                "is answered with `prediction` null and not stored.",
                **one,
            )
        },
        "/drawings/preview": {
            "post": _operation(
                "drawings",
                "The same, storing nothing",
                _json("DrawingAnswer"),
                (*SENT, 404),
                operationId="preview",
                description="For an answer while one draws; `id` is null.",
                **one,
            )
        },
    }


def _results() -> Json:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    before = _parameter("before", "query", {"type": "string", "format": "uuid"}, "Only results older than this one.")
    one = _parameter("id", "path", {"type": "string", "format": "uuid"}, "Of a stored answer.")
    of_one: Json = {"parameters": [one], "security": CALLERS}
    return {
        "/results": {
            "get": _operation(
                "results",
                "What was answered, newest first",
                _json("Results"),
                (*ASKED, 422),
                parameters=[_parameter("limit", "query", limit, "How many."), before],
                security=[*CALLERS, {}],
                operationId="results",
                description="Without a key or a visit it is readable on the service's own machine, and everywhere if "
                "the operator set RESULTS_PUBLIC.",
            )
        },
        "/results/{id}/label": {
            "post": _operation(
                "results",
                "Say what was drawn",
                _json("Labelled"),
                (*SENT, 404),
                body=_json("Said", {"label": "7"}),
                operationId="label",
                description=f"At most {LABEL_BYTES:,} bytes. The last word counts. Who says that an answer is right "
                "sends the digit that it gave. A key or a visit may label the answers that were given to it, "
                "SECRET_API_KEY any.",
                **of_one,
            ),
            "delete": _operation(
                "results",
                "Take back what was said",
                _json("Labelled"),
                (*ASKED, 404),
                operationId="withdrawLabel",
                **of_one,
            ),
        },
    }


def _state() -> Json:
    ready = _operation("state", "Would a drawing be answered now?", _json("Readiness"), ALWAYS, operationId="ready")
    ready["responses"]["503"] = {"description": "No; `checks` says what fails.", "content": _either_readiness()}
    metrics = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "/health": {
            "get": _operation("state", "Alive, and with which model", _json("Health"), ALWAYS, operationId="health")
        },
        "/visit": {
            "get": _operation(
                "state",
                "Which version answers this caller, and what its page shows",
                _json("VisitAnswer"),
                (*ALWAYS, 401, 404, 422, 429),
                parameters=_choice(),
                security=CALLERS,
                operationId="visit",
            )
        },
        "/ready": {"get": ready},
        "/metrics": {
            "get": _operation("state", "Figures for Prometheus", metrics, ALWAYS, operationId="metrics"),
        },
        "/openapi.json": {
            "get": _operation(
                "state", "This document", {JSON: {"schema": {"type": "object"}}}, ALWAYS, operationId="openapi"
            )
        },
    }


def _either_readiness() -> Json:
    return {JSON: {"schema": {"anyOf": [refer("Readiness"), refer("ErrorBody")]}}}


def _pages() -> Json:
    html = {"text/html": {"schema": {"type": "string"}}}
    label = _parameter("label", "path", {"type": "string", "pattern": "^[0-9]$"}, "A class of the model.")
    meaning = "A served version, such as v1.0; without it, the default."
    version = _parameter("version", "query", {"type": "string"}, meaning)
    page = _operation("pages", "The page to draw on", html, (*ALWAYS, 429), operationId="page")
    page["description"] = "Starts a visit: sets the cookie."
    weights = _operation(
        "pages",
        "What a linear model looks for in one digit, as a picture",
        {"image/png": _binary(f"{SIDE} x {SIDE} pixels.")},
        (*ALWAYS, 404),
        parameters=[label, version],
        operationId="weights",
    )
    asked = {"type": "string", "enum": list(FORMATS), "default": FORMATS[0]}
    analytics = _operation(
        "pages",
        "What the stored answers and labels show: which version reads better, and how sure that is",
        html | _json("Report"),
        (*ASKED, 422),
        parameters=[_parameter("format", "query", asked, "The page, or all figures, unrounded.")],
        security=[*CALLERS, {}],
        operationId="analytics",
        description="Who may read GET /results may read this. Only with a key, or on the service's own machine, other "
        "people's drawings are in it. It is at most 10 seconds old.",
    )
    css = {"text/css": {"schema": {"type": "string"}}}
    return {
        "/": {"get": page},
        "/analytics": {"get": analytics},
        "/analytics/style.css": {"get": _operation("pages", "Its style", css, ALWAYS, operationId="analyticsStyle")},
        "/model": {
            "get": _operation(
                "pages", "The card of a version", html, (*ALWAYS, 404), parameters=[version], operationId="model"
            )
        },
        "/model/weights/{label}.png": {"get": weights},
        "/docs": {"get": _operation("pages", "This document, for reading", html, ALWAYS, operationId="docs")},
        "/docs/files/{name}": {
            "get": _operation(
                "pages",
                "A file of its viewer",
                css | {"text/javascript": {"schema": {"type": "string"}}},
                (*ALWAYS, 404),
                parameters=[_parameter("name", "path", {"type": "string", "enum": list(VIEWER_FILES)}, "The file.")],
                operationId="docsFile",
            )
        },
    }


def _protocol() -> Json:
    tag = "protocol"
    either_ready = {JSON: {"schema": {"anyOf": [refer("ModelReady"), refer("ServerReady"), refer("ErrorBody")]}}}
    not_ready = {"description": "No.", "content": either_ready}
    server_ready = _operation(tag, "Ready?", _json("ServerReady"), ALWAYS, operationId="serverReady")
    server_ready["responses"]["503"] = not_ready
    paths: Json = {
        "/v2": {"get": _operation(tag, "The server", _json("ServerMetadata"), ALWAYS, operationId="serverMetadata")},
        "/v2/health/live": {"get": _operation(tag, "Alive?", _json("ServerLive"), ALWAYS, operationId="serverLive")},
        "/v2/health/ready": {"get": server_ready},
    }
    values = [value for row in DIGIT for value in row]
    example = {"inputs": [{"name": INPUT, "datatype": INPUT_TYPE, "shape": [1, SIDE, SIDE], "data": values}]}
    length = _parameter(
        LENGTH_HEADER, "header", {"type": "integer", "minimum": 1}, "Bytes of JSON before the binary tensors."
    )
    name = _parameter("name", "path", {"type": "string", "enum": [MODEL]}, "The model.")
    version = _parameter("version", "path", {"type": "string"}, "A served version, such as v1.0.")
    for path, named, parameters in (
        ("/v2/models/{name}", "model", [name]),
        ("/v2/models/{name}/versions/{version}", "version", [name, version]),
    ):
        ready = _operation(
            tag, "Is it ready?", _json("ModelReady"), (*ALWAYS, 404), parameters=parameters, operationId=f"{named}Ready"
        )
        ready["responses"]["503"] = not_ready
        paths[path] = {
            "get": _operation(
                tag,
                f"The tensors of a {named}",
                _json("ModelMetadata"),
                (*ALWAYS, 404),
                parameters=parameters,
                operationId=f"{named}Metadata",
            )
        }
        paths[path + "/ready"] = {"get": ready}
        paths[path + "/infer"] = {
            "post": _operation(
                tag,
                "Read drawings, and store the answers",
                _json("InferResponse") | {RAW: _binary("JSON, and the bytes of the outputs behind it.")},
                (*SENT, 404),
                body=_json("InferRequest", example) | {RAW: _binary("JSON, and the bytes of the tensor behind it.")},
                parameters=[*parameters, length, *(_choice()[1:] if named == "version" else _choice())],
                security=PROGRAMS if named == "version" else CALLERS,
                operationId=f"{named}Infer",
                description=f"At most {MAX_ROWS:,} drawings and {INFER_BYTES:,} bytes. In a refusal the whole "
                "sentence follows the code under `error`: the protocol's clients show that.",
            )
        }
    return paths
