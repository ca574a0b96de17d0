"""Bounds around uvicorn's connection: on the time a request takes to arrive, on its head, on unread bytes.

uvicorn's own protocol, unchanged, parses and answers. A `BoundedConnection` stands between it and the socket: to the
event loop it is a protocol, and it has a transport for uvicorn. It hands on a head once that is whole, then the body
that the head announces, and the next head when the application (`run`) has answered.
"""

from __future__ import annotations

import asyncio
import math
import time
from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.server import connection_sweep
from app.server.early_refusals import (
    ARRIVAL_SECONDS,
    HEAD_BYTES,
    HEAD_LINES,
    HEAD_TOO_LARGE,
    NOT_HTTP,
    TOO_MANY_CONNECTIONS,
    TOO_SLOW,
    Refusal,
    as_bytes,
)
from app.server.http_framing import length_of_body, length_of_head, target_of_one_request
from app.server.request_id import new_request_id
from app.server.transport import CONTINUE, Outgoing

READING_SECONDS, ENDING_READING_SECONDS = 30.0, 5.0
"""A client that takes nothing of its answer for this long is cut off; the second holds while the service ends."""
IDLE_SECONDS = 5.0
"""Longest time from an answer to the first byte of the next request."""
PIECE_BYTES = 64 << 10
"""Most bytes of a body handed on at once."""
CHUNK_BYTES = 2 << 10
"""Most bytes of a chunked body handed on before the application reads some: its trailer lines would become headers."""
MAX_CONNECTIONS, MAX_REFUSED = 2000, 512
"""Connections answered at the same time, and those told that they are too many; further ones are closed at once."""
CONNECTION: Final = "pixelwise.connection"
"""Key in the state of a request's scope: its connection, where this process serves it."""
REFUSED: Final = "pixelwise.refused"
"""Key in the scope of a request whose arrival ended in a refusal: the refusal's status."""


class BoundedConnection(asyncio.Protocol):
    """One connection. A slow client holds nothing but its own socket, and not for long.

    uvicorn makes one for each connection (`Config.http`). The application is a `Gate`: it hands each request to `run`,
    and is told of each refusal made here.

    Attributes:
        awaited: the answer that the current request waits for; cancelled when the client goes away.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,  # as uvicorn has it
    ) -> None:
        self.awaited: asyncio.Future[Any] | None = None
        self._gate: Any = config.app
        self._loop = _loop or asyncio.get_running_loop()
        self._http = HttpToolsProtocol(config, server_state, {**app_state, CONNECTION: self}, self._loop)
        self._is_http_told = False
        """uvicorn knows of this connection, but not of its end."""
        self._began: float | None = time.monotonic()
        """Time at which the current arrival began; None: nothing is arriving."""
        self._idle_since: float | None = None
        self._is_new = True
        """No request has come yet."""
        self._held = bytearray()
        """Bytes that have arrived, but are not handed on yet."""
        self._is_asked = False
        """A head was handed on, but the application does not know of it yet."""
        self._scope: Scope | None = None
        """Scope of the request that is being answered."""
        self._has_answered = False
        """Part of its answer has been sent."""
        self._left: float = 0
        """Bytes of its body not handed on yet; for a chunked body infinite, until the last chunk is read."""
        self._unused = 0
        """Bytes of chunks handed on since the application last read something."""
        self._is_handing_on = self._is_paused = self._is_held_back = False
        self._is_broken = self._is_half_closed = False
        """The bytes that follow are not a request; no bytes follow."""
        self._is_waiting = False
        """The application waits for more of a chunked body."""
        self._unsent = 0
        self._unsent_since: float | None = None
        """Unsent bytes at the last look, and the time since which they have not become fewer."""

    # -- what the event loop tells -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of TCP
        self._transport, self._outgoing = transport, Outgoing(self, transport, self._loop)
        count = connection_sweep.add(self, self._loop)
        if count > MAX_CONNECTIONS:
            self._refuse(TOO_MANY_CONNECTIONS)
            if count > MAX_CONNECTIONS + MAX_REFUSED:
                transport.close()
            return
        self._is_http_told = True
        self._http.connection_made(self._outgoing)

    def connection_lost(self, exc: Exception | None) -> None:
        connection_sweep.remove(self, self._loop)
        self._ask(False)
        if self.awaited is not None:
            self.awaited.cancel()
        self._tell_http_lost()

    def data_received(self, data: bytes) -> None:
        if self._outgoing.is_closing():
            self._outgoing.discard(len(data))
            return
        self._held += data
        self._go_on()

    def eof_received(self) -> bool:
        """A client that sends nothing more may still wait for its answers: the connection stays open for them."""
        if self._outgoing.is_closing():
            return False
        self._is_half_closed = True
        self._loop.call_soon(self._close_if_done)
        return True

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    # -- what the application does -------------------------------------------------------------------------------------

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Has `app` answer a request whose head has arrived; it reads as much of the body as it likes."""
        if self._outgoing.is_closing():
            return  # the parser took its head, but then refused it
        scope["headers"] = list(scope["headers"])  # uvicorn adds the trailers of a chunked body to its own list
        self._scope, self._has_answered = scope, False
        self._ask(False)
        self._left, may_have_body = length_of_body(scope)
        self._is_broken = not may_have_body
        self._go_on()
        try:
            await app(scope, partial(self._receive_chunk, receive) if self._left == math.inf else receive, send)
        finally:
            self._outgoing.flush()
            self._scope = self.awaited = None
            self._go_on()

    async def _receive_chunk(self, receive: Receive) -> Message:
        self._is_waiting = True
        if self._is_half_closed or self._is_broken:
            self._loop.call_soon(self._refuse_chunks)
        message = await receive()
        self._is_waiting = False
        if not message.get("more_body", False):
            self._left = 0
        self._unused = 0
        self._go_on()
        return message

    # -- between the two -----------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Hands on the next bytes in turn: a head once it is whole, and as much of a body as has come."""
        while self._held and not (self._is_broken or self._outgoing.is_closing()):
            if self._left:
                in_chunks = self._left == math.inf
                if self._is_paused or self._unused >= CHUNK_BYTES:
                    break
                count = int(min(self._left, len(self._held), CHUNK_BYTES if in_chunks else PIECE_BYTES))
                self._left -= count
                self._unused += count if in_chunks else 0
            elif self._is_asked or self._scope is not None:
                break
            elif self._held[0] in b"\r\n":
                self._held = self._held.lstrip(b"\r\n")  # empty lines before a request are allowed
                continue
            else:
                head = length_of_head(self._held)
                arrived = head or len(self._held)
                if head is None:
                    self._refuse(NOT_HTTP)
                elif arrived > HEAD_BYTES or self._held.count(b"\n", 0, arrived) > HEAD_LINES:
                    self._refuse(HEAD_TOO_LARGE)
                if not head or self._is_broken:
                    break
                count = head
                if self._gate.is_full() and self._refuse_unread():
                    continue
                self._ask(True)
            self._hand_on(count)
        is_in_head = not (self._left or self._is_asked or self._scope is not None)
        self._hold_back(bool(self._held) and not is_in_head)
        self._keep_time()
        self._close_if_done()

    def _keep_time(self) -> None:
        """Notes the start of an arrival or of idleness; the time that an answer takes counts as neither."""
        if self._is_answering():
            self._began = self._idle_since = None
        elif self._is_asked or self._left or self._held or self._is_new:
            self._began, self._idle_since = self._began or time.monotonic(), None
        else:
            self._began, self._idle_since = None, self._idle_since or time.monotonic()

    def _ask(self, asks: bool) -> None:
        """Notes that the application is about to be given a request, or has been given it."""
        if asks != self._is_asked:
            self._is_asked, self._is_new = asks, False
            self._gate.coming += 1 if asks else -1

    def _refuse_unread(self) -> bool:
        """Refuses an ordinary request without parsing it, while more come than can be answered; True if it did."""
        is_behind = self._transport.get_write_buffer_size() > 0
        target = None if is_behind else target_of_one_request(self._held)
        answer = None if target is None else self._gate.refusal_unread(target)
        if answer is None:
            return False
        self._held.clear()
        self._is_new, self._idle_since = False, None
        self._transport.write(answer)
        return True

    def _hand_on(self, count: int) -> None:
        piece = bytes(self._held[:count])
        del self._held[:count]
        self._is_handing_on = True
        self._http.data_received(piece)
        self._is_handing_on = False
        if self._is_broken and self._left == math.inf:
            self._loop.call_soon(self._refuse_chunks)
        elif self._is_broken:
            self._refuse(NOT_HTTP)

    def _refuse_chunks(self) -> None:
        """Refuses a chunked body whose rest is invalid or missing, if the application waits for it."""
        if self._is_waiting and self._is_broken:
            self._refuse(NOT_HTTP)
        self._close_if_done()

    def _hold_back(self, holds: bool) -> None:
        """Lets arriving bytes wait in the socket, or takes them."""
        if holds != self._is_held_back and not self._outgoing.is_closing():
            self._is_held_back = holds
            (self._transport.pause_reading if holds else self._transport.resume_reading)()

    def pause(self) -> None:
        """Called by uvicorn to take no more of this body for now."""
        self._is_paused = True

    def resume(self) -> None:
        """Called by uvicorn to take more again."""
        if self._is_paused:
            self._is_paused = False
            self._loop.call_soon(self._go_on)

    def sends(self, data: bytes) -> bool:
        """True if this may go out. Output of uvicorn while it is handed data means that it could not parse the data."""
        if self._is_handing_on:
            self._is_broken = True
            return False
        self._has_answered = self._has_answered or not data.startswith(CONTINUE)
        return True

    def may_close(self) -> bool:
        """True if uvicorn closes this connection because of an answer or idleness."""
        return not self._is_handing_on

    def may_send_more(self) -> bool:
        """True if the client may be sending at this moment: a request that it began has not arrived whole."""
        return not self._is_half_closed and bool(self._left or self._held or self._is_broken)

    def look(self, now: float) -> None:
        """Ends this connection when its request or its client takes too long."""
        unsent = self._transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._unsent_since = None
        self._unsent, self._unsent_since = unsent, (self._unsent_since or now) if unsent else None
        if unsent and self._idle_since is not None:
            self._idle_since = now
        patience = ENDING_READING_SECONDS if self._gate.is_ending else READING_SECONDS
        if self._unsent_since is not None and now - self._unsent_since > patience:
            self._transport.abort()
        elif self._began is not None and now - self._began > ARRIVAL_SECONDS:
            self._refuse(TOO_SLOW)
        elif self._idle_since is not None and now - self._idle_since > IDLE_SECONDS:
            self._outgoing.close()

    def _is_answering(self) -> bool:
        """True if a request has arrived whole but has no answer yet."""
        return self._scope is not None and not self._left

    def _close_if_done(self) -> None:
        """Ends a connection on which nothing more is to be answered."""
        lacks_body = self._left and (self._left != math.inf or self._is_waiting)  # all chunks may be here already
        if self._scope is not None and (self._is_broken or not lacks_body):
            return  # it is being answered
        if self._is_broken or (self._is_half_closed and not self._is_asked):
            self._outgoing.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Ends this connection; sends the reason, where that is the answer to one request and the only one."""
        if self._outgoing.is_closing():
            return
        self._is_broken = True
        self._ask(False)
        is_answered = self._has_answered if self._scope is not None else self._left > 0
        if not is_answered:
            self._transport.write(as_bytes(refusal, self._note(refusal)))
        self._tell_http_lost()  # an application that waits for the rest of the body is told that it does not come
        self._outgoing.close()

    def _note(self, refusal: Refusal) -> str:
        """Has the refusal counted and logged; returns its id."""
        if self._scope is not None:
            self._scope[REFUSED] = refusal.status
            if "pixelwise.call" in self._scope:
                return str(self._scope["pixelwise.call"].id)  # the gate itself notes a request that it knows
        request_id = new_request_id()
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        self._gate.note_refused(request_id, self._transport.get_extra_info("peername"), refusal.status, seconds)
        return request_id

    def _tell_http_lost(self) -> None:
        """Tells uvicorn of the end, never of an error, after which it would not stop its timer for idle connections."""
        if self._is_http_told:
            self._is_http_told = False
            self._http.connection_lost(None)
