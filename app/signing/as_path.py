"""Bytes as a path, for a program that reads a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_path(data: bytes) -> Iterator[tuple[str, int]]:
    """A path by which a child process reads these bytes, and the descriptor that it must be given; no disk has them."""
    descriptor = os.memfd_create("signature")
    try:
        os.write(descriptor, data)
        yield f"/dev/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)
