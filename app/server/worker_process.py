"""A worker as its parent sees it: a process, and a line to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from app.server.place import Place
from app.server.refusals import NoWorkerProcess, WorkerFailed
from app.server.signals import Signals

START_SECONDS = 120
STOP_SECONDS = 30
"""A worker that has not answered everything after this long is killed."""
READY_BYTES = 100


class WorkerProcess:
    """A process that serves the socket. A pipe tells us when it is ready, and tells the process when we are gone.

    It starts in the root folder, since Python takes modules from the current one first.

    Attributes:
        place: its number among the workers; its successor has the same.
        started_at: as its GET /health says it; empty until it is ready.

    Raises:
        NoWorkerProcess: its Python or the root folder is gone, or the system cannot start another process.
    """

    def __init__(self, listener: socket.socket, root: Path, place: Place) -> None:
        self._listener, self._root, self.place = listener, root, place
        self.started_at = ""
        with ExitStack() as unless_started:
            try:
                self._line, theirs = map(unless_started.enter_context, socket.socketpair())
                descriptors = (listener.fileno(), theirs.fileno())
                command = [sys.executable, "-m", "app.server.worker", *map(str, descriptors)]
                if place.of > 1:
                    command += [str(place.number), str(place.of), str(place.folder)]
                # Versions and workers are the threads. Those of numpy's library would contend for the same cores, and a
                # product was once seen waiting for one of them for ever.
                environ = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
                self.process = subprocess.Popen(
                    command, cwd=root, env=environ, pass_fds=descriptors, start_new_session=True
                )
            except OSError as error:
                raise NoWorkerProcess(error) from None
            theirs.close()
            unless_started.pop_all()

    def successor(self) -> WorkerProcess:
        """A new process for the same socket and the same place; raises NoWorkerProcess."""
        return WorkerProcess(self._listener, self._root, self.place)

    def gets_ready(self, signals: Signals) -> bool:
        """Waits until it answers, and returns True; if we are told to end first, ends it and returns False.

        Raises:
            WorkerFailed: it ended, or did not report within START_SECONDS.
        """
        said = signals.wait_for(self._line, START_SECONDS)
        if said == "end":
            self.stop()
            return False
        if said == "line" and (ready := self._line.recv(READY_BYTES)):
            self.started_at = msgspec.json.decode(ready, type=str)
            return True
        if said == "nothing":
            self.process.kill()
        raise WorkerFailed(exit_code=self.process.wait())

    def stop(self) -> None:
        """Lets it answer what it accepted, then waits for its end."""
        stop_all([self])

    def tell_to_stop(self) -> None:
        self.process.terminate()
        self._line.close()  # tells the same to a worker that is still starting and takes no signals

    def await_end(self, seconds: float) -> None:
        """Waits for its end; kills it when that takes longer."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def stop_all(workers: list[WorkerProcess]) -> None:
    """Lets all answer what they accepted, at the same time, and waits for the end of the last."""
    for worker in workers:
        worker.tell_to_stop()
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.await_end(max(0.0, deadline - time.monotonic()))
