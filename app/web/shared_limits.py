"""Rate limits that hold over several processes and machines.

Each process counts in its memory, and settles with the others on a thread beside the requests: none waits for that.

Windows are those of the clock: all processes begin the same one at the same time.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from limits import RateLimitItem, parse

from app.web.rate_limits import Sharing, share_of
from app.web.redis_counts import Counted
from app.web.refusals import CountsUnavailable, TooMany

SETTLE_SECONDS, LEAST_SECONDS = 0.1, 0.005
"""Interval between two settlements; the shorter one where a caller has used its part of what this process may admit."""
PARTS = 8
"""A settlement is wanted once a caller has used one in PARTS of this process's share of what is left."""
RETRY_SECONDS = 1.0
"""Interval at which lost counts are tried again."""
PRESENT_SECONDS = 2
"""Each process says once within such a period that it is there."""
PRESENT = "present"
SWEEP_SECONDS = 1.0
_log = logging.getLogger("pixelwise.limits")


class Counts(Protocol):
    """Counters that processes share, such as `RedisCounts`."""

    name: str

    def add(self, amounts: Mapping[Counted, int]) -> dict[Counted, int]: ...

    def close(self) -> None: ...


class SharedLimits:
    """Fixed windows over all processes that use the same counts.

    A process admits of one caller, until the next settlement, what is left of the limit; once less than half is left,
    its share of that. So N processes together admit at most the limit and what N of them admit between two
    settlements. While the counts are lost, each takes its share of the limit.

    Args:
        rates: such as {"key": "1000/second", "address": …, "visit": …}.
        processes: at least so many share the counts.
        clock: seconds since 1970, for tests.
    """

    def __init__(
        self, rates: Mapping[str, str], counts: Counts, *, processes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._texts, self._rates = dict(rates), {kind: parse(rate) for kind, rate in rates.items()}
        self._counts, self._least, self._clock = counts, processes, clock
        self._processes = processes
        self._holds: bool | None = None  # None: not tried yet
        self._callers: dict[tuple[str, str], _Caller] = {}
        self._lock = threading.Lock()
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._period, self._swept = -1, 0.0
        self._thread = threading.Thread(target=self._run, name="limits", daemon=True)

    @property
    def sharing(self) -> Sharing:
        return Sharing(bool(self._holds), self._processes)

    def count(self, kind: str, name: str) -> None:
        """Counts one request of this key, address or visit.

        Raises:
            TooMany: it exceeds the limit; says when the next window begins.
        """
        rate, now = self._rates[kind], self._clock()
        seconds = rate.get_expiry()
        window = int(now // seconds)
        with self._lock:
            caller = self._callers.get((kind, name))
            if caller is None or caller.window != window:
                caller = self._callers[kind, name] = _Caller(window)
                caller.granted = self._grant(rate, caller, 0)
            is_admitted = caller.pending < caller.granted
            if is_admitted:
                caller.pending += 1
                caller.admitted += 1
            is_short = caller.pending * PARTS * self._processes >= caller.granted and caller.pending > 0
        if is_short and not self._wanted.is_set():
            self._wanted.set()
        if not is_admitted:
            raise TooMany(kind, limit=self._texts[kind], retry_after=max(1, math.ceil((window + 1) * seconds - now)))

    def start(self) -> None:
        """Begins to settle."""
        self._thread.start()

    def close(self) -> None:
        """Settles what is left, and ends."""
        self._ended.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        self._counts.close()

    def settle(self) -> None:
        """Tells the others what was admitted here, and takes over what they admitted."""
        now = self._clock()
        with self._lock:
            told = {}
            for (kind, name), caller in self._callers.items():
                seconds = self._rates[kind].get_expiry()
                if caller.pending and caller.window == int(now // seconds):
                    told[Counted(kind, name, seconds, caller.window)] = (caller, caller.pending)
        amounts = {counted: pending for counted, (_, pending) in told.items()}
        period = int(now // PRESENT_SECONDS)
        is_here, was_here = (Counted(PRESENT, "", PRESENT_SECONDS, number) for number in (period, period - 1))
        if period != self._period:
            amounts |= {is_here: 1, was_here: 0}
        elif not amounts:
            return
        try:
            totals = self._counts.add(amounts)
        except CountsUnavailable as error:
            self._lose(error)
            return
        with self._lock:
            if is_here in totals:
                self._period, self._processes = period, max(totals[is_here], totals[was_here], self._least)
            self._find()
            for counted, (caller, pending) in told.items():
                caller.pending -= pending
                caller.granted = self._grant(self._rates[counted.kind], caller, totals[counted])

    def _grant(self, rate: RateLimitItem, caller: _Caller, total: int) -> int:
        """How many requests of a caller may be admitted until the next settlement, those of `pending` among them.

        total: what all processes together have admitted, as far as is known here.
        """
        if not self._holds:
            return max(0, share_of(rate, number=self._processes, of=self._processes) - caller.admitted + caller.pending)
        left = max(0, rate.amount - total)
        return left if 2 * left > rate.amount else math.ceil(left / self._processes)

    def _lose(self, error: CountsUnavailable) -> None:
        if self._holds is not False:
            _log.warning("%s Until it is back, each of %d processes takes its share.", error, self._processes)
        with self._lock:
            self._holds = False
            for (kind, _), caller in self._callers.items():
                caller.granted = self._grant(self._rates[kind], caller, 0)

    def _find(self) -> None:
        if self._holds is False:
            _log.warning("%s is back: limits hold over %d processes again", self._counts.name, self._processes)
        self._holds = True

    def _run(self) -> None:
        while not self._ended.is_set():
            self.settle()
            self._sweep()
            if self._ended.wait(LEAST_SECONDS if self._holds else RETRY_SECONDS):
                break
            self._wanted.wait(SETTLE_SECONDS)
            self._wanted.clear()
        if self._holds:
            self.settle()

    def _sweep(self) -> None:
        """Forgets callers whose window is over."""
        now = self._clock()
        if abs(now - self._swept) < SWEEP_SECONDS:
            return
        self._swept = now
        with self._lock:
            windows = {kind: int(now // rate.get_expiry()) for kind, rate in self._rates.items()}
            for key in [key for key, caller in self._callers.items() if caller.window != windows[key[0]]]:
                del self._callers[key]


class _Caller:
    """What is known of one caller in one window.

    Attributes:
        admitted: its requests that were admitted here.
        pending: those of them that the others do not know of.
        granted: how many may be pending.
    """

    __slots__ = ("admitted", "granted", "pending", "window")

    def __init__(self, window: int) -> None:
        self.window, self.admitted, self.pending, self.granted = window, 0, 0, 0
