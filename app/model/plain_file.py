"""One plain file, read once: the bytes that are hashed are the bytes that are read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Protocol

from app.errors import SystemRefused

UNREADABLE = (errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE)
"""Errors with which the system refuses to read a file, whatever its kind."""


class NotPlain(Exception):
    """A file that cannot be read as one plain file of bounded size.

    Attributes:
        why: the fault, as it reads after the file's name: "is a link".
        error: the system's own error, if the system refused.
    """

    def __init__(self, path: Path | str, why: str, *, error: OSError | None = None) -> None:
        self.why, self.error = why, error
        super().__init__(f"{path} {why}")

    @property
    def is_missing(self) -> bool:
        """True if there is no such file."""
        return self.error is not None and self.error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class OverLimit(NotPlain):
    """A file with more bytes than the limit."""


class ReadFile(Protocol):
    """One of the two functions below."""

    def __call__(self, path: Path | str, *, limit: int) -> bytes: ...


def read_plain_file(path: Path | str, *, limit: int) -> bytes:
    """The bytes of a regular file.

    It is opened without following a link in the last component and without waiting, so that a FIFO, a device or a link
    is refused instead of read; a file larger than `limit` bytes is refused by its size, before a byte is read.

    Raises:
        OverLimit: a NotPlain.
        NotPlain: no such file, not a plain file, or changed while it was read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        is_link = isinstance(error, OSError) and error.errno == errno.ELOOP and Path(path).is_symlink()
        why = "is a link" if is_link else f"cannot be opened ({getattr(error, 'strerror', None) or error})"
        raise NotPlain(path, why, error=error if isinstance(error, OSError) else None) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotPlain(path, f"is {'a folder' if stat.S_ISDIR(status.st_mode) else 'no plain file'}")
        if status.st_size > limit:
            raise OverLimit(path, f"has {status.st_size:,} bytes, the limit is {limit:,}")
        chunks = []
        remaining = status.st_size + 1  # one byte more than promised shows a file that grew
        while remaining and (chunk := os.read(descriptor, remaining)):
            chunks.append(chunk)
            remaining -= len(chunk)
    finally:
        os.close(descriptor)
    data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(data) != status.st_size:
        raise NotPlain(path, "changed while it was read")
    return data


def read_needed_file(path: Path | str, *, limit: int) -> bytes:
    """As `read_plain_file`, for a file that is indispensable.

    Raises:
        SystemRefused: the system does not allow reading: no permission, a bad disk. Nothing is known about the file.
        NotPlain: as above.
    """
    try:
        return read_plain_file(path, limit=limit)
    except NotPlain as refusal:
        if refusal.error is not None and refusal.error.errno in UNREADABLE:
            raise SystemRefused(path, refusal.error) from None
        raise
