"""The event loop of the load generator (load.py): connections, due requests, and answers as bytes.

One loop serves both kinds of load: a free connection takes the next request that is due. In the closed loop one always
is; in the open loop one becomes due every 1 / rate seconds, and waits while no connection is free.
"""

from __future__ import annotations

import errno
import re
import select
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
CHUNK = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")
PAUSE_SECONDS = 0.05
"""Wait before a connection that was refused or cut off tries again."""
GRACE_SECONDS = 10.0
"""Time after the end for answers still under way."""

clock = time.perf_counter


class Answer(NamedTuple):
    """One kept answer: the body that was sent, and the answer's bytes."""

    number: int
    status: int
    body: bytes


class Connection:
    """One socket, and at most one request at a time."""

    __slots__ = ("due", "inbox", "number", "outbox", "socket")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.number = -1  # of the body under way; -1: idle
        self.due = 0.0  # when that request should have been sent
        self.outbox = b""
        self.inbox = b""


class Loop:
    """Runs once; the counts are of requests that were due after the warm-up, but `reconnects`, which is of all.

    Args:
        rate: requests that become due in a second; None: one whenever a connection is free
        limit: of the closed loop: ends after so many requests, should that come before the seconds are over
        keep: keep the answers
    """

    def __init__(
        self,
        address: tuple[str, int],
        requests: Sequence[bytes],
        *,
        connections: int,
        seconds: float,
        warm_up: float,
        rate: float | None = None,
        limit: int | None = None,
        keep: bool = False,
    ) -> None:
        self.address, self.requests = address, requests
        self.rate, self.limit, self.keep = rate, limit, keep
        self.idle = deque(Connection() for _ in range(connections))
        self.resting: deque[tuple[float, Connection]] = deque()
        self.by_file: dict[int, Connection] = {}
        self.epoll = select.epoll()
        self.sent = self.busy = self.errors = self.reconnects = 0
        self.statuses: Counter[int] = Counter()
        self.ok, self.others = array("d"), array("d")
        self.answers: list[Answer] = []
        self.start = clock()
        self.counted_from = self.start + warm_up
        self.end = self.counted_from + seconds

    def run(self) -> None:
        try:
            self._run()
        finally:
            for connection in self.by_file.values():
                if connection.socket:
                    connection.socket.close()
            self.epoll.close()

    def _run(self) -> None:
        while True:
            now = clock()
            while self.resting and self.resting[0][0] <= now:
                self.idle.append(self.resting.popleft()[1])
            while self.idle and (due := self._next_due(now)) is not None:
                self._send(self.idle.popleft(), due)
            if (self._all_sent(now) and not self.busy) or now > self.end + GRACE_SECONDS:
                # Requests that are open now, or never found a connection, were not answered in time.
                never_sent = 0 if self.rate is None else int((self.end - self.start) * self.rate) - self.sent
                self.errors += self.busy + max(0, never_sent)
                return
            for file, _ in self._events(now):
                if file in self.by_file:
                    self._advance(self.by_file[file])

    def _all_sent(self, now: float) -> bool:
        if self.rate is None:
            return now >= self.end or self.sent == self.limit
        return self.start + self.sent / self.rate >= self.end

    def _next_due(self, now: float) -> float | None:
        """When the next request should be sent, if that is not after `now`; None when there is none."""
        if self._all_sent(now):
            return None
        if self.rate is None:
            return now
        due = self.start + self.sent / self.rate
        return due if due <= now else None

    def _events(self, now: float) -> list[tuple[int, int]]:
        if self.rate is None or not self.idle:
            return self.epoll.poll(PAUSE_SECONDS / 2)
        # subtle: epoll waits in whole milliseconds, select in microseconds, and an epoll can be selected.
        pause = self.start + self.sent / self.rate - now
        select.select([self.epoll], [], [], min(max(pause, 0), PAUSE_SECONDS / 2))
        return self.epoll.poll(0)

    def _send(self, connection: Connection, due: float) -> None:
        connection.number = self.sent % len(self.requests)
        connection.due = due
        self.sent += 1
        self.busy += 1
        request = self.requests[connection.number]
        if connection.socket is None:
            self._connect(connection)
            connection.outbox = request
            return
        try:
            written = connection.socket.send(request)
        except BlockingIOError:
            written = 0
        except OSError:
            self._lose(connection)
            return
        if written < len(request):
            connection.outbox = request[written:]
            self.epoll.modify(connection.socket, select.EPOLLIN | select.EPOLLOUT)

    def _connect(self, connection: Connection) -> None:
        connection.socket = opened = socket.socket()
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.connect_ex(self.address)  # the outcome arrives as an event
        self.by_file[opened.fileno()] = connection
        self.epoll.register(opened, select.EPOLLIN | select.EPOLLOUT)

    def _advance(self, connection: Connection) -> None:
        """Writes what is left of the request, or reads what there is of the answer."""
        opened = connection.socket
        if opened is None:
            return
        try:
            if connection.outbox:
                if failed := opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(failed, errno.errorcode[failed])
                connection.outbox = connection.outbox[opened.send(connection.outbox) :]
                if not connection.outbox:
                    self.epoll.modify(opened, select.EPOLLIN)
                return
            received = opened.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._lose(connection)
            return
        data = connection.inbox + received if connection.inbox else received
        size = answer_size(data)
        if size is None or size > len(data):
            connection.inbox = data
            return
        connection.inbox = b""
        self._take(connection, data)

    def _take(self, connection: Connection, data: bytes) -> None:
        """Counts a whole answer and uses the connection again."""
        now = clock()
        if connection.due >= self.counted_from:
            status = int(data[9:12])
            self.statuses[status] += 1
            (self.ok if status == 200 else self.others).append(now - connection.due)
            if self.keep:
                self.answers.append(Answer(connection.number, status, answer_body(data)))
        connection.number = -1
        self.busy -= 1
        if CLOSES.search(data, 0, data.find(b"\r\n\r\n") + 2):
            self._close(connection)
        due = self._next_due(now)
        if due is None:
            self.idle.append(connection)
        else:
            self._send(connection, due)

    def _lose(self, connection: Connection) -> None:
        """Handles a connection closed or refused by the server: the request under way, if any, has no answer."""
        self._close(connection)
        if connection.number < 0:
            return  # idle, and it stays so
        connection.number = -1
        self.busy -= 1
        self.errors += connection.due >= self.counted_from
        self.resting.append((clock() + PAUSE_SECONDS, connection))

    def _close(self, connection: Connection) -> None:
        if connection.socket is not None:
            self.reconnects += 1
            del self.by_file[connection.socket.fileno()]
            connection.socket.close()
        connection.socket, connection.inbox, connection.outbox = None, b"", b""


def answer_size(data: bytes) -> int | None:
    """Bytes of the whole answer that begins `data`, or None while that is unknown."""
    body = data.find(b"\r\n\r\n") + 4
    if body < 4:
        return None
    if length := LENGTH.search(data, 0, body):
        return body + int(length[1])
    if CHUNKED.search(data, 0, body):
        return len(data) if data.endswith(b"\r\n0\r\n\r\n") else None
    return body


def answer_body(data: bytes) -> bytes:
    head, _, body = data.partition(b"\r\n\r\n")
    if not CHUNKED.search(head):
        return body
    whole, at = b"", 0
    while (chunk := CHUNK.match(body, at)) and (size := int(chunk[1], 16)):
        whole += body[chunk.end() : chunk.end() + size]
        at = chunk.end() + size + 2
    return whole
