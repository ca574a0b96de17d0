"""How fast this machine is just now: bounds on time are multiples of it, so that a slow machine decides no test."""

from __future__ import annotations

import time


def pace() -> float:
    """Processor seconds of a fixed piece of work in plain Python; the best of three."""
    return min(_taken() for _ in range(3))


def _taken() -> float:
    begin, total = time.process_time(), 0
    for number in range(2_000_000):
        total += number & 7
    return time.process_time() - begin
