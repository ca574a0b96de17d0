"""GET /openapi.json: every route, what it takes, what it answers and how it refuses, in OpenAPI 3.0.3.

3.0 and not 3.1, because fewer viewers and generators of clients read that.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import get_args

from app import __version__
from app.drawing.ink_measures import SIDE
from app.server.early_refusals import ARRIVAL_SECONDS, HEAD_BYTES, HEAD_LINES, ErrorBody
from app.web.access import COOKIE
from app.web.body import JSON
from app.web.http_statuses import STATUSES
from app.web.openapi_schemas import Json, Schemas
from app.web.operation import Operation, Parameter, Tag, Type
from app.web.service import VERSION_PARAMETER, VISITOR

INTRODUCTION = f"""\
Reads handwritten digits. Drawings are {SIDE} rows of {SIDE} grey values, 0 for paper to 255 for ink; `POST /drawings`
takes strokes and pictures of any size instead and brings them into that form.

Programs send a key in the header `X-API-Key`. The page uses a cookie that it gets with `GET /`.

Several versions of the model may be served; `GET /health` lists them. The default answers, or the one that the
operator's flags choose for the caller: `GET /visit` says which. A program may ask for another one, by
`?{VERSION_PARAMETER}=v2.0` or by the path under `/v2`; visits of the page only for a preview. A program that asks for
many people names each in the header `{VISITOR}`, so that each keeps a version while it is rolled out.

Every refusal is an object of `error` (a code), `message` (what is wrong, and what was expected) and `remedy` (what
to do); a person who opens an address in a browser (`Accept: text/html`) gets the same as a page. Parameters that only
other operations take are refused where a drawing is read; names that nobody knows are ignored. Every answer has the
header `x-request-id`, which the log has too. A request arrives within {ARRIVAL_SECONDS:g} seconds, its head is at most
{HEAD_BYTES:,} bytes and {HEAD_LINES} lines long. A method that a path does not list is refused with 405. After a 429 or
503, wait for the seconds in `Retry-After`.
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
    431: "The head of the request has more bytes or lines than are taken.",
    500: "A fault of the service; its log has the request's id.",
    503: "The service cannot answer now: too much waits, it stops, or its database is away.",
}
ALWAYS = {400, 403, 431, 500, 503}
OF_PLACES = {"path": (404,), "query": (422,), "header": (422,)}
OF_CALLERS = {401, 429}
OF_BODIES = {408, 413, 415, 422}


def openapi(operations: Iterable[Operation]) -> Json:
    """The document."""
    schemas, paths = Schemas(), defaultdict[str, Json](dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _described(operation, schemas)
    responses = _refusals(schemas)
    return {
        "openapi": "3.0.3",
        "info": {"title": "HTTP interface", "version": __version__, "description": INTRODUCTION},
        "servers": [{"url": "/"}, {"url": "/api", "description": "The same; existing front ends call it so."}],
        "tags": [{"name": name} for name in get_args(Tag)],
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "responses": responses,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "visit": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by `GET /`."},
            },
        },
    }


def _described(operation: Operation, schemas: Schemas) -> Json:
    text = operation.text or inspect.getdoc(operation.answer) or ""  # python -OO removes docstrings
    summary, _, more = text.partition("\n\n")
    limit = f"At most {operation.at_most}." if operation.at_most else ""
    parts: Json = {
        "description": " ".join([limit, *more.split()]).strip(),
        "parameters": [_parameter(parameter, schemas) for parameter in operation.parameters],
        "requestBody": operation.takes and {"required": True, "content": _content(operation.takes, schemas)},
    }
    if operation.takes:
        parts["requestBody"]["content"][JSON]["example"] = operation.example
    return {
        "tags": [operation.tag],
        "summary": summary.removesuffix("."),
        "operationId": operation.id or _in_camel_case(operation.answer.__name__),
        "security": [{} if caller == "anyone" else {caller: []} for caller in operation.callers],
        **{key: value for key, value in parts.items() if value},
        "responses": _responses(operation, schemas),
    }


def _responses(operation: Operation, schemas: Schemas) -> Json:
    """Status -> response; the possible refusals follow from the body, the callers and the parameters."""
    refused = ALWAYS.union(operation.refuses)
    refused.update(*(given.refused or OF_PLACES[given.place] for given in operation.parameters))
    refused |= OF_CALLERS if operation.callers else set()
    refused |= OF_BODIES if operation.takes else set()
    responses: Json = {"200": {"description": "The answer.", "content": _content(operation.gives, schemas)}}
    responses |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refused)}
    if operation.unready:
        answer = {JSON: {"schema": {"anyOf": [schemas.of(operation.unready), schemas.of(ErrorBody)]}}}
        responses["503"] = {"description": "Not ready, or the service cannot answer now.", "content": answer}
    return responses


def _content(types: Type | Mapping[str, Type], schemas: Schemas) -> Json:
    by_media_type = types if isinstance(types, Mapping) else {JSON: types}
    return {media_type: {"schema": schemas.of(type_)} for media_type, type_ in by_media_type.items()}


def _parameter(parameter: Parameter, schemas: Schemas) -> Json:
    described = {"name": parameter.name, "in": parameter.place, "description": parameter.description}
    required = {"required": True} if parameter.place == "path" else {}
    return described | {"schema": schemas.of(parameter.type)} | required


def _in_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _refusals(schemas: Schemas) -> Json:
    """Status -> the response of the one shape, with an example for each of its codes."""
    early = {408: ["too-slow"], 431: ["head-too-large"]}
    codes: dict[int, list[str]] = defaultdict(list, {404: ["not-found"], 500: ["unexpected"], **early})
    for status, code in STATUSES.values():
        if code not in codes[status]:
            codes[status].append(code)
    responses: Json = {}
    for status, meaning in MEANINGS.items():
        examples = {code: {"value": {"error": code, "message": meaning, "remedy": "…"}} for code in codes[status]}
        responses[str(status)] = {
            "description": meaning,
            "content": {JSON: {"schema": schemas.of(ErrorBody), "examples": examples}},
        }
        if status in (429, 503):
            seconds = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
            responses[str(status)]["headers"] = {"Retry-After": seconds}
    return responses
