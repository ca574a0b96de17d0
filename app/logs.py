"""The log: one JSON object a line, on stderr."""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

WRITE_SECONDS = 0.05
"""Lines about requests are written together, at most so late: a system call for each costs more than the line."""


def set_up_log(level: str) -> None:
    """Sends everything that is logged to stderr as JSON lines, from `level` ("debug", "info", …) on."""
    handler = logging.StreamHandler(sys.stderr)
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
    """Writes one line for each value it is given, under the value's own field names. Belongs to the event loop."""
    waiting = bytearray()
    encode = msgspec.json.Encoder().encode

    def write() -> None:
        lines = bytes(waiting)
        waiting.clear()  # first: lines that cannot be written, on a full disk, are lost and not gathered for ever
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()

    def log(line: msgspec.Struct) -> None:
        if not waiting:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, write)
        waiting.extend(encode(line))
        waiting.extend(b"\n")

    atexit.register(write)  # what came in the last moment
    return log
