"""Work of more than a millisecond, on threads of its own: the event loop and the threads of others go on."""

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
"""Larger bodies are decoded aside."""
PLACES = 32
"""Of pieces of work that run or wait; each holds a body."""
RETRY_SECONDS = 1
Outcome = TypeVar("Outcome")
Job = tuple[Callable[[], Any], Future[Any]]


def share_of(whole: int) -> int:
    """One caller's part of what all share: a quarter."""
    return max(1, whole // 4)


class Aside:
    """A few threads, and a bounded number of places before them, of which a caller has a share.

    A free thread serves the caller with the fewest threads, and among these the one whose turn was longest ago: so
    work waits for at most one piece of each other caller, however many they bring.

    Args:
        what: what the places are for, in the words of a refusal.
    """

    def __init__(self, *, threads: int, places: int = PLACES, what: str = "bodies to decode") -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aside")
        self._places, self._share, self._what = places, share_of(places), what
        self._lock = Lock()
        self._lines: dict[Hashable, deque[Job]] = {}
        """By caller, the one whose turn was longest ago first."""
        self._running: Counter[Hashable] = Counter()
        self._taken: Counter[Hashable] = Counter()

    async def run(self, work: Callable[[], Outcome], *, of: Hashable) -> Outcome:
        """The result of this caller's `work`.

        Raises:
            Overloaded: no place is free, or none for this caller. And what `work` raises.
        """
        future: Future[Outcome] = Future()
        with self._lock:
            if self._taken[of] >= self._share:
                raise Overloaded(f"{self._share} {self._what} of yours that wait already", retry_after=RETRY_SECONDS)
            if self._taken.total() >= self._places:
                raise Overloaded(f"more {self._what} than can wait", retry_after=RETRY_SECONDS)
            self._taken[of] += 1
            self._lines.setdefault(of, deque()).append((work, future))
        # Of the work and not of who waits for it: who goes away leaves the thread busy.
        future.add_done_callback(partial(self._give_back, of))
        self._threads.submit(self._do_next)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Cancels what waits, lets what runs go on, and takes nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            waiting = [future for line in self._lines.values() for _, future in line]
        for future in waiting:
            future.cancel()

    def join(self) -> None:
        """After `close`: returns when nothing runs any more. Not on the event loop."""
        self._threads.shutdown(wait=True)

    def _do_next(self) -> None:
        """One piece of work, on a thread; as often as there are pieces."""
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
    except Exception as error:  # noqa: BLE001  # whatever it is, it is for who waits
        future.set_exception(error)
        del future  # the error's traceback has this frame: without it, nothing refers back to itself
    else:
        future.set_result(result)


def _less(counts: Counter[Hashable], of: Hashable) -> None:
    """One less; who has none is forgotten."""
    counts[of] -= 1
    if counts[of] <= 0:
        del counts[of]
