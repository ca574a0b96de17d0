"""Every refusal as HTTP: one table from class to status and code, one JSON shape."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.answering.refusals import NoReport, Overloaded, Stalled, Stopping
from app.drawing.refusals import UnreadableImage
from app.errors import Busy, PixelWiseError
from app.server.early_refusals import ErrorBody
from app.storage.refusals import DatabaseUnavailable
from app.web.refusals import (
    BadDrawing,
    BadLabel,
    BadParameter,
    Forbidden,
    NotAuthenticated,
    NotFound,
    NotUnderstood,
    TooLarge,
    TooMany,
    WrongMediaType,
)

STATUSES: dict[type[PixelWiseError], tuple[int, str]] = {
    NotUnderstood: (400, "not-understood"),
    NotAuthenticated: (401, "not-authenticated"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not-found"),
    TooLarge: (413, "too-large"),
    WrongMediaType: (415, "wrong-media-type"),
    BadDrawing: (422, "bad-drawing"),
    BadLabel: (422, "bad-label"),
    BadParameter: (422, "bad-parameter"),
    UnreadableImage: (422, "unreadable-image"),
    TooMany: (429, "too-many-requests"),
    Overloaded: (503, "overloaded"),
    NoReport: (503, "no-report"),
    Stalled: (503, "stalled"),
    Stopping: (503, "stopping"),
    DatabaseUnavailable: (503, "database-unavailable"),
}
DATABASE_RETRY_SECONDS = 2


def describe(error: PixelWiseError) -> ErrorBody:
    """The refusal of one drawing among others, or of a whole request; the database's location is for the log only."""
    _, code = STATUSES[type(error)]
    if isinstance(error, DatabaseUnavailable):
        error = error.public()
    return ErrorBody(code, error.sentence, error.remedy)


def refusal(error: PixelWiseError) -> Response:
    """The whole answer to a request that is refused."""
    status, _ = STATUSES[type(error)]
    headers = {}
    if isinstance(error, Busy | TooMany):
        headers["retry-after"] = str(error.retry_after)
    elif isinstance(error, DatabaseUnavailable):
        headers["retry-after"] = str(DATABASE_RETRY_SECONDS)
    elif isinstance(error, NotAuthenticated):
        headers["www-authenticate"] = 'ApiKey realm="PixelWise", header="X-API-Key"'
    if status == 413:
        headers["connection"] = "close"  # the rest of the body is not read
    return respond(describe(error), status=status, headers=headers)


def framework_refusal(error: HTTPException) -> Response:
    """A refusal of Starlette's own: an unknown path, or a method that a path does not have."""
    allowed = (error.headers or {}).get("Allow", "")
    if error.status_code == 405:
        body = ErrorBody("method-not-allowed", "This path does not take this method.", f"Use {allowed}.")
    else:
        body = ErrorBody("not-found", "There is nothing at this path.", "GET /docs lists what there is.")
    return respond(body, status=error.status_code, headers={"allow": allowed} if allowed else {})


def unexpected() -> Response:
    """The answer to a fault of ours, which the log describes under the request's id."""
    remedy = "Report it to the operator with the x-request-id of this answer."
    return respond(ErrorBody("unexpected", "The service failed on this request.", remedy), status=500)


_encode = msgspec.json.Encoder().encode


def respond(value: object, *, status: int = 200, headers: Mapping[str, str] = {}) -> Response:  # read only
    """`value` as JSON."""
    return _Json(_encode(value), status, headers)


class _Json(Response):
    """Starlette's response with its headers written directly, not derived: takes a fifth of the time."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
