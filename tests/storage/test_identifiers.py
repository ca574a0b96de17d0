"""Identifiers sort by the time they were made."""

from __future__ import annotations

import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from app.storage import identifiers
from app.storage.identifiers import lowest_id, new_id, time_of


def test_an_identifier_is_a_uuid_of_version_7():
    one = new_id()
    assert (one.version, one.variant) == (7, uuid.RFC_4122)


def test_the_example_of_the_rfc_has_the_time_that_the_rfc_says():
    """RFC 9562, appendix A.6."""
    example = uuid.UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    assert time_of(example) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert lowest_id(datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(timedelta(hours=-5)))) < example
    assert lowest_id(datetime(2022, 2, 22, 19, 22, 22, 1000, tzinfo=UTC)) > example


def test_identifiers_increase_within_a_millisecond():
    made = [new_id() for _ in range(20_000)]
    assert all(former < latter for former, latter in pairwise(made))


def test_identifiers_increase_when_the_clock_stands_still_or_steps_back(monkeypatch: pytest.MonkeyPatch):
    now = time.time_ns() + 60_000_000_000
    clock = iter([now, now, now - 5_000_000_000, now, now + 1])
    monkeypatch.setattr(identifiers, "_last", 0)
    monkeypatch.setattr(identifiers.time, "time_ns", lambda: next(clock))
    made = [new_id() for _ in range(5)]
    assert made == sorted(set(made))


def test_threads_get_increasing_identifiers_and_no_tick_twice(monkeypatch: pytest.MonkeyPatch):
    def many(_: int) -> list[uuid.UUID]:
        return [new_id() for _ in range(2_000)]

    now = time.time_ns()
    monkeypatch.setattr(identifiers.time, "time_ns", lambda: now)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            lists = list(pool.map(many, range(8)))
    finally:
        sys.setswitchinterval(usual)
    assert all(made == sorted(made) for made in lists)
    without_random_bits = {one.int >> 64 for made in lists for one in made}
    assert len(without_random_bits) == 16_000


def test_the_time_of_an_identifier_is_now():
    before = datetime.now(UTC)
    made = time_of(new_id())
    assert before - timedelta(milliseconds=2) <= made <= datetime.now(UTC) + timedelta(milliseconds=2)
    assert lowest_id(made) <= new_id()
