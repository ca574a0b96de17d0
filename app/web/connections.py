"""HTTP connections with bounds: on the time a request takes to arrive, on its head, on their number."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, Final, NamedTuple, cast
from weakref import WeakSet

import msgspec
from httptools import HttpParserError
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.call import new_request_id
from app.web.errors import ErrorBody
from app.web.express import ExpressCycle, Run, Whole
from app.web.glance import target_of_one_request
from app.web.outgoing import Outgoing

ARRIVAL_SECONDS = 10.0
"""From a request's first byte to its last, and from a new connection to its first request's last byte."""
READING_SECONDS = 30.0
"""A client that does not take its answer for so long is cut off."""
HEAD_BYTES = 16 << 10
"""The request line and all headers."""
MAX_CONNECTIONS = 2000
PIPELINED = 64
"""Requests that may wait for the answer to the one before; a client that sends more at once is answered these, and its
connection closes. Each waits as a few KiB, and a socket holds thousands of them."""
LINGER_SECONDS = 1.0
"""When the service ends, idle connections stay open for so long, for what is on its way."""
SWEEP_SECONDS = 1.0
BODY_FIELDS = (b"content-length", b"transfer-encoding")

REFUSED: Final = "pixelwise.refused"
"""In the scope of a request whose arrival ended in a refusal: its status."""


class Refusal(NamedTuple):
    """What a client is told that sends no request that could be answered."""

    status: int
    reason: str
    answer: ErrorBody


TOO_SLOW = Refusal(
    408,
    "Request Timeout",
    ErrorBody(
        "too-slow",
        f"The request took more than {ARRIVAL_SECONDS:g} s to arrive.",
        "Send it without pauses, on a new connection.",
    ),
)
HEAD_TOO_LARGE = Refusal(
    431,
    "Request Header Fields Too Large",
    ErrorBody(
        "head-too-large",
        f"The request line and headers, or the framing of the body, are longer than {HEAD_BYTES:,} bytes.",
        "Send fewer or shorter headers, such as cookies.",
    ),
)
NOT_HTTP = Refusal(
    400,
    "Bad Request",
    ErrorBody(
        "not-understood",
        "This is not a request in HTTP/1.1.",
        "Check the method, the address, the headers and the framing of the body; GET /docs lists what there is.",
    ),
)
UPGRADE = Refusal(
    400,
    "Bad Request",
    ErrorBody(
        "not-understood",
        "A request with a body must not have the header Upgrade: it asks for another protocol.",
        "Send it without the header Upgrade, as HTTP/1.1.",
    ),
)
TOO_MANY_CONNECTIONS = Refusal(
    503,
    "Service Unavailable",
    ErrorBody("too-many-connections", "Too many connections are open.", "Close some of yours, or come again later."),
)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection. A slow client holds nothing but its own socket, and not for long.

    One sweep a second looks at all connections, so that a request costs no timer of its own. The application is a
    `Gate`: it is asked before anything is made of a request, since refusing must cost little when more comes than can
    be answered, and it is told of each request that is refused here.

    Attributes:
        awaited: the answer that the current request waits for; cancelled when the client goes away.
    """

    awaited: asyncio.Future[Any] | None = None
    _gate: Any
    _began: float | None = None
    _is_parsing = False
    """A message has begun, and not ended."""
    _in_head = True
    _unread = 0
    """Bytes that came since the last that made a whole: a head, a piece of a body, a chunk."""
    _paused_since: float | None = None
    _ending = False
    _express: ExpressCycle | None = None
    """The current request, if it may take the short way and has not arrived whole yet."""
    _was_refused = False
    """The current request was answered at its head; its body is read and dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._gate = self.config.app
        super().connection_made(Outgoing(transport, self.loop, self.is_within_a_request))  # type: ignore[arg-type]  # it passes on what it has not
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(TOO_MANY_CONNECTIONS)
            return
        self._began = time.monotonic()
        sweep(self.loop, self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.awaited is not None:
            self.awaited.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            self.transport.discard(len(data))  # type: ignore[attr-defined]  # of Outgoing
            return
        if self._gate.is_full and self._refuse_unread(data):
            return
        if self._began is None:
            self._began = time.monotonic()  # empty lines between requests are data too, and begin no message
        self._unread += len(data)
        if self._in_head and len(data) > HEAD_BYTES and b"\r\n\r\n" not in data[:HEAD_BYTES]:
            self._refuse(HEAD_TOO_LARGE)
            return
        super().data_received(data)
        self._take_the_long_way()
        if self._unread > HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        self._refuse(NOT_HTTP)

    def on_message_begin(self) -> None:
        self._is_parsing = True
        self._unset_keepalive_if_required()  # an answer that left while this came may have set it
        super().on_message_begin()
        if self._began is None:
            self._began = time.monotonic()
        self.scope["pixelwise.connection"] = self  # type: ignore[typeddict-unknown-key]  # a server may add its own

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and any(name in BODY_FIELDS and value != b"0" for name, value in self.headers):
            self._refuse(UPGRADE)
            raise HttpParserError("the parser would take this body for the next request")
        if len(self.pipeline) >= PIPELINED:
            raise HttpParserError("more requests at once than are answered on one connection")
        self._unread = 0
        if not (self._is_usual() and (self._refuse_at_once() or self._goes_express())):
            self._gate.expect(self.url)
            super().on_headers_complete()
            if self._ending:
                self.cycle.keep_alive = False
        self._in_head = False
        self.headers = []  # the request has its own by now; what follows a chunked body is none of them

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        if self._express is not None:
            self._express.body += body
        elif not self._was_refused:
            super().on_body(body)

    def on_chunk_complete(self) -> None:
        self._unread = 0

    def on_message_complete(self) -> None:
        self._is_parsing, self._in_head, self._unread, self._began = False, True, 0, None
        if self._was_refused:
            self._was_refused = False
            super().on_response_complete()
        elif self._express is not None:
            cycle, self._express = self._express, None
            self.cycle = cycle  # type: ignore[assignment]  # has what a connection looks at
            Run(cycle.answer(cycle.call), partial(self._answer, cycle))
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self.awaited = None
        self.transport.flush()  # type: ignore[attr-defined]  # of Outgoing
        super().on_response_complete()

    def shutdown(self) -> None:
        """The service ends. An idle client may be sending at this moment: it is answered, and told to close."""
        self._ending = True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self.loop.call_later(LINGER_SECONDS, self._close_if_idle)

    def close_if_late(self, now: float) -> None:
        """Ends this connection when its request or its client takes too long."""
        if self._began is not None and now - self._began > ARRIVAL_SECONDS:
            self._refuse(TOO_SLOW)
        if not self.flow.write_paused:
            self._paused_since = None
        elif self._paused_since is None:
            self._paused_since = now
        elif now - self._paused_since > READING_SECONDS:
            self.transport.abort()

    def is_within_a_request(self) -> bool:
        """Whether a request has begun to arrive, and not ended."""
        return self._is_parsing or self._unread > 0

    def _is_usual(self) -> bool:
        """Whether this request is as most are: the only one here, and the connection stays open after it."""
        usual = self._is_alone() and not self._ending and not self.expect_100_continue
        return usual and self.parser.should_keep_alive() and self.parser.get_http_version() == "1.1"

    def _is_alone(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse_unread(self, data: bytes) -> bool:
        """While more comes than can be answered: answers a usual request with a refusal, and parses nothing."""
        if self.is_within_a_request() or not self._is_alone() or self._ending or self.flow.write_paused:
            return False
        target = target_of_one_request(data)
        answer = None if target is None else self._gate.refuse_at_once(target)
        if answer is None:
            return False
        self._began = None
        self.transport.write_whole(answer)  # type: ignore[attr-defined]  # of Outgoing
        super().on_response_complete()
        return True

    def _goes_express(self) -> bool:
        """Takes the short way if there is one for this request; whether its body is here too is seen in a moment."""
        answer = self._gate.express(self.url, self.parser.get_method())
        if answer is None or self.flow.write_paused:
            return False
        scope = cast(Scope, self.scope)
        scope.update(method="POST", path=self.url.decode(), raw_path=self.url, query_string=b"")
        self._express = ExpressCycle(scope, answer)
        return True

    def _take_the_long_way(self) -> None:
        """Of a request on the short way something is still to come: it is answered as any other."""
        if self._express is not None:
            body, self._express = self._express.body, None
            self._gate.expect(self.url)
            super().on_headers_complete()
            super().on_body(bytes(body))

    def _answer(self, cycle: ExpressCycle, answer: Whole) -> None:
        """Sends the answer of the short way, in one piece."""
        cycle.response_started = cycle.response_complete = True
        if not (cycle.disconnected or self.transport.is_closing()):
            closes = b"" if cycle.keep_alive or answer.ends else b"connection: close\r\n"
            dated = b"".join([name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers])
            whole = b"%s%s%s\r\n%s" % (answer.head, dated, closes, answer.body)
            self.transport.write_whole(whole)  # type: ignore[attr-defined]  # of Outgoing
            if answer.ends or not cycle.keep_alive:
                self.transport.close()
        self._gate.note_answered(cycle.call, answer.status)
        self.on_response_complete()

    def _refuse_at_once(self) -> bool:
        """Answers with a refusal if the application has one ready."""
        answer = self._gate.refuse_at_once(self.url)
        if answer is None or self.flow.write_paused:
            return False
        self._was_refused = True
        self.transport.write_whole(answer)  # type: ignore[attr-defined]  # of Outgoing
        return True

    def _close_if_idle(self) -> None:
        if self._is_alone() and not self.is_within_a_request():
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Ends this connection; says why, where that is the answer to one request and the only one."""
        if self.transport.is_closing():
            return
        self._take_the_long_way()
        cycle = self.cycle
        if self._in_head and cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False  # the request before this one is answered, then the connection closes
            return
        if self._in_head:
            self._say(refusal, self._note(refusal))
        elif not (self._was_refused or cycle.response_started or self.pipeline):
            call = cycle.scope.get("pixelwise.call")  # the gate notes a request that it knows
            self._say(refusal, call.id if call else self._note(refusal))  # type: ignore[attr-defined]  # is a Call
            cycle.scope[REFUSED] = refusal.status  # type: ignore[typeddict-unknown-key]  # a server may add its own
            cycle.disconnected = True  # whoever waits for the rest of the body is told that it does not come
            cycle.message_event.set()
        self.transport.close()

    def _note(self, refusal: Refusal) -> str:
        """Has the refusal counted and logged; the value is its id."""
        request_id = new_request_id()
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        self._gate.note_refused(request_id, self.client, refusal.status, seconds)
        return request_id

    def _say(self, refusal: Refusal, request_id: str) -> None:
        body = msgspec.json.encode(refusal.answer)
        fields = f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
        again = "retry-after: 1\r\n" if refusal.status == 503 else ""
        head = f"HTTP/1.1 {refusal.status} {refusal.reason}\r\ncontent-type: application/json\r\nconnection: close\r\n"
        safe = "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
        self.transport.write(f"{head}{safe}{fields}{again}\r\n".encode() + body)


_sweeping: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""The event loops on which a sweep is planned."""


def sweep(loop: asyncio.AbstractEventLoop, connections: set[Any]) -> None:
    """Looks at all connections once a second, for as long as there are any."""
    if loop in _sweeping:
        return
    _sweeping.add(loop)

    def look() -> None:
        _sweeping.discard(loop)
        if connections:
            sweep(loop, connections)  # first: whatever happens here, there is a next time
        now = time.monotonic()
        for connection in list(connections):
            connection.close_if_late(now)

    loop.call_later(SWEEP_SECONDS, look)
