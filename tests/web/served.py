"""The application of `tests/web/inside.py` on a real socket of this process, so that its bounds can be changed.

Fixtures, for modules that import them: `served`, one for a whole module; `bodies` of POST /classify and the `labels`
that are recorded for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import uvicorn
import uvloop
from numpy.typing import NDArray

from app.server.connection import BoundedConnection
from app.server.connection_sweep import open_connections
from app.server.listen import listen
from app.server.worker import configuration
from tests.web.inside import Inside
from tests.web.load import Reply, bodies_of, get, post, until

PATIENCE_SECONDS = 30
LAST = get("/health", connection="close")
"""After its answer the server closes."""


class Served:
    """Attributes: `port`; `inside`, the application; `server`, which knows its connections."""

    def __init__(self, inside: Inside, server: uvicorn.Server, port: int, runner: asyncio.Runner) -> None:
        self.inside, self.server, self.port, self._runner = inside, server, port, runner

    @contextlib.contextmanager
    def connect(self) -> Iterator[socket.socket]:
        """A new connection, closed at the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as connection:
            yield connection

    def exchange(self, request: bytes) -> list[Reply]:
        """All answers to these bytes, until the server closes."""
        with self.connect() as connection:
            connection.sendall(request)
            return replies_in(read_to_the_end(connection))

    def connections(self) -> int:
        return len(self.peers())

    def peers(self) -> list[BoundedConnection]:
        """Its open connections."""
        return list(open_connections.get(self._runner.get_loop(), ()))


class Gated:
    """A model that waits for leave.

    Attributes:
        may_go_on: set it, and it computes.
        entered: set when it was asked.
        rows: how many drawings it was asked for.
    """

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self.may_go_on, self.entered, self.rows = threading.Event(), threading.Event(), 0

    def scores(self, images: NDArray[np.uint8]) -> Any:
        self.rows += len(images)
        self.entered.set()
        assert self.may_go_on.wait(PATIENCE_SECONDS)
        return self._scorer.scores(images)


def put_gate(inside: Inside) -> Gated:
    """Gives the application a model that waits for leave."""
    reader = inside.service.reader
    gated = Gated(reader.version.scorer)
    reader.version = dataclasses.replace(reader.version, scorer=gated)  # type: ignore[arg-type]  # looks like one
    return gated


@contextlib.contextmanager
def serve(inside: Inside) -> Iterator[Served]:
    """Serves it as `app/server/worker.py` does. Its queue ends with it."""
    server = uvicorn.Server(configuration(inside.application))
    with (
        listen("127.0.0.1", 0) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.get_loop()  # made here, as it is closed here
        thread = threading.Thread(target=lambda: runner.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive(), "the start of the server")
            yield Served(inside, server, listener.getsockname()[1], runner)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def read_to_the_end(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def replies_in(said: bytes) -> list[Reply]:
    """The answers in these bytes, which hold nothing else."""
    replies = []
    while said:
        head, _, rest = said.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 [1-5][0-9][0-9] .*", first), first
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        assert len(rest) >= length, "an answer is cut off"
        replies.append(Reply(int(first.split()[1]), headers, rest[:length]))
        said = rest[length:]
    return replies


def statuses(replies: list[Reply]) -> list[int]:
    return [reply.status for reply in replies]


@pytest.fixture
def own(published, tmp_path) -> Iterator[Served]:
    """A server for one test: its engine may be changed."""
    with Inside(published("v1.0"), tmp_path) as inside, serve(inside) as made:
        yield made


@pytest.fixture(scope="module")
def served(published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Inside(published("v1.0"), tmp_path_factory.mktemp("served")) as inside, serve(inside) as made:
        yield made


@pytest.fixture(scope="module")
def bodies(published) -> list[bytes]:
    return bodies_of(published("v1.0").golden.images[:30])


@pytest.fixture(scope="module")
def labels(published) -> list[str]:
    return [str(row.argmax() + 1) for row in published("v1.0").golden.scores[:30]]


def chunked(body: bytes) -> bytes:
    """A POST of a body in chunks, with the key."""
    return post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b"") + body
