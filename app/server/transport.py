"""The transport given to uvicorn: it sends in as few pieces as possible, and closes without losing a sent refusal."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

DISCARD_SECONDS, DISCARD_BYTES = 1.0, 64 << 20
"""Bounds within which the rest of a refused request is read and dropped: most clients send all of it before they read,
and closing a connection with unread bytes would destroy the refusal."""
CONTINUE: Final = b"HTTP/1.1 100 "


class Connection(Protocol):
    """Owner of the transport (`BoundedConnection`)."""

    def sends(self, data: bytes) -> bool: ...
    def may_close(self) -> bool: ...
    def may_send_more(self) -> bool: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Outgoing(asyncio.Transport):
    """The socket as uvicorn sees it.

    Closed in the middle of a request, it signals the end of the answer, and drops what still arrives for a while.
    """

    def __init__(self, connection: Connection, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._connection, self._transport, self._loop = connection, transport, loop
        self._head = b""
        self._is_closing = False
        self._discarded = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def write(self, data: Any) -> None:
        """Sends `data`; the head of an answer goes with the bytes after it: one system call instead of two."""
        if self.is_closing() or not self._connection.sends(data):
            return
        if self._head:
            self._head, data = b"", self._head + data
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(CONTINUE):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Sends a head that nothing follows: that of an answer to HEAD."""
        if self._head:
            self._head, head = b"", self._head
            self._transport.write(head)

    def pause_reading(self) -> None:
        self._connection.pause()

    def resume_reading(self) -> None:
        self._connection.resume()

    def is_closing(self) -> bool:
        return self._is_closing or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing() or not self._connection.may_close():
            return
        self._is_closing = True
        self.flush()
        if self._connection.may_send_more():
            self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(DISCARD_SECONDS, self._transport.close)
        else:
            self._transport.close()

    def discard(self, count: int) -> None:
        """Counts bytes that arrived after the end."""
        self._discarded += count
        if self._discarded > DISCARD_BYTES:
            self._transport.close()
