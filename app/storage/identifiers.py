"""UUIDv7: identifiers that sort by the time they were made. Source: RFC 9562, sections 5.7 and 6.2 (method 3)."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from os import urandom
from uuid import UUID

_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62
_NANOSECONDS = 1_000_000
"""Nanoseconds of a millisecond."""
_lock = threading.Lock()
_last = 0
"""The newest tick given out: a tick is 1/4096 ms, counted from 1970."""


def new_id() -> UUID:
    """A UUIDv7 above every other of this process, even if the clock stands still or steps back."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[UUID]:
    """`count` UUIDv7s, rising."""
    global _last
    milliseconds, nanoseconds = divmod(time.time_ns(), _NANOSECONDS)
    tick = milliseconds << 12 | (nanoseconds << 12) // _NANOSECONDS
    with _lock:
        first = max(tick, _last + 1)
        _last = first + count - 1
    tails = memoryview(urandom(8 * count)).cast("Q")
    return [_assemble(first + place, tail >> 2) for place, tail in enumerate(tails)]


def start_after(identifier: UUID) -> None:
    """Makes every later `new_id` higher than this UUIDv7."""
    global _last
    with _lock:
        _last = max(_last, (identifier.int >> 80) << 12 | identifier.int >> 64 & 0xFFF)


def lowest_id(moment: datetime) -> UUID:
    """The lowest UUIDv7 of the millisecond of `moment` (timezone aware): every id made before it is lower."""
    return _assemble((round(moment.timestamp() * 1_000_000) // 1000) << 12, 0)


def time_of(identifier: UUID) -> datetime:
    """The time of a UUIDv7: UTC, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def _assemble(tick: int, tail: int) -> UUID:
    """A UUIDv7: 48 bits of milliseconds, the version, 12 bits below the millisecond, the variant, 62 bits of `tail`."""
    return UUID(int=(tick >> 12) << 80 | (tick & 0xFFF) << 64 | _VERSION_AND_VARIANT | tail)
