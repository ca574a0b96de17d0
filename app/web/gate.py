"""What every request passes: an id, the Host check, security headers, refusals as JSON, metrics, a line in the log."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from os import urandom
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import PixelWiseError
from app.web.access import Access
from app.web.errors import framework_refusal, refusal, unexpected
from app.web.metrics import Metrics

SECURITY_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
NOT_STORED = (b"cache-control", b"no-store")
CLOSED_BY_CLIENT = 499
"""In log and metrics: the client went away before its answer. Source: nginx uses this number for it."""
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("pixelwise.web")


class AccessLine(NamedTuple):
    """One answered request, for the log."""

    request_id: str
    client: str
    method: str
    path: str
    status: int
    ms: float


class Gate:
    """The outermost ASGI application.

    Args:
        log: takes one line for each request; None writes none.
    """

    def __init__(
        self, inside: ASGIApp, access: Access, metrics: Metrics, log: Callable[[AccessLine], None] | None
    ) -> None:
        self._inside, self._access, self._metrics, self._log = inside, access, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # so that the router raises what it refuses
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._inside(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = scope["started"] = time.monotonic()
        request = Request(scope, receive)
        request_id = scope["request_id"] = _given_id(request) or urandom(8).hex()
        status = 0

        async def send_more(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *SECURITY_HEADERS,
                    *([] if any(name == b"cache-control" for name, _ in message["headers"]) else [NOT_STORED]),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            self._access.check_host(request)
            await self._inside(scope, receive, send_more)
        except ClientDisconnect:
            status = CLOSED_BY_CLIENT
        except Exception as error:  # the outermost place: the client gets JSON, the log what it was
            if status:
                _log.exception("the answer broke off", extra={"request_id": request_id})
                raise
            await _refuse(error, request_id)(scope, receive, send_more)
        finally:
            self._note(scope, request, status, time.monotonic() - started)

    def _note(self, scope: Scope, request: Request, status: int, seconds: float) -> None:
        endpoint = scope.get("endpoint")
        self._metrics.request(getattr(endpoint, "__name__", "none"), status, seconds)
        if self._log is not None:
            client = self._access.address(request)
            self._log(
                AccessLine(
                    scope["request_id"], client, scope["method"], scope["path"], status, round(1000 * seconds, 2)
                )
            )


def _refuse(error: Exception, request_id: str) -> Response:
    if isinstance(error, PixelWiseError):
        return refusal(error)
    if isinstance(error, HTTPException):
        return framework_refusal(error)
    _log.error("unexpected", exc_info=error, extra={"request_id": request_id})
    return unexpected()


def _given_id(request: Request) -> str | None:
    """An x-request-id that a proxy or client chose, if it is safe to repeat in a header and a log."""
    for name, value in request.scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return str(value, "ascii")
    return None
