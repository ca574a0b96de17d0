"""The gate of every request that arrived: an id, the Host check, security headers, refusals, metrics, the log.

While the queue is full, requests to it are refused before all that; requests that do not arrive whole are noted too."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answering.batcher import Overload
from app.answering.metrics import Metrics
from app.answering.refusals import Overloaded
from app.errors import PixelWiseError
from app.server.connection import CONNECTION, REFUSED
from app.server.http_framing import length_of_body
from app.server.request_id import new_request_id
from app.web.access import Access, peer_address
from app.web.http_statuses import framework_refusal, refusal, unexpected
from app.web.refusal_page import as_page, asks_for_page
from app.web.refusals import NotUnderstood
from app.web.request import Call, Endpoint

ALWAYS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
]
NOT_KEPT = (b"cache-control", b"no-store")
FOR_PROGRAMS = [*ALWAYS, NOT_KEPT]
FOR_PAGES = [
    *ALWAYS,
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
JSON = (b"content-type", b"application/json")
CLOSES = (b"connection", b"close")
FULL_SECONDS = 0.1
"""For this long after a refusal for want of room, each head is checked for room before it is parsed."""
CLOSED_BY_CLIENT = 499
"""Status in log and metrics when the client went away before its answer. Source: nginx uses this number for it."""
_log = logging.getLogger("pixelwise.web")


class AccessLine(msgspec.Struct, frozen=True):
    """One answered request, for the log; `ms` from its headers to its answer."""

    time: datetime
    level: str
    source: str
    request_id: str
    client: str
    method: str
    path: str
    status: int
    ms: float


class Gate:
    """The outermost ASGI application.

    Args:
        overload: the overload of the queues that drawings go to, given the number of further drawings.
        queued: the paths whose drawings go to a queue, each with its endpoint.
        log: takes one line for each request; None writes none.
        started_at: of this process's service.

    Attributes:
        is_ending: the service is ending, and each answer says that its connection closes.
        coming: requests whose head has arrived, and that are about to be handled here.
    """

    def __init__(
        self,
        inside: ASGIApp,
        access: Access,
        metrics: Metrics,
        *,
        overload: Callable[[int], Overload | None],
        queued: Mapping[str, Endpoint],
        log: Callable[[AccessLine], None] | None,
        started_at: datetime,
    ) -> None:
        self.started_at = started_at
        self._inside, self._access, self._metrics, self._log = inside, access, metrics, log
        self._overload, self._queued = overload, queued
        self._refused = 0
        self.is_ending = False
        self._full_until = 0.0
        self.coming = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # so that the router raises what it refuses
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
        elif (connection := scope.get("state", {}).get(CONNECTION)) is not None:
            await connection.run(self._answer, scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    def note_refused(self, request_id: str, peer: tuple[str, int] | None, status: int, seconds: float) -> None:
        """Notes a refusal of bytes that never became a request; `seconds` from the first of them."""
        self._metrics.request("none", status, seconds)
        self._write(request_id, peer_address(peer), "-", "-", status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._queued.get(scope["path"]) if scope["method"] == "POST" else None
        if endpoint is not None:
            overload = self._overload_of(scope["path"], scope["query_string"])
            if overload is not None:
                await self._refuse_at_once(overload, scope, send)
                return
        call = scope["pixelwise.call"] = Call(scope, receive)
        length, may_have_body = length_of_body(scope)
        is_last = _is_last(length, may_have_body)
        status = 0

        async def send_more(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                if JSON in headers:
                    added = FOR_PROGRAMS
                elif any(name == b"cache-control" for name, _ in headers):
                    added = FOR_PAGES
                else:
                    added = [*FOR_PAGES, NOT_KEPT]
                message["headers"] = [*headers, *added, (b"x-request-id", call.id.encode())]
                if (self.is_ending or is_last) and CLOSES not in headers:
                    message["headers"].append(CLOSES)
            await send(message)

        try:
            if not may_have_body:
                raise NotUnderstood(
                    "request",
                    found="a body and the header Upgrade or the method CONNECT, which ask for another protocol",
                    expected="one or the other",
                    remedy="Send it without the header Upgrade, as HTTP/1.1.",
                )
            self._access.check_host(call)
            call.check_headers()
            if endpoint is None:
                await self._inside(scope, receive, send_more)
            else:  # as the router itself sets it
                scope["endpoint"] = endpoint
                await endpoint(scope, receive, send_more)
        except ClientDisconnect:
            status = CLOSED_BY_CLIENT
        except Exception as error:  # the outermost handler: the client gets JSON or a page, the log the error
            if status:
                _log.exception("the answer broke off", extra={"request_id": call.id})
                raise
            response = _refuse(error, call.id)
            shown = as_page(response, scope["path"]) if asks_for_page(call) else response
            await shown(scope, receive, send_more)
        finally:
            self._note(scope, call, status)
            del scope["pixelwise.call"]  # it refers back to the scope: the cycle would wait for the garbage collector

    def is_full(self) -> bool:
        """True if a request to the queue was refused for want of room a moment ago."""
        return time.monotonic() < self._full_until

    def refusal_unread(self, target: bytes) -> bytes | None:
        """The whole refusal of an unparsed POST to this target while its queue is full; None if there is room."""
        path, _, query = target.partition(b"?")
        overload = self._overload_of(path.decode(), query, self.coming + 1)
        if overload is None or self.is_ending:
            return None
        head, body = _overloaded_whole(overload.retry_after)
        return b"%sx-request-id: %s\r\n\r\n%s" % (head, self._counted_refusal(), body)

    def _overload_of(self, path: str, query: bytes, rows: int = 1) -> Overload | None:
        """The overload that a POST to this path meets, judged by its head; None if there is room.

        A request for one version passes: its queue may have room.
        """
        if path not in self._queued or b"model=" in query:
            return None
        overload = self._overload(rows)
        if overload is not None:
            self._full_until = time.monotonic() + FULL_SECONDS
        return overload

    async def _refuse_at_once(self, overload: Overload, scope: Scope, send: Send) -> None:
        """Refuses a request before anything else is done with it."""
        status, headers, body = _overloaded(overload.retry_after)
        ends = self.is_ending or _is_last(*length_of_body(scope))
        named = [*headers, (b"x-request-id", self._counted_refusal()), *([CLOSES] if ends else [])]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": body})

    def _counted_refusal(self) -> bytes:
        """Counts one more immediate refusal and returns its id; the log has one line for all within a second."""
        if not self._refused:
            asyncio.get_running_loop().call_later(1.0, self._note_refused)
        self._refused += 1
        return new_request_id().encode()

    def _note_refused(self) -> None:
        _log.warning("overloaded: %d requests were refused within a second", self._refused)
        self._metrics.refused_at_once(self._refused)
        self._refused = 0

    def _note(self, scope: Scope, call: Call, status: int) -> None:
        seconds = time.monotonic() - call.arrived
        status = scope.get(REFUSED, status)
        self._metrics.request(getattr(scope.get("endpoint"), "__name__", "none"), status, seconds)
        self._write(call.id, self._access.address(call), scope["method"], scope["path"], status, seconds)

    def _write(self, request_id: str, client: str, method: str, path: str, status: int, seconds: float) -> None:
        if self._log is not None:
            now, ms = datetime.now(UTC), round(1000 * seconds, 2)
            self._log(AccessLine(now, "info", "request", request_id, client, method, path, status, ms))


@lru_cache(maxsize=64)
def _overloaded(retry_after: int) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The status, the headers and the body of this refusal."""
    response = refusal(Overloaded("more drawings than can be answered soon", retry_after=retry_after))
    return response.status_code, [*response.raw_headers, *FOR_PROGRAMS], bytes(response.body)


def _is_last(length: float, may_have_body: bool) -> bool:
    """True if no request may follow this one: outside the parser, the end of a chunked body cannot be seen."""
    return length == math.inf or not may_have_body


@lru_cache(maxsize=64)
def _overloaded_whole(retry_after: int) -> tuple[bytes, bytes]:
    """The same refusal as bytes: the part of the head that is the same for all requests, and the body."""
    status, headers, body = _overloaded(retry_after)
    fields = b"".join([b"%s: %s\r\n" % header for header in headers])
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() + fields, body


def _refuse(error: Exception, request_id: str) -> Response:
    if isinstance(error, PixelWiseError):
        return refusal(error)
    if isinstance(error, HTTPException):
        return framework_refusal(error)
    _log.error("unexpected", exc_info=error, extra={"request_id": request_id})
    return unexpected()
