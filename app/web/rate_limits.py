"""Rate limits of one key, one address and one visit, counted in this process's memory.

Several processes take a share each (here), or share their counts (`shared_limits.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from app.web.refusals import TooMany

SWEEP_SECONDS = 1.0


class Sharing(NamedTuple):
    """`holds`: processes know each other's counts now; `processes`: how many there were when last seen."""

    holds: bool
    processes: int


class Limits(Protocol):
    """What admits requests, or refuses them.

    Attributes:
        sharing: how this process shares its counts with others; None where it is not to.
    """

    @property
    def sharing(self) -> Sharing | None: ...

    def count(self, kind: str, name: str) -> None:
        """Counts one request of this key, address or visit; raises TooMany."""

    def start(self) -> None:
        """Begins whatever runs beside the requests."""

    def close(self) -> None:
        """Ends it. May take a while: not to be called on the event loop."""


def share_of(rate: RateLimitItem, *, number: int = 1, of: int) -> int:
    """The share of the process with this number, from 1, in a limit: all shares add up to it. At least 1."""
    whole, rest = divmod(rate.amount, of)
    return max(1, whole + (number <= rest))


class RateLimits:
    """Fixed windows, by rates such as {"key": "1000/second", "address": …, "visit": …}.

    Args:
        number, of: this process's number among those that take a share each.
    """

    sharing = None

    def __init__(self, rates: Mapping[str, str], *, number: int = 1, of: int = 1) -> None:
        whole = {kind: parse(rate) for kind, rate in rates.items()}
        shares = {kind: share_of(rate, number=number, of=of) for kind, rate in whole.items()}
        self._rates = {kind: type(rate)(shares[kind], rate.multiples) for kind, rate in whole.items()}
        self._texts = dict(rates)
        if of > 1:
            self._texts = {
                kind: f"{shares[kind]} of the {rate} at each of {of} processes" for kind, rate in rates.items()
            }
        self._windows = FixedWindowRateLimiter(_OneThread())

    def start(self) -> None:
        """Nothing runs beside the requests."""

    def close(self) -> None:
        """Nothing does."""

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
