"""What every request passes that arrived: an id, the Host check, security headers, refusals as JSON, metrics, the log.

While the queue is full, requests to it are refused before all that; what does not arrive whole is noted here too."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Overloaded, PixelWiseError
from app.inference.batcher import Overload
from app.web.access import Access
from app.web.call import Call, Endpoint, new_request_id
from app.web.connections import REFUSED
from app.web.errors import framework_refusal, refusal, unexpected
from app.web.express import Answering, Whole
from app.web.metrics import Metrics

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
CLOSED_BY_CLIENT = 499
"""In log and metrics: the client went away before its answer. Source: nginx uses this number for it."""
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
        overload: of the queues that drawings go to, if so many more come.
        queued: the paths whose drawings go to a queue, and what answers them.
        log: takes one line for each request; None writes none.

    Attributes:
        is_full: the last request to the queue was refused for want of room.
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
    ) -> None:
        self._inside, self._access, self._metrics, self._log = inside, access, metrics, log
        self._overload = overload
        self._queued = {path.encode(): partial(self._answer_whole, endpoint) for path, endpoint in queued.items()}
        self._coming = self._refused = 0
        self.is_full = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # so that the router raises what it refuses
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._inside(scope, receive, send)

    def refuse_at_once(self, target: bytes) -> bytes | None:
        """The whole answer to a request of this target while its queue is full, before anything is made of the request.

        Who asks for one version is not refused here: that one's queue may have room.
        It has an id of its own, and the log has one line for all of a second.
        """
        path, _, query = target.partition(b"?")
        if path not in self._queued or b"model=" in query:
            return None
        overload = self._overload(self._coming + 1)
        self.is_full = overload is not None
        if overload is None:
            if not self._coming:
                asyncio.get_running_loop().call_soon(self._forget_coming)
            self._coming += 1
            return None
        if not self._refused:
            asyncio.get_running_loop().call_later(1.0, self._note_refused)
        self._refused += 1
        fields, body = _overloaded(overload.retry_after)
        return b"%sx-request-id: %s\r\n\r\n%s" % (fields, new_request_id().encode(), body)

    def express(self, address: bytes, method: bytes) -> Answering | None:
        """What answers requests to this address, the body of which has arrived, without ASGI; None: nothing does."""
        return self._queued.get(address) if method == b"POST" else None

    def note_answered(self, call: Call, status: int) -> None:
        """A request was answered on the short way."""
        self._note(call.scope, call, status)

    def note_refused(self, request_id: str, peer: tuple[str, int] | None, status: int, seconds: float) -> None:
        """A request that never became one was refused; `seconds` from its first byte."""
        self._metrics.request("none", status, seconds)
        self._write(request_id, peer[0] if peer else "", "-", "-", status, seconds)

    def _forget_coming(self) -> None:
        """Requests whose heads were read in one turn of the event loop are in the queue before the next one reads."""
        self._coming = 0

    def _note_refused(self) -> None:
        _log.warning("overloaded: %d requests were refused within a second", self._refused)
        self._metrics.refused_at_once(self._refused)
        self._refused = 0

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if REFUSED in scope:
            return  # before this began, which is noted
        call = scope["pixelwise.call"] = Call(scope, receive)
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
            await send(message)

        try:
            self._access.check_host(call)
            await self._inside(scope, receive, send_more)
        except ClientDisconnect:
            status = CLOSED_BY_CLIENT
        except Exception as error:  # the outermost place: the client gets JSON, the log what it was
            if status:
                _log.exception("the answer broke off", extra={"request_id": call.id})
                raise
            await _refuse(error, call.id)(scope, receive, send_more)
        finally:
            self._note(scope, call, status)

    async def _answer_whole(self, endpoint: Endpoint, call: Call) -> Whole:
        """As `_answer`, on the short way: awaits nothing but the future of an answer."""
        self._coming = max(0, self._coming - 1)  # it is in the queue before the next one is read
        call.scope["endpoint"] = endpoint
        try:
            self._access.check_host(call)
            response = await endpoint.answer(call)
        except ClientDisconnect:
            return Whole(CLOSED_BY_CLIENT, b"", b"")
        except Exception as error:  # noqa: BLE001  # the outermost place, as in `_answer`
            response = _refuse(error, call.id)
        head = b"%s%s%sx-request-id: %s\r\n" % (
            STATUS_LINES[response.status_code],
            _fields(response.raw_headers),
            _FIELDS_FOR_PROGRAMS,
            call.id.encode(),
        )
        return Whole(response.status_code, head, bytes(response.body))

    def _note(self, scope: Scope, call: Call, status: int) -> None:
        seconds = time.monotonic() - call.arrived
        status = scope.get(REFUSED, status)
        self._metrics.request(getattr(scope.get("endpoint"), "__name__", "none"), status, seconds)
        self._write(call.id, self._access.address(call), scope["method"], scope["path"], status, seconds)

    def _write(self, request_id: str, client: str, method: str, path: str, status: int, seconds: float) -> None:
        if self._log is not None:
            now, ms = datetime.now(UTC), round(1000 * seconds, 2)
            self._log(AccessLine(now, "info", "request", request_id, client, method, path, status, ms))


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers])


STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_FIELDS_FOR_PROGRAMS = _fields(FOR_PROGRAMS)


@lru_cache(maxsize=64)
def _overloaded(retry_after: int) -> tuple[bytes, bytes]:
    """The fields and the body of this refusal; what differs between two goes between."""
    response = refusal(Overloaded("more drawings than can be answered soon", retry_after=retry_after))
    head = STATUS_LINES[response.status_code] + _fields(response.raw_headers) + _FIELDS_FOR_PROGRAMS
    return head, bytes(response.body)


def _refuse(error: Exception, request_id: str) -> Response:
    if isinstance(error, PixelWiseError):
        return refusal(error)
    if isinstance(error, HTTPException):
        return framework_refusal(error)
    _log.error("unexpected", exc_info=error, extra={"request_id": request_id})
    return unexpected()
