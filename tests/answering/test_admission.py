"""The queue refuses before it hurts: by predicted time, by rows, behind a batch that does not end."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest

from app.answering import batcher as module
from app.answering.batcher import ADMITTED_ROWS, QUEUE_ROWS, Batcher
from app.answering.refusals import Overloaded, Stalled
from tests.answering.queues import Model, hold_up, outcomes, run


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue's clock stands still: a busy machine makes no batch overdue."""
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1000.0))


def teach(queue: Batcher[int, int], *, seconds_per_row: float) -> None:
    """As if many batches had taken so long for each row."""
    for rows in (1, 10, 100) * 100:
        queue._cost.learn(rows, rows * seconds_per_row)


def fill(queue: Batcher[int, int]) -> int:
    """Submits until it is refused, and returns how many were admitted."""
    for admitted in range(2 * QUEUE_ROWS):
        try:
            queue.submit(1)
        except Overloaded as error:
            assert error.retry_after >= 1
            return admitted
    raise AssertionError("nothing is refused")


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("seconds_per_row", [0.0005, 0.001, 0.002])
def test_a_burst_is_admitted_up_to_its_predicted_time(seconds_per_row: float):
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=seconds_per_row)
        assert fill(queue) * seconds_per_row == pytest.approx(module.BURST_SECONDS, rel=0.05)

    run(test)


def test_a_queue_that_does_not_go_away_is_kept_shorter_than_a_burst(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PRESSED_SECONDS", 0.0)

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=0.0001)
        burst = fill(queue)
        model.entered.clear()
        model.may_go_on.set()
        while len(model.batches) < 2:  # the queue was long when the second batch began: it is pressed from here on
            await asyncio.sleep(0)
        model.may_go_on.clear()
        with pytest.raises(Overloaded):
            queue.admit()
        assert queue.rows_waiting > 0.7 * burst
        model.may_go_on.set()
        while queue.rows_waiting > module.STANDING_SECONDS / 0.0001 / 2:
            await asyncio.sleep(0)
        queue.admit()

    run(test)


def test_where_nothing_waits_nothing_is_pressed_however_slow_the_disk(monkeypatch: pytest.MonkeyPatch):
    """Or one slow batch would end bursts, and what shadows read, for good: each batch costs that much here."""
    monkeypatch.setattr(module, "PRESSED_SECONDS", 0.0)

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        for rows in (1, 10, 100) * 100:
            queue._cost.learn(rows, 4 * module.STANDING_SECONDS + rows * 0.0001)
        await queue.submit(1)
        assert not queue.is_pressed
        await hold_up(model, queue)
        assert queue.is_pressed
        model.may_go_on.set()

    run(test)


@pytest.mark.usefixtures("still")
def test_a_class_of_people_is_always_admitted_however_slow_the_model():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=1.0)
        assert fill(queue) == ADMITTED_ROWS

    run(test)


@pytest.mark.usefixtures("still")
def test_no_more_rows_wait_than_there_is_room_for_however_fast_the_model():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=0.0)
        assert fill(queue) == QUEUE_ROWS

    run(test)


@pytest.mark.usefixtures("still")
def test_refusing_takes_no_place_in_the_queue():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=1.0)
        fill(queue)
        waiting = queue.rows_waiting
        with pytest.raises(Overloaded):
            queue.submit(1, rows=500)
        assert queue.rows_waiting == waiting

    run(test)


def test_a_large_piece_is_admitted_where_nothing_waits():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        teach(queue, seconds_per_row=1.0)
        assert await queue.submit(5, rows=1000) == 25

    run(test)


def test_behind_a_stalled_batch_nobody_is_admitted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "STALLED_SECONDS", 0.05)

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        first = await hold_up(model, queue)
        queue.admit()
        await asyncio.sleep(0.06)
        with pytest.raises(Overloaded, match="has been running"):
            queue.submit(1)
        model.may_go_on.set()
        assert await first == 0
        assert await queue.submit(2) == 4

    run(test)


def test_a_batch_that_does_not_end_is_given_up_with_all_that_wait_for_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        running = await hold_up(model, queue)
        waiting = queue.submit(1)
        results = await outcomes([running, waiting])
        assert [type(result) for result in results] == [Stalled, Stalled]
        model.may_go_on.set()
        assert await queue.submit(2) == 4

    assert run(test).batches == [[0], [2]]


def test_how_long_a_request_took_to_arrive_is_no_cost_of_the_queue():
    """Else one body that took nine seconds would have a class refused."""

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await queue.submit(1, arrived=time.monotonic() - 9)
        await asyncio.sleep(0.01)
        assert queue._cost.of(1) < 5

    run(test)


def test_where_all_that_waited_was_cancelled_nothing_is_pressed():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        first = await hold_up(model, queue)
        teach(queue, seconds_per_row=1.0)
        waiting = [queue.submit(number) for number in range(20)]
        for future in waiting:
            future.cancel()
        model.may_go_on.set()
        await first
        until = time.monotonic() + 60
        while queue.rows_waiting and time.monotonic() < until:
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * module.PRESSED_SECONDS)
        assert not queue.is_pressed

    run(test)
