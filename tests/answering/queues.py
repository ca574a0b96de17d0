"""A model that tests of the queue can hold up and make fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from app.answering.batcher import Batcher


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
