"""The open connections of an event loop, looked at once a second: no request costs a timer."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol
from weakref import WeakKeyDictionary

SWEEP_SECONDS = 1.0


class Swept(Protocol):
    """A connection; `now` by time.monotonic()."""

    def look(self, now: float) -> None: ...


open_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, set[Swept]] = WeakKeyDictionary()
"""The open connections of each event loop on which a sweep is planned."""


def add(connection: Swept, loop: asyncio.AbstractEventLoop) -> int:
    """Adds a connection, to be looked at until it is removed; returns the number of connections."""
    if loop not in open_connections:
        open_connections[loop] = set()
        loop.call_later(SWEEP_SECONDS, _sweep, loop)
    open_connections[loop].add(connection)
    return len(open_connections[loop])


def remove(connection: Swept, loop: asyncio.AbstractEventLoop) -> None:
    open_connections.get(loop, set()).discard(connection)


def _sweep(loop: asyncio.AbstractEventLoop) -> None:
    """Looks at all connections, and plans the next sweep for as long as there are any."""
    if not open_connections[loop]:
        del open_connections[loop]
        return
    loop.call_later(SWEEP_SECONDS, _sweep, loop)  # first, so that there is a next sweep whatever happens below
    now = time.monotonic()
    for connection in list(open_connections[loop]):
        connection.look(now)
