"""Reading a file inside a folder that somebody else fills: no link leads out of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from app.errors import SystemRefused
from app.release.refusals import BadRelease

_GONE = (errno.ENOENT, errno.ENOTDIR)
_LINK = (errno.ELOOP, errno.EMLINK)


def read_inside(folder: Path, names: Sequence[str], *, limit: int, refuse: Callable[[str], BadRelease]) -> bytes | None:
    """The bytes of the file at `names` below `folder`, or None if it is not there.

    Args:
        names: the folders on the way, and the file.
        refuse: makes the refusal from what was found.

    Raises:
        BadRelease: one of them is a link or no plain file, or the file has more than `limit` bytes.
        SystemRefused: this machine does not let it be read.
    """
    try:
        with ExitStack() as opened:
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, at)
            for number, name in enumerate(names):
                if name in ("", ".", "..") or "/" in name or "\0" in name:
                    raise refuse(f"a path that leads elsewhere ({ascii(name)[1:-1]})")
                # subtle: a pipe would block for ever without O_NONBLOCK
                kind = os.O_DIRECTORY if number < len(names) - 1 else os.O_NONBLOCK
                if stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                    raise refuse(f"a symbolic link ({'/'.join(names[: number + 1])})")
                at = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=at)
                opened.callback(os.close, at)
            if not stat.S_ISREG(os.fstat(at).st_mode):
                raise refuse(f"no plain file ({'/'.join(names)})")
            with os.fdopen(os.dup(at), "rb") as file:
                data = file.read(limit + 1)
    except OSError as error:
        if error.errno in _LINK:  # it became one a moment ago
            raise refuse(f"a symbolic link on the way to {'/'.join(names)}") from error
        if error.errno in _GONE:
            return None
        if error.errno == errno.ENAMETOOLONG:
            raise refuse(f"a name of {max(map(len, names)):,} characters on the way") from error
        raise SystemRefused(folder.joinpath(*names), error) from error
    if len(data) > limit:
        raise refuse(f"more than {limit:,} bytes ({'/'.join(names)})")
    return data
