"""Causes for which a system refuses to write or read, by number: what was found and what helps."""

from __future__ import annotations

import errno
import os

_LET_IN = "Run this as the user who owns it, or let this user in (`chown`, `chmod`)."

CAUSES = {
    errno.ENOSPC: (
        "no space left on its disk",
        "Free space on that disk (`df -h` shows which is full), then try again.",
    ),
    errno.EDQUOT: ("a quota that is used up", "Delete files of this user, or have the quota raised, then try again."),
    errno.EROFS: ("a read-only file system", "Mount it so that it can be written, or use a copy elsewhere."),
    errno.EACCES: ("no permission to write or read", _LET_IN),
    errno.EPERM: ("an operation that is not permitted", _LET_IN),
    errno.EIO: ("a disk that fails", "Look at the disk (`dmesg` says more), then try again."),
    errno.EFBIG: ("a file larger than may be", "Raise the limit of this user's files (`ulimit -f`), then try again."),
    errno.EMFILE: ("too many open files", "Raise the limit of open files (`ulimit -n`), then try again."),
    errno.ENFILE: ("too many open files on this machine", "End what holds them open, then try again."),
    errno.ENOMEM: ("too little memory", "End what uses the memory, or raise its limit, then try again."),
    errno.ENAMETOOLONG: ("a name that is too long", "Use a folder with a shorter path."),
    errno.ENOTDIR: ("a file where a folder belongs", "Move that file away, then try again."),
    errno.EISDIR: ("a folder where a file belongs", "Move that folder away, then try again."),
    errno.ELOOP: ("a link, or a circle of links", "Move that link away, then try again."),
}

NO_PROCESS = {
    errno.ENOENT: "Put it back, or set up anew (`bash setup-server.sh`) and start the service again.",
    errno.EAGAIN: "End processes of this user, or raise its limit (`ulimit -u`), then try again.",
}
"""What helps where a process cannot be started: its program or folder is gone, or there are too many."""


def cause_of(error: OSError) -> tuple[str, str]:
    """The finding and the remedy for an error with which a system refuses."""
    number = errno.ENOTDIR if error.errno == errno.EEXIST else error.errno or 0  # a folder that is to be made is a file
    return CAUSES.get(number, (os.strerror(number), "Mend that, then try again."))
