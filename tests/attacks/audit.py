"""A witness: CPython's own audit events (import, open, exec, socket and so on) while a block of code runs.

An audit hook cannot be removed, so there is one for the whole test run, and it records only while it is asked to.
Source: the standard library's "audit events table".
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_events: list[tuple[str, str]] | None = None
_watched_thread = 0


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _events is not None and threading.get_ident() == _watched_thread:
        _events.append((event, repr(arguments)[:200]))


sys.addaudithook(_hook)


@contextmanager
def audited() -> Iterator[list[tuple[str, str]]]:
    """The (event, arguments) pairs of this thread, filled while the block runs."""
    global _events, _watched_thread
    _watched_thread = threading.get_ident()
    _events = events = []
    try:
        yield events
    finally:
        _events = None
