"""The figures of several workers, added up by whichever is asked."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from app.answering.fellow_workers import FellowWorkers
from app.answering.metrics import Metrics


class Worker:
    """A worker's metrics, and its part in those of all."""

    def __init__(self, number: int, folder: Path) -> None:
        self.metrics = Metrics()
        self.metrics.database(lambda: True)
        self.metrics.batches_of("v1.0", "abc", lambda: float(number))
        self.fellows = FellowWorkers(self.metrics, number=number, folder=folder)

    def count(self, times: int) -> None:
        for _ in range(times):
            self.metrics.request("classify", 200, 0.01)

    async def shown(self, name: str = "pixelwise_requests_total") -> dict[str, float]:
        """Number of a worker -> its value of a metric."""
        said = (await self.fellows.exposition()).decode()
        found = re.findall(rf'^{name}{{[^}}]*worker="(\d+)"[^}}]*}} (\S+)$', said, re.MULTILINE)
        assert len(dict(found)) == len(found), "each once"
        return {number: float(value) for number, value in found}

    async def is_killed(self) -> None:
        """Its socket answers no more, and nothing is left behind."""
        self.fellows._task.cancel()
        self.fellows._server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A path that no socket's address has room for."""
    made = tmp_path / ("long" * 30)
    made.mkdir()
    return made


def test_whichever_is_asked_shows_all(folder: Path):
    async def scenario() -> None:
        one, two = Worker(1, folder), Worker(2, folder)
        await one.fellows.start()
        await two.fellows.start()
        one.count(3)
        two.count(4)
        assert await one.shown() == await two.shown() == {"1": 3.0, "2": 4.0}
        assert await one.shown("pixelwise_queue_rows") == {"1": 1.0, "2": 2.0}
        assert await two.shown("pixelwise_model_info") == {"1": 1.0, "2": 1.0}
        assert await two.shown("pixelwise_request_seconds_count") == {"1": 3.0, "2": 4.0}
        said = (await one.fellows.exposition()).decode()
        assert said.count("# TYPE pixelwise_requests_total counter") == 1
        for worker in (one, two):
            await worker.fellows.close()

    asyncio.run(scenario())


def test_counts_of_a_killed_worker_are_kept_and_its_successor_goes_on_from_them(folder: Path):
    async def scenario() -> None:
        one, two = Worker(1, folder), Worker(2, folder)
        await one.fellows.start()
        await two.fellows.start()
        two.count(4)
        assert await one.shown() == {"2": 4.0}
        await two.is_killed()
        assert await one.shown() == {"2": 4.0}
        assert await one.shown("pixelwise_database_up") == {"1": 1.0}, "its state is none any more"
        for more in (2, 3):
            two = Worker(2, folder)
            await two.fellows.start()
            before = (await two.shown())["2"]
            two.count(more)
            assert await one.shown() == {"2": before + more}
            await two.is_killed()
        assert await one.shown() == {"2": 9.0}
        assert len(list(folder.glob("2-*.figures"))) == 1, "what is taken over is cleared"
        await one.fellows.close()

    asyncio.run(scenario())


def test_while_one_worker_replaces_another_both_count_and_the_newer_tells_the_state(folder: Path):
    async def scenario() -> None:
        old, new = Worker(1, folder), Worker(1, folder)
        await old.fellows.start()
        old.count(1)
        await new.fellows.start()
        new.metrics.batches_of("v1.0", "abc", lambda: 7.0)
        new.count(2)
        old.count(3)
        assert await new.shown() == {"1": 6.0}
        await old.fellows.close()
        assert await new.shown() == {"1": 6.0}
        assert await new.shown("pixelwise_queue_rows") == {"1": 7.0}
        last = Worker(1, folder)
        await last.fellows.start()
        assert await last.shown() == {"1": 6.0}
        await new.fellows.close()
        assert await last.shown() == {"1": 6.0}
        await last.fellows.close()

    asyncio.run(scenario())


def test_what_was_counted_is_left_within_a_second_without_being_asked(folder: Path, monkeypatch: pytest.MonkeyPatch):
    async def scenario() -> None:
        one, two = Worker(1, folder), Worker(2, folder)
        await one.fellows.start()
        await two.fellows.start()
        two.count(4)
        await asyncio.sleep(0.2)
        await two.is_killed()
        assert await one.shown() == {"2": 4.0}
        await one.fellows.close()

    monkeypatch.setattr("app.answering.fellow_workers.KEEP_SECONDS", 0.01)
    asyncio.run(scenario())


def test_a_silent_fellow_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch):
    async def scenario() -> None:
        one, two = Worker(1, folder), Worker(2, folder)
        await one.fellows.start()
        await two.fellows.start()
        two.count(4)
        assert await one.shown() == {"2": 4.0}
        async with two.fellows._keeping:
            assert await one.shown() == {"2": 4.0}
        await one.fellows.close()
        await two.fellows.close()

    monkeypatch.setattr("app.answering.fellow_workers.ASK_SECONDS", 0.05)
    asyncio.run(scenario())
