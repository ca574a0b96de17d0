"""An id for each request."""

from __future__ import annotations

from random import Random

_random = Random()  # names a request, guards nothing: no system call for each


def new_request_id() -> str:
    """16 hex digits, for one request among those of some days."""
    return f"{_random.getrandbits(64):016x}"
