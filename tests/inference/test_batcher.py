"""The queue: whatever waits goes together, nobody is answered before the commit, nobody waits for long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Overloaded, Stalled, Stopping
from app.inference import batcher as module
from app.inference.batcher import ADMITTED_ROWS, BATCH_ROWS, QUEUE_ROWS, Batcher, BatchReport


class Model:
    """Answers each number with its square, notes what it was asked, and can be held up or made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.committed: list[int] = []
        self.bad: set[int] = set()
        self.commit_error: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.entered = threading.Event()

    def compute(self, works: Sequence[int]) -> list[int]:
        self.batches.append(list(works))
        self.entered.set()
        assert self.may_go_on.wait(20)
        for work in works:
            if work in self.bad:
                raise ValueError(f"no square of {work}")
        return [work * work for work in works]

    def commit(self, works: Sequence[int], answers: Sequence[int]) -> None:
        if self.commit_error is not None:
            raise self.commit_error
        assert [work * work for work in works] == list(answers)
        self.committed += works


Test = Callable[[Model, "Batcher[int, int]"], Coroutine[Any, Any, None]]


def run(test: Test, **batcher: Any) -> Model:
    """Runs `test` with a model and its queue, closes the queue, and returns the model."""
    model = Model()

    async def whole() -> None:
        queue = Batcher(model.compute, model.commit, **batcher)
        try:
            await test(model, queue)
        finally:
            model.may_go_on.set()
            await queue.close()

    asyncio.run(asyncio.wait_for(whole(), 30))
    return model


async def hold_up(model: Model, queue: Batcher[int, int], rows: int = 1) -> asyncio.Future[int]:
    """Submits a piece of work (0) and returns while it is being computed, which it is until `model.may_go_on`."""
    model.may_go_on.clear()
    model.entered.clear()
    future = queue.submit(0, rows=rows)
    await asyncio.to_thread(model.entered.wait, 10)
    return future


async def outcomes(futures: Sequence[asyncio.Future[int]]) -> list[int | BaseException]:
    return await asyncio.gather(*futures, return_exceptions=True)


# -- what goes together ----------------------------------------------------------------------------------------


def test_fifty_in_one_turn_of_the_loop_are_one_call_and_in_order():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        assert await outcomes([queue.submit(n) for n in range(50)]) == [n * n for n in range(50)]

    assert run(test).batches == [list(range(50))]


def test_a_lone_one_waits_for_nobody():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        handles = []
        loop = asyncio.get_running_loop()
        loop.call_later, planned = lambda *args: handles.append(args) or planned(*args), loop.call_later  # type: ignore[method-assign]
        assert await queue.submit(7) == 49
        # No timer but the one that gives a batch up: nothing else can have delayed it.
        assert [seconds for seconds, *_ in handles] == [module.ANSWER_SECONDS]

    assert run(test).batches == [[7]]


def test_what_gathers_while_a_batch_runs_is_the_next_one():
    reports: list[BatchReport] = []

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        first = await hold_up(model, queue)
        later = [queue.submit(n) for n in (1, 2)]
        await asyncio.sleep(0.02)
        later.append(queue.submit(3))
        model.may_go_on.set()
        assert await outcomes([first, *later]) == [0, 1, 4, 9]

    assert run(test, report=reports.append).batches == [[0], [1, 2, 3]]
    assert [(report.rows, report.reason) for report in reports] == [(1, "idle"), (3, "drained")]
    assert reports[1].waited > 0.01


def test_a_batch_is_full_by_rows_not_by_pieces():
    reports: list[BatchReport] = []
    third = BATCH_ROWS // 3 + 1

    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await outcomes([queue.submit(n, rows=third) for n in range(5)])

    assert run(test, report=reports.append).batches == [[0, 1], [2, 3], [4]]
    assert [report.rows for report in reports] == [2 * third, 2 * third, third]
    assert [report.reason for report in reports] == ["full", "full", "drained"]


def test_a_piece_larger_than_a_batch_goes_alone():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        futures = [queue.submit(1), queue.submit(2, rows=BATCH_ROWS + 1), queue.submit(3)]
        assert await outcomes(futures) == [1, 4, 9]

    assert run(test).batches == [[1], [2], [3]]


# -- nothing is lost, doubled or answered too early ------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    rounds=st.lists(
        st.lists(
            st.tuples(st.integers(1, 120), st.sampled_from(["wait", "wait", "wait", "cancel", "cancel later", "bad"])),
            max_size=40,
        ),
        min_size=1,
        max_size=6,
    ),
    commit_fails=st.booleans(),
)
def test_each_gets_its_own_answer_once_whatever_is_cancelled_and_fails(
    rounds: list[list[tuple[int, str]]], commit_fails: bool
):
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        if commit_fails:
            model.commit_error = OSError("no disk")
        kept: list[tuple[int, str, asyncio.Future[int]]] = []
        number = 0
        for plan in rounds:
            submitted = []
            for rows, fate in plan:
                number += 1
                if fate == "bad":
                    model.bad.add(number)
                submitted.append((number, fate, queue.submit(number, rows=rows)))
            for _, fate, future in submitted:
                if fate == "cancel":
                    future.cancel()
            await asyncio.sleep(0)
            for _, fate, future in submitted:
                if fate == "cancel later":
                    future.cancel()
            kept += submitted
        results = await outcomes([future for *_, future in kept])
        for (number, fate, _), result in zip(kept, results, strict=True):
            if fate == "cancel" or (fate == "cancel later" and isinstance(result, asyncio.CancelledError)):
                assert isinstance(result, asyncio.CancelledError)
            elif fate == "bad":
                assert isinstance(result, ValueError) and str(number) in str(result)
            elif commit_fails:
                assert isinstance(result, OSError)
            else:
                assert result == number * number
        answered = {number for (number, *_), result in zip(kept, results, strict=True) if isinstance(result, int)}
        assert answered <= set(model.committed)
        assert model.committed == sorted(set(model.committed))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BURST_SECONDS", 1000.0)
        patch.setattr(module, "STANDING_SECONDS", 1000.0)
        run(test)


def test_an_error_in_one_piece_fails_that_piece_alone():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        model.bad = {2}
        results = await outcomes([queue.submit(n) for n in (1, 2, 3)])
        assert (results[0], results[2]) == (1, 9)
        assert isinstance(results[1], ValueError)

    assert run(test).committed == [1, 3]


def test_a_failed_commit_fails_the_whole_batch_and_not_the_next_one():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        model.commit_error = error = OSError("no disk")
        assert await outcomes([queue.submit(n) for n in (1, 2)]) == [error, error]
        model.commit_error = None
        assert await queue.submit(3) == 9

    assert run(test).committed == [3]


def test_nobody_is_answered_before_the_commit_returned():
    async def test(model: Model, _: Batcher[int, int]) -> None:
        in_commit, may_return = threading.Event(), threading.Event()

        def commit(works: Sequence[int], answers: Sequence[int]) -> None:
            in_commit.set()
            assert may_return.wait(10)

        queue = Batcher(model.compute, commit)
        futures = [queue.submit(n) for n in (1, 2)]
        await asyncio.to_thread(in_commit.wait, 10)
        await asyncio.sleep(0.02)
        assert not any(future.done() for future in futures)
        may_return.set()
        assert await outcomes(futures) == [1, 4]
        await queue.close()

    run(test)


def test_cancelled_work_is_dropped_before_it_is_computed():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        first = await hold_up(model, queue)
        dropped, kept = queue.submit(1), queue.submit(2)
        dropped.cancel()
        model.may_go_on.set()
        assert await outcomes([first, kept]) == [0, 4]

    assert run(test).batches == [[0], [2]]


def test_a_model_that_answers_too_few_fails_those_it_asked_for_and_goes_on():
    def compute(works: Sequence[int]) -> list[int]:
        return [] if 2 in works else [work * work for work in works]

    async def test(_: Model, __: Batcher[int, int]) -> None:
        queue = Batcher(compute, lambda works, answers: None)
        results = await outcomes([queue.submit(n) for n in (1, 2, 3)])
        assert (results[0], results[2]) == (1, 9)
        assert isinstance(results[1], LookupError)
        assert await queue.submit(4) == 16
        await queue.close()

    run(test)


# -- refused before it hurts ---------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("seconds_per_row", [0.0005, 0.001, 0.002])
def test_a_burst_is_admitted_up_to_its_predicted_time(seconds_per_row: float):
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=seconds_per_row)
        # Below it too, since the batch that holds the queue up is overdue, and counts for it.
        assert 0.3 * module.BURST_SECONDS < fill(queue) * seconds_per_row <= 1.05 * module.BURST_SECONDS

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


def test_a_class_of_people_is_always_admitted_however_slow_the_model():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=1.0)
        assert fill(queue) == ADMITTED_ROWS

    run(test)


def test_no_more_rows_wait_than_there_is_room_for_however_fast_the_model():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await hold_up(model, queue)
        teach(queue, seconds_per_row=0.0)
        assert fill(queue) == QUEUE_ROWS

    run(test)


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


# -- the end -----------------------------------------------------------------------------------------------------


def test_closing_answers_what_was_admitted_and_admits_nothing_more():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        futures = [await hold_up(model, queue), *(queue.submit(n, rows=200) for n in (1, 2, 3))]
        closing = asyncio.create_task(queue.close())
        await asyncio.sleep(0)
        with pytest.raises(Stopping):
            queue.submit(4)
        assert not closing.done()
        model.may_go_on.set()
        await closing
        assert [future.result() for future in futures] == [0, 1, 4, 9]

    run(test)


def test_closing_an_idle_queue_ends_its_thread():
    async def test(model: Model, queue: Batcher[int, int]) -> None:
        await queue.submit(1)

    run(test)
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("batch") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
