"""Takes connections from the socket that several workers share, so that each gets about as many.

The event loop would take all that wait at once: of a burst of clients that stay connected, the worker that woke first
would get every one, and the others would be idle.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import socket
from collections.abc import Callable

from app.server.connection_sweep import open_connections
from app.server.place import Place

STEP_BACK_SECONDS = 0.002
"""A worker that has more connections than another leaves the next one to it for this long, and then takes it."""
FAILED_SECONDS = 0.1
"""Pause after a connection that could not be taken, such as for want of a file."""
MOST_WORKERS, COUNT_BYTES = 64, 4
_log = logging.getLogger("pixelwise.web")


class SharedAccepting:
    """Accepts one connection at a time, on the event loop.

    Args:
        listener: the socket of all workers.
        place: of this one; its folder holds the number of connections of each.
        protocol: makes the protocol of a connection.
    """

    def __init__(self, listener: socket.socket, place: Place, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener, self._protocol, self._loop = listener, protocol, asyncio.get_running_loop()
        self._counts = _shared_counts(place)
        self._mine, self._others = (
            place.number - 1,
            [number for number in range(place.of) if number != place.number - 1],
        )
        self._has_stepped_back = False
        self._later: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[object]] = set()
        listener.setblocking(False)
        self._start()

    def close(self) -> None:
        """Accepts no more."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._listener)
        self._counts.release()

    def _start(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener, self._accept)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, self._start)

    def _accept(self) -> None:
        """Takes the connection that waits, or leaves it to a worker that has fewer."""
        self._counts[self._mine] = mine = len(open_connections.get(self._loop, ())) + len(self._connecting)
        if not self._has_stepped_back and any(self._counts[other] < mine for other in self._others):
            self._has_stepped_back = True
            self._pause(STEP_BACK_SECONDS)
            return
        self._has_stepped_back = False
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another worker took it, or its client went away
            return
        except OSError as error:
            _log.error("a connection could not be accepted: %s", error)
            self._pause(FAILED_SECONDS)
            return
        connection.setblocking(False)
        self._counts[self._mine] = mine + 1
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)


def _shared_counts(place: Place) -> memoryview[int]:
    """A number for each worker, in memory that all of them see; its own is 0."""
    if place.folder is None:
        raise ValueError("a lone worker shares nothing")
    descriptor = os.open(place.folder / "connections", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, MOST_WORKERS * COUNT_BYTES)
        counts = memoryview(mmap.mmap(descriptor, MOST_WORKERS * COUNT_BYTES)).cast("I")
    finally:
        os.close(descriptor)
    counts[place.number - 1] = 0
    return counts
