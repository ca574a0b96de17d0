"""The log: lines are written together, soon, never kept for ever, and nobody waits for their reader."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from app.server import log as logs
from tests.web.load import until


class Line(msgspec.Struct):
    path: str


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A reader that reads when the test does, and what writes to it."""
    reader, writer = os.pipe()
    with closing(os.fdopen(reader, "rb")), closing(os.fdopen(writer, "wb")):
        yield reader, writer


def test_lines_of_requests_are_written_soon(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]):
    reader, writer = pipe
    lines = logs._Writer(writer)
    monkeypatch.setattr(logs, "_writer", lambda: lines)
    monkeypatch.setattr(logs, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr("atexit.register", lambda _: None)

    async def two_requests() -> None:
        log = logs.request_log()
        log(Line("/a"))
        log(Line("/b"))
        await asyncio.sleep(0.05)

    asyncio.run(two_requests())
    lines.end()
    assert [json.loads(line)["path"] for line in os.read(reader, 4096).splitlines()] == ["/a", "/b"]


def test_a_reader_that_stalls_loses_lines_and_is_told_how_many(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]):
    reader, writer = pipe
    monkeypatch.setattr(logs, "WAITING_BYTES", 10_000)
    lines = logs._Writer(writer)
    for _ in range(500):  # far more than the pipe holds and may wait
        lines.add(b"z" * 999 + b"\n")
    said, kept, told = b"", 0, [0]
    while kept + sum(told) < 500:
        said += os.read(reader, 65536)
        *whole, _ = said.split(b"\n")
        kept = sum(line == b"z" * 999 for line in whole)
        told = [int(json.loads(line)["message"].split()[0]) for line in whole if line.startswith(b"{")]
        assert len(whole) == kept + len(told), "only whole lines are lost"
    lines.end()
    assert sum(told) > 300


def test_lines_that_cannot_be_written_are_lost_and_the_next_ones_are_written(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]
):
    reader, writer = pipe
    write, failures = os.write, [OSError(28, "No space left on device")]

    def on_a_full_disk(descriptor: int, data: bytes) -> int:
        if descriptor == writer and failures:
            raise failures.pop()
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", on_a_full_disk)
    lines = logs._Writer(writer)
    lines.add(b"lost\n")
    until(lambda: lines._dropped == 1, "the failure")
    lines.add(b"kept\n")
    lines.end()
    kept, told = os.read(reader, 4096).splitlines()
    assert kept == b"kept"
    assert json.loads(told)["message"].startswith("1 lines were dropped")
