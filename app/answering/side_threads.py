"""Work of more than a millisecond, on threads of its own: the event loop and other threads continue."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from app.answering.refusals import Overloaded

LOOP_BYTES = 64 << 10
"""Larger bodies are decoded on these threads."""
PLACES = 32
"""Most pieces of work that run or wait at a time; each holds a body."""
RETRY_SECONDS = 1
Outcome = TypeVar("Outcome")
Job = tuple[Callable[[], Any], Future[Any]]


def share_of(whole: int) -> int:
    """One caller's part of a shared limit: a quarter."""
    return max(1, whole // 4)


class Aside:
    """A few threads, and a bounded number of places before them, of which a caller has a share.

    A free thread serves the caller with the fewest threads, or of several such callers the one whose turn was longest
    ago: so work waits for at most one piece of each other caller, however many they bring.

    Args:
        what: the purpose of the places, in the words of a refusal.
    """

    def __init__(self, *, threads: int, places: int = PLACES, what: str = "bodies to decode") -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aside")
        self._places, self._share, self._what = places, share_of(places), what
        self._lock = Lock()
        self._lines: dict[Hashable, deque[Job]] = {}
        """Waiting work by caller, the one whose turn was longest ago first."""
        self._running: Counter[Hashable] = Counter()
        self._taken: Counter[Hashable] = Counter()

    async def run(self, work: Callable[[], Outcome], *, of: Hashable) -> Outcome:
        """The result of this caller's `work`.

        Raises:
            Overloaded: no place is free, or none for this caller. Also any error of `work`.
        """
        future: Future[Outcome] = Future()
        with self._lock:
            if self._taken[of] >= self._share:
                raise Overloaded(f"{self._share} {self._what} of yours that wait already", retry_after=RETRY_SECONDS)
            if self._taken.total() >= self._places:
                raise Overloaded(f"more {self._what} than can wait", retry_after=RETRY_SECONDS)
            self._taken[of] += 1
            self._lines.setdefault(of, deque()).append((work, future))
        # A place is taken until the work itself ends: a caller that goes away leaves the thread busy.
        future.add_done_callback(partial(self._give_back, of))
        self._threads.submit(self._do_next)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Cancels waiting work, lets running work continue, and takes nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            waiting = [future for line in self._lines.values() for _, future in line]
        for future in waiting:
            future.cancel()

    def join(self) -> None:
        """Waits, after `close`, until nothing runs any more. Not to be called on the event loop."""
        self._threads.shutdown(wait=True)

    def _do_next(self) -> None:
        """Does one piece of work on a thread; submitted once for each piece."""
        with self._lock:
            of = min(self._lines, key=lambda caller: self._running[caller])
            line = self._lines[of]
            work, future = line.popleft()
            if not line:
                del self._lines[of]
            self._running[of] += 1
        try:
            if future.set_running_or_notify_cancel():
                _fulfil(future, work)
        finally:
            with self._lock:
                _less(self._running, of)
                if of in self._lines:
                    self._lines[of] = self._lines.pop(of)  # behind all others

    def _give_back(self, of: Hashable, _: object) -> None:
        with self._lock:
            _less(self._taken, of)


def _fulfil(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001  # any error is for the waiting caller
        future.set_exception(error)
        del future  # the error's traceback has this frame: without it, nothing refers back to itself
    else:
        future.set_result(result)


def _less(counts: Counter[Hashable], of: Hashable) -> None:
    """Counts one less; a caller with none left is forgotten."""
    counts[of] -= 1
    if counts[of] <= 0:
        del counts[of]
