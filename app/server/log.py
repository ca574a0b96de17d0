"""The log: one JSON object a line, on stderr, written by a thread of its own.

A stalled reader of the log, or a full disk, costs lines; it does not hold up the service.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

WRITE_SECONDS = 0.05
"""Longest delay of request lines, which are written together: a system call for each costs more than the line."""
STDERR = 2
WAITING_BYTES = 8 << 20
"""Most bytes that wait for the writer; more are dropped and counted."""
LAST_SECONDS = 1.0
"""Time for the writer to finish waiting lines when the process ends."""


def set_up_log(level: str) -> None:
    """Sends everything logged at `level` ("debug", "info", …) and above to stderr as JSON lines."""
    handler = logging.StreamHandler(_writer())
    handler.setFormatter(_JsonLine())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "source": record.name,
            "message": record.getMessage(),
        }
        if request_id := getattr(record, "request_id", None):
            line["request_id"] = request_id
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def request_log() -> Callable[[msgspec.Struct], None]:
    """A writer of one line for each value it is given, under the value's own field names. For the event loop only."""
    writer, waiting = _writer(), bytearray()
    encode = msgspec.json.Encoder().encode

    def write() -> None:
        writer.add(bytes(waiting))
        waiting.clear()

    def log(line: msgspec.Struct) -> None:
        if not waiting:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, write)
        waiting.extend(encode(line))
        waiting.extend(b"\n")

    atexit.register(write)  # lines of the last moment
    return log


class _Writer:
    """Writes whole lines in order. Not through sys.stderr, whose lock a stalled thread would hold to the end.

    Methods may be called on any thread.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting, self._dropped, self._has_ended = bytearray(), 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Takes text as a text file does, for `logging`."""
        self.add(text.encode())

    def add(self, lines: bytes) -> None:
        with self._changed:
            if len(self._waiting) + len(lines) > WAITING_BYTES:
                self._dropped += lines.count(b"\n")
            else:
                self._waiting += lines
                self._changed.notify()

    def end(self) -> None:
        """Writes waiting lines, if that can be done soon."""
        with self._changed:
            self._has_ended = True
            self._changed.notify()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._has_ended)
                if not self._waiting:
                    return
                lines, dropped = bytes(self._waiting), self._dropped
                self._waiting.clear()
                self._dropped = 0
            try:
                self._write_whole(lines)
                if dropped:
                    now = datetime.now(UTC)
                    message = f"{dropped} lines were dropped: nobody took them"
                    line = {"time": now, "level": "warning", "source": "log", "message": message}
                    self._write_whole(msgspec.json.encode(line) + b"\n")
            except OSError:  # a full disk: later lines may be written
                with self._changed:
                    self._dropped += dropped + lines.count(b"\n")

    def _write_whole(self, lines: bytes) -> None:
        while lines:
            lines = lines[os.write(self._descriptor, lines) :]


@cache
def _writer() -> _Writer:
    """The writer of this process."""
    writer = _Writer(STDERR)
    atexit.register(writer.end)
    return writer
