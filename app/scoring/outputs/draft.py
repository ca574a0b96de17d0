"""Files that are there whole or not at all, and drafts of processes that were killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

SUFFIX = ".draft"


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """A new file beside `target`, which takes its place when the block ends, on the disk with its name; if the block
    raises, nothing is left."""
    with _locked_draft(target) as (draft, descriptor):
        yield draft
        os.fsync(descriptor)
        draft.replace(target)
        settle(target.parent)


def put_first(target: Path, data: bytes) -> bool:
    """Puts a file in place if there is none yet; False if another process, or an earlier one, has put one there."""
    with _locked_draft(target) as (draft, descriptor):
        draft.write_bytes(data)
        os.fsync(descriptor)
        try:
            os.link(draft, target)
        except FileExistsError:
            return False
        settle(target.parent)
    return True


def put(target: Path, data: bytes) -> None:
    """Puts a file in place, whole."""
    with draft_of(target) as draft:
        draft.write_bytes(data)


@contextmanager
def _locked_draft(target: Path) -> Iterator[tuple[Path, int]]:
    """A draft's name and its descriptor; locked while its process lives, so that `clear_drafts` knows those of the
    dead."""
    while True:
        draft = target.with_name(f".{target.name}.{uuid4().hex}{SUFFIX}")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # subtle: it may be taken for a dead one's before it is locked
            break
        os.close(descriptor)
    try:
        yield draft, descriptor
    finally:
        draft.unlink(missing_ok=True)
        os.close(descriptor)


def settle(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_drafts(folder: Path) -> int:
    """Removes the drafts of processes that have ended; returns how many."""
    cleared = 0
    for draft in list(folder.glob(f".*{SUFFIX}")):
        with suppress(FileNotFoundError):  # its own process was faster
            cleared += _clear(draft)
    return cleared


def _clear(draft: Path) -> bool:
    descriptor = os.open(draft, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
