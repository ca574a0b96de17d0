"""The report of `app/report/`, made by a process of its own: neither its time nor its memory is the service's."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from app.answering.refusals import NoReport, Stopping

COMMAND = (sys.executable, "-m", "app.report")
STYLESHEET = "analytics/style.css"
"""Path relative to the page, which may be under /api."""
KEEP_SECONDS = 10.0
"""A report is reused for this long: looking again does not cost a second of processor time each time."""
SECONDS = 25.0
"""A process is ended after this long; a proxy waits for 30."""
MOST_BYTES = 16 << 20
SAID_BYTES = 2000
"""Bytes of a process's error output, counted from its end, that are logged."""
NICENESS = 10
"""Reports give way to drawings."""
_log = logging.getLogger("pixelwise.report")


class ReportFormat(NamedTuple):
    """A kind of report; `drawings`: with what others drew, for those who may see it."""

    form: Literal["html", "json"]
    drawings: bool


Run: TypeAlias = Callable[[ReportFormat], Awaitable[bytes]]
"""Makes a report of this kind, or raises NoReport."""


class Reports:
    """The newest report of each kind. One is made at a time; callers meanwhile wait for the same one."""

    def __init__(self, run: Run, *, keep_seconds: float = KEEP_SECONDS) -> None:
        self._run, self._keep_seconds = run, keep_seconds
        self._turn = asyncio.Lock()
        self._made: dict[ReportFormat, asyncio.Task[bytes]] = {}
        self._ended = False

    async def get(self, kind: ReportFormat) -> bytes:
        """The report of this kind, at most KEEP_SECONDS old.

        Raises:
            NoReport: to all callers waiting for it; the next caller tries again. Stopping: the service is ending.
        """
        task = self._made.get(kind)
        if task is None:
            if self._ended:
                raise Stopping
            task = self._made[kind] = asyncio.create_task(self._make(kind))
            task.add_done_callback(partial(self._keep, kind))
        try:
            return await asyncio.shield(task)  # a caller that goes away leaves it to the others
        except asyncio.CancelledError:
            if task.cancelled():
                raise Stopping from None
            raise

    async def close(self) -> None:
        """Ends the report being made; none is made afterwards."""
        self._ended = True
        tasks = list(self._made.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, kind: ReportFormat) -> bytes:
        async with self._turn:
            return await self._run(kind)

    def _keep(self, kind: ReportFormat, task: asyncio.Task[bytes]) -> None:
        if task.cancelled() or task.exception() is not None:
            del self._made[kind]
        else:
            asyncio.get_running_loop().call_later(self._keep_seconds, self._made.pop, kind)


class ReportProcess:
    """Makes a report by `python -m app.report`.

    Args:
        root: of the installation.
        environ: the settings in use, with the rest of the environment.
        command: another program, for tests; it is handed the same arguments.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        *,
        command: Sequence[str] = COMMAND,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._root, self._environ, self._command = root, environ, command
        self._seconds, self._most_bytes = seconds, most_bytes

    async def __call__(self, kind: ReportFormat) -> bytes:
        """The output of a new process, which is ended if this is cancelled.

        Raises:
            NoReport: it fails, takes too long, or writes too much. What it said is in the log.
        """
        process = await self._start(_arguments(kind))
        with suppress(OSError):  # where this is forbidden, it keeps the usual priority
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        clock = asyncio.get_running_loop().call_later(self._seconds, _end, process)
        try:
            report, said = await asyncio.gather(
                self._read(process, process.stdout), self._read(process, process.stderr)
            )
            code = await process.wait()
        finally:
            is_late = clock.when() <= asyncio.get_running_loop().time()
            clock.cancel()
            if process.returncode is None:
                _end(process)
                await process.communicate()
        words = said[-SAID_BYTES:].decode(errors="replace").strip()
        too_much = max(len(report), len(said)) > self._most_bytes
        if code == 0 and not too_much:
            if words:
                _log.warning("the report was made, and said: %s", words)
            return report
        found = f"more than {self._most_bytes:,} bytes" if too_much else f"exit code {code}"
        raise _failed(f"none after {self._seconds:g} s" if is_late else found, words)

    async def _start(self, arguments: list[str]) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=self._root, env=self._environ
            )
        except OSError as error:  # too many processes, or too little memory
            raise _failed("no process for it", str(error)) from None

    async def _read(self, process: Process, stream: asyncio.StreamReader | None) -> bytes:
        """All of the stream; too much of it ends the process."""
        if stream is None:
            return b""
        read = bytearray()
        while part := await stream.read(1 << 16):
            read += part
            if len(read) > self._most_bytes:
                _end(process)  # the rest is still read, or the pipe would stay open
        return bytes(read)


def _arguments(kind: ReportFormat) -> list[str]:
    style = ["--stylesheet", STYLESHEET] if kind.form == "html" else []
    return ["--format", kind.form, *style, *([] if kind.drawings else ["--without-drawings"])]


def _failed(found: str, said: str) -> NoReport:
    _log.error("no report: %s: %s", found, said or "it said nothing")
    return NoReport(found)


def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
