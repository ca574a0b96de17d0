"""An id for each request."""

from __future__ import annotations

from random import Random

_random = Random()  # an id guards nothing, so it needs no system call


def new_request_id() -> str:
    """16 hex digits, enough to be unique among the requests of some days."""
    return f"{_random.getrandbits(64):016x}"
