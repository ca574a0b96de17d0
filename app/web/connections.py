"""HTTP connections with bounds: on the time a request takes to arrive, on its head, on their number."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from weakref import WeakSet

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ARRIVAL_SECONDS = 10.0
"""From a request's first byte to its last."""
FIRST_BYTE_SECONDS = 10.0
"""A new connection that says nothing for so long is closed."""
READING_SECONDS = 30.0
"""A client that does not take its answer for so long is cut off."""
HEAD_BYTES = 16 << 10
"""The request line and all headers."""
MAX_CONNECTIONS = 2000
LINGER_SECONDS = 1.0
"""When the service ends, idle connections stay open for so long, for what is on its way."""
SWEEP_SECONDS = 1.0
BODY_FIELDS = (b"content-length", b"transfer-encoding")

TOO_SLOW = b"408 Request Timeout", b"too-slow", f"The request took more than {ARRIVAL_SECONDS:g} s to arrive.".encode()
HEAD_TOO_LARGE = (
    b"431 Request Header Fields Too Large",
    b"head-too-large",
    f"The request line and headers are longer than {HEAD_BYTES:,} bytes.".encode(),
)
UPGRADE = (
    b"400 Bad Request",
    b"not-understood",
    b"A request with a body must not ask for another protocol: send it without the header Upgrade, as HTTP/1.1.",
)
TOO_MANY_CONNECTIONS = b"503 Service Unavailable", b"too-many-connections", b"Too many connections are open."


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection. A slow client holds nothing but its own socket, and not for long.

    One sweep a second looks at all connections, so that a request costs no timer of its own. An application with a
    method `refuse_at_once(path) -> bytes | None` is asked before anything is made of a request: when more comes than
    can be answered, refusing must cost little, or nothing is left for answering.

    Attributes:
        awaited: the answer that the current request waits for; cancelled when the client goes away.
    """

    awaited: asyncio.Future[Any] | None = None
    _began: float | None = None
    _in_head = True
    _unread = 0
    """Bytes that came since the last that made a whole: a head, a piece of a body, a chunk."""
    _paused_since: float | None = None
    _ending = False
    _was_refused = False
    """The current request was answered at its head; its body is read and dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(_WholeAnswers(transport))  # type: ignore[arg-type]  # it passes on what it has not
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(*TOO_MANY_CONNECTIONS)
            return
        self._began = time.monotonic()
        sweep(self.loop, self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.awaited is not None:
            self.awaited.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._began is None:
            self._began = time.monotonic()  # empty lines between requests are data too, and begin no message
        self._unread += len(data)
        if self._in_head and len(data) > HEAD_BYTES and b"\r\n\r\n" not in data[:HEAD_BYTES]:
            self._refuse(*HEAD_TOO_LARGE)
            return
        super().data_received(data)
        if self._unread > HEAD_BYTES:
            self._refuse(*HEAD_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        self._refuse(b"400 Bad Request", b"not-understood", msg.encode())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._began is None:
            self._began = time.monotonic()
        self.scope["pixelwise.connection"] = self  # type: ignore[typeddict-unknown-key]  # a server may add its own

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and any(name in BODY_FIELDS and value != b"0" for name, value in self.headers):
            self._refuse(*UPGRADE)
            raise HttpParserError("the parser would take this body for the next request")
        self._in_head, self._unread = False, 0
        if self._refuse_at_once():
            return
        super().on_headers_complete()
        self.headers = []  # the request has its own by now; what follows a chunked body is none of them
        if self._ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        if not self._was_refused:
            super().on_body(body)

    def on_chunk_complete(self) -> None:
        self._unread = 0

    def on_message_complete(self) -> None:
        self._in_head, self._unread, self._began = True, 0, None
        if self._was_refused:
            self._was_refused = False
            super().on_response_complete()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self.awaited = None
        self.transport.flush()  # type: ignore[attr-defined]  # of _WholeAnswers
        super().on_response_complete()

    def shutdown(self) -> None:
        """The service ends. An idle client may be sending at this moment: it is answered, and told to close."""
        self._ending = True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self.loop.call_later(LINGER_SECONDS, self._close_if_idle)

    def close_if_late(self, now: float) -> None:
        """Ends this connection when its request or its client takes too long."""
        if self._began is not None and now - self._began > (ARRIVAL_SECONDS if self._unread else FIRST_BYTE_SECONDS):
            self._refuse(*TOO_SLOW)
        if not self.flow.write_paused:
            self._paused_since = None
        elif self._paused_since is None:
            self._paused_since = now
        elif now - self._paused_since > READING_SECONDS:
            self.transport.abort()

    def _refuse_at_once(self) -> bool:
        """Answers with a refusal if the application has one ready, and this request is as usual."""
        refuse = getattr(self.config.app, "refuse_at_once", None)
        is_alone = self.cycle is None or self.cycle.response_complete
        if refuse is None or not is_alone or self._ending or self.expect_100_continue:
            return False
        if not self.parser.should_keep_alive():
            return False
        answer = refuse(self.url.partition(b"?")[0])
        if answer is None:
            return False
        self._was_refused = True
        self.headers = []
        self.transport.write(answer)
        self.transport.flush()  # type: ignore[attr-defined]  # of _WholeAnswers
        return True

    def _close_if_idle(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self._unread:
            self.transport.close()

    def _refuse(self, status: bytes, code: bytes, message: bytes) -> None:
        """Ends this connection; says why, where that is the answer to one request and the only one."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if self._in_head and cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False  # the request before this one is answered, then the connection closes
            return
        if self._in_head or not (cycle.response_started or self.pipeline):
            body = b'{"error":"%s","message":"%s","remedy":"Send less, or faster, or later."}' % (code, message)
            head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n"
            again = b"retry-after: 1\r\n" if status.startswith(b"503") else b""
            self.transport.write(head % (status, len(body)) + again + b"\r\n" + body)
            if cycle is not None:
                cycle.disconnected = True  # whoever waits for the rest of the body is told that it does not come
                cycle.message_event.set()
        self.transport.close()


class _WholeAnswers:
    """A transport that sends the head of an answer together with what follows: one system call instead of two."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head = transport, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            self._head, data = b"", self._head + data
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Sends a head that nothing follows."""
        if self._head:
            self._head, data = b"", self._head
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()


_sweeping: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""The event loops on which a sweep is planned."""


def sweep(loop: asyncio.AbstractEventLoop, connections: set[Any]) -> None:
    """Looks at all connections once a second, for as long as there are any."""
    if loop in _sweeping:
        return
    _sweeping.add(loop)

    def look() -> None:
        _sweeping.discard(loop)
        now = time.monotonic()
        for connection in list(connections):
            connection.close_if_late(now)
        if connections:
            sweep(loop, connections)

    loop.call_later(SWEEP_SECONDS, look)
