"""What a stored row says of the time that its answer took."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from app.answering import reader as reading
from tests.web.visits import STROKES, MakeInside


def test_a_row_tells_the_wait_from_the_computation(make: MakeInside, monkeypatch: pytest.MonkeyPatch):
    """On a clock that says: in the queue a thousand seconds from now, begun after 40 more, computed in 3, about to be
    stored after 2 more. What came before the queue, such as an explanation, was no wait."""
    inside = make()
    queued = time.monotonic() + 1000
    clock = iter([queued, queued + 40, queued + 43, queued + 45])
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    row = inside.row(inside.ask("POST", "/drawings", STROKES).json["id"])
    assert row.computed_ms == pytest.approx(3000)
    assert row.waited_ms == pytest.approx(40_000)
    assert row.latency_ms > 1_044_000
