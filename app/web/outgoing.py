"""What a connection sends: whole answers, and an end that does not take them back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

DISCARD_SECONDS, DISCARD_BYTES = 1.0, 64 << 20
"""What still comes of a refused request is read and dropped within these bounds: most clients send all of it before
they read, and a connection that closes with something unread takes the refusal back."""


class Outgoing:
    """A transport that sends the head of an answer together with what follows: one system call instead of two.

    Closed in the middle of a request, it says that nothing more comes, and drops what still arrives for a while.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, is_within_a_request: Callable[[], bool]
    ) -> None:
        self._transport, self._loop, self._is_within_a_request = transport, loop, is_within_a_request
        self._head = b""
        self._is_closing = False
        self._discarded = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            self._head, data = b"", self._head + data
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
            return
        self._transport.write(data)

    def write_whole(self, data: bytes) -> None:
        """A head with what follows it."""
        self._transport.write(data)

    def flush(self) -> None:
        """Sends a head that nothing follows."""
        if self._head:
            self._head, data = b"", self._head
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self._is_closing or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        self._is_closing = True
        self.flush()
        if self._is_within_a_request():
            self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(DISCARD_SECONDS, self._transport.close)
        else:
            self._transport.close()

    def discard(self, count: int) -> None:
        """So many more bytes came for nobody."""
        self._discarded += count
        if self._discarded > DISCARD_BYTES:
            self._transport.close()
