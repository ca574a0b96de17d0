"""Refusals of a service that cannot be run."""

from __future__ import annotations

import errno
import os

from app.errors import NO_PROCESS, ConfigurationError, PixelWiseError, cause_of


class CannotListen(ConfigurationError):
    """HOST and PORT cannot be listened on."""

    def __init__(self, host: str, port: int, *, said: str) -> None:
        is_taken = said.startswith(os.strerror(errno.EADDRINUSE))  # Python adds the address
        super().__init__(
            f"HOST={host} PORT={port}",
            found="in use by another program" if is_taken else said,
            expected="an address of this machine that no other program uses",
            remedy="Set another PORT in .env, or stop that program (`ss -ltnp` names it)."
            if is_taken
            else "Correct HOST and PORT in .env: 127.0.0.1 is this machine alone, 0.0.0.0 every address of it.",
        )


class AlreadyRunning(ConfigurationError):
    """Another service runs from this installation."""

    def __init__(self, url: str) -> None:
        super().__init__(
            "service",
            found=f"one of this installation answers at {url}",
            expected="one at a time: its workers share one socket and their limits",
            remedy="Use that one, or end it first. A second one of this tree needs a DATA_DIR and a PORT of its own.",
        )


class WorkerFailed(PixelWiseError):
    """The process that should answer did not start; it has reported the cause."""

    def __init__(self, *, exit_code: int, found: str = "", remedy: str = "Its own message stands above.") -> None:
        self.exit_code = exit_code if exit_code > 0 else 1
        ended = f"its worker ended with exit code {exit_code}"
        super().__init__("service", found=found or ended, expected="one that answers", remedy=remedy)


class NoWorkerProcess(WorkerFailed):
    """A process for the worker could not even be started."""

    def __init__(self, error: OSError) -> None:
        cause, remedy = cause_of(error)
        found = f"no process for a worker: {cause} ({error.filename or 'by the system'})"
        super().__init__(exit_code=1, found=found, remedy=NO_PROCESS.get(error.errno or 0, remedy))
