"""The signals that the parent process acts on, as a queue."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

ENDING = (signal.SIGTERM, signal.SIGINT)
SIGNALS = (*ENDING, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """The signals we act on, in the order in which they came, except that one that ends us comes first."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._kept: deque[int] = deque()

    def next(self) -> int:
        """Waits for a signal."""
        return self._kept.popleft() if self._kept else os.read(self._reader, 1)[0]

    def forget(self, number: int) -> None:
        """Drops all signals of this number that have come so far."""
        while select.select([self._reader], [], [], 0)[0]:
            self._keep(os.read(self._reader, 1)[0])
        self._kept = deque(kept for kept in self._kept if kept != number)

    def wait_for(self, line: socket.socket, seconds: float) -> Literal["line", "end", "nothing"]:
        """Waits for something to read from `line`, or for a signal that ends us; keeps all signals for `next`."""
        if any(kept in ENDING for kept in self._kept):
            return "end"
        deadline = time.monotonic() + seconds
        while readable := self._readable(line, deadline - time.monotonic()):
            if line.fileno() in readable:
                return "line"
            if self._keep(os.read(self._reader, 1)[0]):
                return "end"
        return "nothing"

    def _keep(self, number: int) -> bool:
        """Queues a signal; True if it is one that ends us."""
        ends = number in ENDING
        (self._kept.appendleft if ends else self._kept.append)(number)
        return ends

    def _readable(self, line: socket.socket, seconds: float) -> list[int]:
        return select.select([line.fileno(), self._reader], [], [], max(0.0, seconds))[0]


@contextmanager
def queued_signals() -> Iterator[Signals]:
    """Queues the signals we act on within the block."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    previous_descriptor = signal.set_wakeup_fd(writer)
    try:
        yield Signals(reader)
    finally:
        signal.set_wakeup_fd(previous_descriptor)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
