"""`pixelwise serve`: a parent that holds the listening socket, and WORKERS processes that answer.

SIGHUP starts a new worker from the current settings and model. The old one is told to end only when the new one
answers, and ends when it has answered everything it accepted. If the new worker does not start, nothing changes: the
old one continues. Several workers are replaced one after another, and one that ends by itself is replaced too. Several
SIGHUPs count as one; those that come while workers start count as one more. SIGTERM and SIGINT end all in the same way.
The socket stays open all the while, so no caller is refused.
"""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import CannotStore
from app.server.listen import listen
from app.server.place import Place
from app.server.refusals import AlreadyRunning, WorkerFailed
from app.server.running_service import announced, running_service
from app.server.signals import ENDING, Signals, queued_signals
from app.server.worker_process import WorkerProcess, stop_all
from app.settings import Settings

MOST_DEATHS, DEATHS_SECONDS = 5, 60.0
"""More workers than this that die, or do not start, within so many seconds end the service: something is wrong that
another worker does not mend."""


def serve(settings: Settings, *, say: Callable[[str], None]) -> int:
    """Listens and answers until it is told to stop.

    Returns:
        The exit code: 0 after SIGTERM or SIGINT, the worker's own when that ended by itself.

    Raises:
        CannotListen: the address is taken or not ours. AlreadyRunning: another service of this installation is running.
        WorkerFailed: a worker did not start at the beginning.
    """
    if other := running_service(settings.data_dir):
        raise AlreadyRunning(other.url)
    with (
        listen(settings.host, settings.port) as listener,
        announced(settings.data_dir, address_of(listener)) as announce,
        _folder_of_figures(settings) as folder,
        queued_signals() as signals,
    ):
        team = _Team(listener, settings, folder, signals, announce=announce, say=say)
        if team.gets_ready():
            say(f"PixelWise answers at {address_of(listener)}")
        while True:
            arrived = signals.next()
            if arrived == signal.SIGHUP:
                team.replace_all()
            elif arrived in ENDING:
                listener.close()
                team.stop()
                return 0
            elif (code := team.replace_dead()) is not None:
                listener.close()
                team.stop()
                return code


def address_of(listener: socket.socket) -> str:
    """ "http://127.0.0.1:8000"."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


class _Team:
    """The workers of one socket, each at its place."""

    def __init__(
        self,
        listener: socket.socket,
        settings: Settings,
        folder: Path | None,
        signals: Signals,
        *,
        announce: Callable[[tuple[str, ...]], None],
        say: Callable[[str], None],
    ) -> None:
        self._signals, self._announce, self._say = signals, announce, say
        self._deaths: deque[float] = deque()
        places = [Place(number, settings.workers, folder) for number in range(1, settings.workers + 1)]
        self._start: Callable[[Place], WorkerProcess] = lambda place: WorkerProcess(listener, settings.root, place)
        self._places, self._workers = places, list[WorkerProcess]()

    def gets_ready(self) -> bool:
        """Starts all workers, and returns True when each answers; False if we are told to end first.

        The first is ready before the others start: it makes what they would make at the same time, such as the tables,
        and a fault that all would have is reported once.

        Raises:
            WorkerFailed: one did not start; the others have ended then.
        """
        try:
            for places in (self._places[:1], self._places[1:]):
                started = []
                for place in places:
                    started.append(self._start(place))
                    self._workers.append(started[-1])
                if not all(worker.gets_ready(self._signals) for worker in started):
                    return False
        except WorkerFailed:
            self.stop()
            raise
        self._tell()
        return True

    def replace_all(self) -> None:
        """Starts a new worker at each place; from one that does not start on, the old ones go on."""
        self._signals.forget(signal.SIGHUP)  # workers that start from now on satisfy them
        for index, old in enumerate(list(self._workers)):
            which = self._named(old.place)
            self._say(f"Starting a new worker{which}.")
            try:
                new = old.successor()
                if not new.gets_ready(self._signals):
                    return
            except WorkerFailed as error:
                others = "" if index == 0 else f" {index} of {old.place.of} workers are new."
                self._say(f"{error} The old worker goes on{which}.{others}")
                return
            self._workers[index] = new
            self._tell()
            # On a thread of its own: the new worker answers while the old one ends.
            threading.Thread(target=old.stop, name="stop the old worker").start()
            self._say(f"The new worker answers{which}.")

    def replace_dead(self) -> int | None:
        """Starts another worker in place of each that ended by itself; the service's exit code if it should end: it had
        one worker, or too many died."""
        for index, old in enumerate(list(self._workers)):
            while (code := self._workers[index].process.poll()) is not None:
                self._say(f"The worker ended by itself{self._named(old.place)}, exit code {code}.")
                if old.place.of == 1 or self._dies_too_often():
                    return code if code > 0 else 1
                try:
                    new = old.successor()
                    self._workers[index] = new
                    if not new.gets_ready(self._signals):
                        return None
                except WorkerFailed as error:
                    self._say(str(error))
                    continue
                self._tell()
                self._say(f"Another worker answers in its place{self._named(old.place)}.")
        return None

    def stop(self) -> None:
        """Lets all answer what they accepted, and waits for their end."""
        stop_all(self._workers)

    def _dies_too_often(self) -> bool:
        now = time.monotonic()
        self._deaths.append(now)
        while self._deaths[0] < now - DEATHS_SECONDS:
            self._deaths.popleft()
        if len(self._deaths) <= MOST_DEATHS:
            return False
        self._say(f"{len(self._deaths)} workers died within {DEATHS_SECONDS:g} s: the service ends.")
        return True

    def _tell(self) -> None:
        self._announce(tuple(worker.started_at for worker in self._workers))

    @staticmethod
    def _named(place: Place) -> str:
        return "" if place.of == 1 else f" ({place.number} of {place.of})"


@contextmanager
def _folder_of_figures(settings: Settings) -> Iterator[Path | None]:
    """An empty private folder within the block, which several workers need; None for a lone one."""
    if settings.workers == 1:
        yield None
        return
    folder = settings.data_dir / "workers"
    try:
        shutil.rmtree(folder, ignore_errors=True)  # of a parent that was killed
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise CannotStore(folder, error, setting="DATA_DIR") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
