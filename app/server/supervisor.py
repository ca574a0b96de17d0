"""`pixelwise serve`: a parent that holds the listening socket, and one worker process that answers.

SIGHUP starts a new worker from the current settings and model. The old one is told to end only when the new one
answers, and ends when it has answered everything it accepted. If the new worker does not start, nothing changes: the
old one continues. Several SIGHUPs count as one; those that come while a worker starts count as one more. SIGTERM and
SIGINT end both in the same way. The socket stays open all the while, so no caller is refused.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from app.server.listen import listen
from app.server.refusals import AlreadyRunning, NoWorkerProcess, WorkerFailed
from app.server.running_service import announced, running_service
from app.settings import Settings

START_SECONDS = 120
STOP_SECONDS = 30
"""A worker that has not answered everything after this long is killed."""
ENDING = (signal.SIGTERM, signal.SIGINT)
SIGNALS = (*ENDING, signal.SIGHUP, signal.SIGCHLD)


def serve(settings: Settings, *, say: Callable[[str], None]) -> int:
    """Listens and answers until it is told to stop.

    Returns:
        The exit code: 0 after SIGTERM or SIGINT, the worker's own when that ended by itself.

    Raises:
        CannotListen: the address is taken or not ours. AlreadyRunning: another service of this installation is running.
        WorkerFailed: the first worker did not start.
    """
    if other := running_service(settings.data_dir):
        raise AlreadyRunning(other.url)
    with (
        listen(settings.host, settings.port) as listener,
        announced(settings.data_dir, address_of(listener)),
        _signals() as signals,
    ):
        worker = _Worker(listener, settings.root)
        if worker.gets_ready(signals):
            say(f"PixelWise answers at {address_of(listener)}")
        while True:
            arrived = signals.next()
            if arrived == signal.SIGHUP:
                worker = _replace(worker, signals, say)
            elif arrived in ENDING:
                listener.close()
                worker.stop()
                return 0
            elif (code := worker.process.poll()) is not None:
                say(f"The worker ended by itself, exit code {code}.")
                return code if code > 0 else 1


def address_of(listener: socket.socket) -> str:
    """ "http://127.0.0.1:8000"."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


class _Worker:
    """A process that serves the socket. A pipe tells us when it is ready, and tells the process when we are gone.

    It starts in the root folder, since Python takes modules from the current one first.

    Raises:
        NoWorkerProcess: its Python or the root folder is gone, or the system cannot start another process.
    """

    def __init__(self, listener: socket.socket, root: Path) -> None:
        self._listener, self._root = listener, root
        with ExitStack() as unless_started:
            try:
                self._line, theirs = map(unless_started.enter_context, socket.socketpair())
                descriptors = (listener.fileno(), theirs.fileno())
                command = [sys.executable, "-m", "app.server.worker", *map(str, descriptors)]
                self.process = subprocess.Popen(command, cwd=root, pass_fds=descriptors, start_new_session=True)
            except OSError as error:
                raise NoWorkerProcess(error) from None
            theirs.close()
            unless_started.pop_all()

    def successor(self) -> _Worker:
        """A new process for the same socket; raises NoWorkerProcess."""
        return _Worker(self._listener, self._root)

    def gets_ready(self, signals: _Signals) -> bool:
        """Waits until it answers, and returns True; if we are told to end first, ends it and returns False.

        Raises:
            WorkerFailed: it ended, or did not report within START_SECONDS.
        """
        said = signals.wait_for(self._line, START_SECONDS)
        if said == "end":
            self.stop()
            return False
        if said == "line" and self._line.recv(1):
            return True
        if said == "nothing":
            self.process.kill()
        raise WorkerFailed(exit_code=self.process.wait())

    def stop(self) -> None:
        """Lets it answer what it accepted, then waits for its end."""
        self.process.terminate()
        self._line.close()  # tells the same to a worker that is still starting and takes no signals
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _replace(old: _Worker, signals: _Signals, say: Callable[[str], None]) -> _Worker:
    signals.forget(signal.SIGHUP)  # a worker that starts from now on satisfies them
    say("Starting a new worker.")
    try:
        new = old.successor()
        if not new.gets_ready(signals):
            return old
    except WorkerFailed as error:
        say(f"{error} The old worker goes on.")
        return old
    # On a thread of its own: the new worker answers while the old one ends.
    threading.Thread(target=old.stop, name="stop the old worker").start()
    say("The new worker answers.")
    return new


class _Signals:
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
def _signals() -> Iterator[_Signals]:
    """Queues the signals we act on within the block."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    previous_descriptor = signal.set_wakeup_fd(writer)
    try:
        yield _Signals(reader)
    finally:
        signal.set_wakeup_fd(previous_descriptor)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
