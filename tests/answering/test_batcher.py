"""The queue: whatever waits goes together, nobody is answered before the commit, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answering import batcher as module
from app.answering.batcher import BATCH_ROWS, Batcher, BatchReport
from app.answering.refusals import Stopping
from tests.answering.queues import Model, hold_up, outcomes, run

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


def test_what_needs_no_commit_is_answered_before_it_and_whatever_becomes_of_it():
    async def test(model: Model, _: Batcher[int, int]) -> None:
        error, may_return = OSError("no disk"), threading.Event()

        def commit(works: Sequence[int], answers: Sequence[int]) -> None:
            model.committed += works
            assert may_return.wait(10)
            raise error

        queue = Batcher(model.compute, commit, needs_commit=lambda work: work > 2)
        model.bad = {2}
        futures = [queue.submit(n) for n in (3, 1, 2, 4)]
        assert await futures[1] == 1
        assert [future.done() for future in futures] == [False, True, True, False]
        may_return.set()
        results = await outcomes(futures)
        assert (results[0], results[1], results[3]) == (error, 1, error)
        assert isinstance(results[2], ValueError)
        assert await queue.submit(1) == 1
        await queue.close()

    assert run(test).committed == [3, 4]


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

    before = set(threading.enumerate())
    run(test)
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("batch") for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        time.sleep(0.01)
