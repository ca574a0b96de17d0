"""Work of more than a millisecond, on threads of its own: the event loop and the threads of the database go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from app.errors import Overloaded

LOOP_BYTES = 64 << 10
"""Larger bodies are decoded aside."""
PLACES = 32
"""Of pieces of work that run or wait; each holds a body."""
RETRY_SECONDS = 1
Result = TypeVar("Result")


class Aside:
    """A few threads, and a bounded number of places before them."""

    def __init__(self, *, threads: int, places: int = PLACES) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aside")
        self._places = BoundedSemaphore(places)

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns.

        Raises:
            Overloaded: no place is free. And what `work` raises.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded("more bodies to decode than can wait", retry_after=RETRY_SECONDS)
        future = self._threads.submit(work)
        # Of the work and not of who waits for it: who goes away leaves the thread busy.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)
