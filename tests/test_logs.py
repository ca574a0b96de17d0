"""The log of requests: lines are written together, soon, and never kept for ever."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from typing import NamedTuple

import msgspec
import pytest

from app import logs


class Line(msgspec.Struct):
    path: str


class Log(io.BytesIO):
    """A file on a disk that is full for the first write."""

    full = True

    def write(self, data: object) -> int:
        if self.full:
            self.full = False
            raise OSError(28, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]  # bytes


class Stderr(NamedTuple):
    buffer: Log


def test_lines_that_cannot_be_written_are_lost_and_the_next_ones_are_written(monkeypatch: pytest.MonkeyPatch):
    file = Log()
    monkeypatch.setattr(sys, "stderr", Stderr(file))
    monkeypatch.setattr(logs, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr("atexit.register", lambda _: None)

    async def two_requests() -> None:
        met: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: met.append(context["exception"]))
        log = logs.request_log()
        for path in ("/lost", "/kept"):
            log(Line(path))
            await asyncio.sleep(0.05)
        assert [type(error) for error in met] == [OSError]

    asyncio.run(two_requests())
    assert [json.loads(line)["path"] for line in file.getvalue().splitlines()] == ["/kept"]
