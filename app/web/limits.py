"""How often one key, one address and one visit may ask; counted in this process's memory."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.errors import TooMany


class RateLimits:
    """Fixed windows, by rates such as {"key": "1000/second", "address": …, "visit": …}."""

    def __init__(self, rates: Mapping[str, str]) -> None:
        self._texts = dict(rates)
        self._rates = {kind: parse(rate) for kind, rate in rates.items()}
        self._windows = FixedWindowRateLimiter(MemoryStorage())

    def count(self, kind: str, name: str) -> None:
        """Counts one request of this key, address or visit.

        Raises:
            TooMany: it is one more than agreed; says when the next window begins.
        """
        rate = self._rates[kind]
        if not self._windows.hit(rate, kind, name):
            begins = self._windows.get_window_stats(rate, kind, name).reset_time
            raise TooMany(kind, limit=self._texts[kind], retry_after=max(1, math.ceil(begins - time.time())))
