"""Workers of one socket leave connections to those that have fewer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.server import accepting, connection_sweep
from app.server.accepting import SharedAccepting
from app.server.listen import listen
from app.server.place import Place


class Taken(asyncio.Protocol):
    """Notes that a connection was taken."""

    def __init__(self) -> None:
        self.happened = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.happened.set()
        transport.close()


class Open:
    """A connection that this worker has already."""

    def look(self, now: float) -> None: ...


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as made:
        yield made


def other_has(folder: Path, count: int) -> None:
    """Writes the number of connections of worker 2, as that does."""
    with (folder / "connections").open("r+b") as page:
        page.seek(4)
        page.write(struct.pack("I", count))


async def first_client(listener: socket.socket, folder: Path, *, mine: int, others: int, waits: float) -> bool:
    """Connects; gives whether worker 1 of 2 takes that within `waits` seconds, in which it has so many already."""
    taken, loop = Taken(), asyncio.get_running_loop()
    one = SharedAccepting(listener, Place(1, 2, folder), lambda: taken)
    other_has(folder, others)
    for _ in range(mine):
        connection_sweep.add(Open(), loop)
    with socket.create_connection(listener.getsockname()):
        try:
            async with asyncio.timeout(waits):
                await taken.happened.wait()
        except TimeoutError:
            pass
        one.close()
    return taken.happened.is_set()


@pytest.mark.parametrize(("mine", "others"), [(0, 0), (3, 3), (3, 9)])
def test_who_has_no_more_than_the_others_takes_it_at_once(
    listener: socket.socket, tmp_path: Path, mine: int, others: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(accepting, "STEP_BACK_SECONDS", 1000)
    assert asyncio.run(first_client(listener, tmp_path, mine=mine, others=others, waits=30))


def test_who_has_more_leaves_it_to_the_other(listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accepting, "STEP_BACK_SECONDS", 1000)
    assert not asyncio.run(first_client(listener, tmp_path, mine=2, others=1, waits=0.2))


def test_what_the_other_does_not_take_is_taken_after_a_moment(listener: socket.socket, tmp_path: Path):
    assert asyncio.run(first_client(listener, tmp_path, mine=2, others=1, waits=30))


def test_a_connection_that_cannot_be_taken_is_tried_again(
    listener: socket.socket, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    class Full:
        """A listener where no file is left at first."""

        times = 0

        def accept(self) -> tuple[socket.socket, object]:
            self.times += 1
            if self.times == 1:
                raise OSError(24, "Too many open files")
            return listener.accept()

        def fileno(self) -> int:
            return listener.fileno()

        def setblocking(self, flag: bool) -> None:
            listener.setblocking(flag)

        def getsockname(self) -> object:
            return listener.getsockname()

    assert asyncio.run(first_client(Full(), tmp_path, mine=0, others=0, waits=30))  # type: ignore[arg-type]
    assert "could not be accepted: [Errno 24]" in caplog.text
