"""Rate limits of one key, one address and one visit, counted in this process's memory."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from limits import parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from app.web.refusals import TooMany

SWEEP_SECONDS = 1.0


class RateLimits:
    """Fixed windows, by rates such as {"key": "1000/second", "address": …, "visit": …}."""

    def __init__(self, rates: Mapping[str, str]) -> None:
        self._texts = dict(rates)
        self._rates = {kind: parse(rate) for kind, rate in rates.items()}
        self._windows = FixedWindowRateLimiter(_OneThread())

    def count(self, kind: str, name: str) -> None:
        """Counts one request of this key, address or visit.

        Raises:
            TooMany: it exceeds the limit; says when the next window begins.
        """
        rate = self._rates[kind]
        if not self._windows.hit(rate, kind, name):
            begins = self._windows.get_window_stats(rate, kind, name).reset_time
            raise TooMany(kind, limit=self._texts[kind], retry_after=max(1, math.ceil(begins - time.monotonic())))


class _OneThread(Storage):
    """Counters of one thread. The library's own MemoryStorage starts a thread a hundred times a second to forget old
    ones, and each start holds up the event loop. The clock is monotonic: setting the time back prolongs no window."""

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._ends: dict[str, float] = {}
        self._swept = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.monotonic()
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            for old in [name for name, end in self._ends.items() if end <= now]:
                self.clear(old)
        if self._ends.get(key, 0.0) <= now:
            self._counts[key], self._ends[key] = 0, now + expiry
        self._counts[key] = count = self._counts[key] + amount
        return count

    def get(self, key: str) -> int:
        return self._counts.get(key, 0) if self._ends.get(key, 0.0) > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        return self._ends.get(key, time.monotonic())

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._counts)
        self._counts.clear()
        self._ends.clear()
        return count

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)
        self._ends.pop(key, None)
