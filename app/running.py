"""Which service of this installation runs: a file that its parent process keeps locked for as long as it lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.errors import AlreadyRunning


class Running(msgspec.Struct, frozen=True):
    """The parent process of a running service, and where it answers."""

    pid: int
    url: str


def running_service(data: Path) -> Running | None:
    """The service that runs from this installation's data folder, if one does; None for one that starts or ends."""
    try:
        with _file(data).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                said = file.read()
                return msgspec.json.decode(said, type=Running) if said else None
    except FileNotFoundError:
        pass
    return None


@contextmanager
def announced(data: Path, url: str) -> Iterator[None]:
    """Within, this process is the running service.

    Raises:
        AlreadyRunning: another one is.
    """
    data.mkdir(parents=True, exist_ok=True)
    with _file(data).open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = running_service(data)
            raise AlreadyRunning(other.url if other else "an address of its own") from None
        file.truncate(0)
        file.write(msgspec.json.encode(Running(os.getpid(), url)))
        file.flush()
        yield
        file.truncate(0)


def _file(data: Path) -> Path:
    return data / "service.json"
