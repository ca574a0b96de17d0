"""The running service of this installation, found by a file that its parent process keeps locked as long as it lives;
and its account of itself, from GET /health."""

from __future__ import annotations

import fcntl
import http.client
import os
import stat
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.error import URLError

import msgspec

from app.errors import CannotStore
from app.server.refusals import AlreadyRunning

ASK_SECONDS = 5
HEALTH_BYTES = 1 << 20
READ_TIMES, READ_AGAIN_SECONDS = 20, 0.05
MODE = 0o600
"""Anyone who could write there could name another service, which commands would then query and signal."""


class Running(msgspec.Struct, frozen=True):
    """The parent process of a running service, and where it answers.

    Attributes:
        workers: when each of the workers that answer now was started, as its own GET /health says it; a parent of an
            earlier version names none.
    """

    pid: int
    url: str
    workers: tuple[str, ...] = ()


class Served(msgspec.Struct, frozen=True):
    """A service's account of itself.

    Attributes:
        model_version: the default.
        versions: all that are served, the default first.
        left_out: versions that should be served and were refused, and why.
        started_at: of the worker that said this; another worker has another time.
    """

    model_version: str
    versions: tuple[str, ...] = ()
    left_out: dict[str, str] = {}
    started_at: str = ""


def served_by(service: Running) -> Served | None:
    """Asks the service what it serves now; None if it does not say."""
    url = service.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=ASK_SECONDS) as answer:
            return msgspec.json.decode(answer.read(HEALTH_BYTES), type=Served)
    except (URLError, TimeoutError, ConnectionError, http.client.HTTPException, msgspec.MsgspecError):
        return None


def running_service(data: Path) -> Running | None:
    """The service running from this installation's data folder, or None, also while one is starting or ending."""
    try:
        with _file(data).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file)
    except FileNotFoundError:
        pass
    return None


def _read(file: BinaryIO) -> Running | None:
    """The note, read again where the parent was writing it just then."""
    for _ in range(READ_TIMES - 1):
        try:
            return _parsed(file)
        except msgspec.DecodeError:
            time.sleep(READ_AGAIN_SECONDS)
    return _parsed(file)


def _parsed(file: BinaryIO) -> Running | None:
    file.seek(0)
    said = file.read()
    return msgspec.json.decode(said, type=Running) if said else None


@contextmanager
def announced(data: Path, url: str) -> Iterator[Callable[[tuple[str, ...]], None]]:
    """Announces this process as the running service within the block. The function that it gives notes the workers.

    Raises:
        AlreadyRunning: another one is. CannotStore: the folder or the file cannot be written.
    """
    with _opened(data) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = running_service(data)
            raise AlreadyRunning(other.url if other else "an address of its own") from None
        try:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != MODE:  # an earlier version left the mode to the umask
                os.fchmod(file.fileno(), MODE)
            _note(file, Running(os.getpid(), url))
        except OSError as error:
            raise CannotStore(_file(data), error, setting="DATA_DIR") from None
        yield lambda workers: _note(file, Running(os.getpid(), url, workers))
        file.truncate(0)


def _note(file: BinaryIO, running: Running) -> None:
    text = msgspec.json.encode(running)
    os.pwrite(file.fileno(), text, 0)  # before the rest is cut off: whoever reads meanwhile never finds nothing
    os.ftruncate(file.fileno(), len(text))


def _opened(data: Path) -> BinaryIO:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(_file(data), "r+b", opener=_for_the_owner)
    except OSError as error:
        raise CannotStore(data, error, setting="DATA_DIR") from None


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, MODE)


def _file(data: Path) -> Path:
    return data / "service.json"
