"""Load for tests: clients that each send one drawing after the other and note what they got."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from tests.service import KEY, as_json

PATIENCE_SECONDS = 60


class Reply(NamedTuple):
    """One answer. `headers`: by lower-case name; of several of one name the last."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def until(happened: Callable[[], object], what: str) -> None:
    """Returns when `happened()` is true; fails when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)


def post(body: bytes, path: str = "/classify", **headers: str) -> bytes:
    """The bytes of a POST with the key; `connection="close"` adds a header, and so on."""
    lines = {"host": "127.0.0.1", "x-api-key": KEY, "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def get(path: str, **headers: str) -> bytes:
    """The bytes of a GET."""
    head = "".join(f"{name}: {value}\r\n" for name, value in {"host": "127.0.0.1", **headers}.items())
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()


def bodies_of(images: NDArray[np.uint8]) -> list[bytes]:
    """The bodies of POST /classify for (N, 28, 28) images."""
    return [json.dumps(as_json(image)).encode() for image in images]


async def read_reply(reader: asyncio.StreamReader, *, has_body: bool = True) -> Reply:
    """The next answer. EOFError when the connection ends before it is whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    length = int(headers["content-length"]) if has_body else 0
    return Reply(int(head[0].split()[1]), headers, await reader.readexactly(length))


class Load:
    """Clients on a thread of their own, within a `with` block. A client whose answer says `connection: close` opens a
    new connection; one whose connection ends otherwise has a request without an answer, and ends.

    Args:
        url: of the service.
        bodies: sent in turn, to `path`.
        reconnect: False: a client that is told to close its connection ends.
        people: each body is sent in the name of a person of its own, by X-Visitor.
        pause: seconds between an answer and the next request of a client.

    Attributes:
        replies: every whole answer, with the number of the body that it answers.
        broken: what was met instead of an answer.
    """

    def __init__(
        self,
        url: str,
        bodies: Sequence[bytes],
        *,
        clients: int = 16,
        reconnect: bool = True,
        path: str = "/classify",
        people: bool = False,
        pause: float = 0.0,
    ) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        named = [{"x-visitor": f"person-{number}"} if people else {} for number in range(len(bodies))]
        self._requests = [post(body, path, **header) for body, header in zip(bodies, named, strict=True)]
        self._clients, self._reconnect, self._pause = clients, reconnect, pause
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._ending = False
        self._sent = 0
        self.replies: list[tuple[int, Reply]] = []
        self.broken: list[Exception] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Every client takes its last answer first."""
        self._ending = True
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "a request has no answer and no end"

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The bodies of all answers that are no refusal."""
        return [reply.json for _, reply in self.replies if reply.status == 200]

    def statuses(self) -> set[int]:
        return {reply.status for _, reply in self.replies}

    def wait_for(self, more: int) -> None:
        """Returns after so many further answers and refusals."""
        goal, deadline = len(self.replies) + more, time.monotonic() + PATIENCE_SECONDS
        while len(self.replies) < goal:
            assert self._thread.is_alive(), f"all clients ended: {self.broken[:3]}"
            assert time.monotonic() < deadline, f"{goal - len(self.replies)} answers are missing"
            time.sleep(0.005)

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        writer = None
        try:
            while not self._ending:
                if writer is None:
                    reader, writer = await asyncio.open_connection(self._host, self._port)
                number = self._sent % len(self._requests)
                self._sent += 1
                writer.write(self._requests[number])
                reply = await read_reply(reader)
                self.replies.append((number, reply))
                if reply.headers.get("connection") == "close":
                    writer.close()
                    writer = None
                    if not self._reconnect:
                        return
                if reply.status == 503:
                    await asyncio.sleep(0.02)  # sooner than Retry-After, and not in a tight loop
                elif self._pause:
                    await asyncio.sleep(self._pause)
        except (OSError, EOFError) as error:
            self.broken.append(error)
        finally:
            if writer is not None:
                writer.close()
