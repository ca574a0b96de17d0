"""A flag file that changes while in use: checked often, read when it has changed, trusted only when it is whole."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from app.flags.flag_file import parse_flags, read_flag_file
from app.flags.refusals import BadFlags
from app.flags.schema import Rules

SETTLED_SECONDS = 2.0
"""A file written more recently may change again and look the same: it is also read at the next look."""
REPLACING_SECONDS = 0.05
"""Longer than a save takes in an editor that first moves the old file away."""

NO_RULES = Rules({"flags": {}}, frozenset())
_log = logging.getLogger("pixelwise.flags")


class WatchedFile:
    """One flag file. Belongs to one thread at a time.

    Attributes:
        problem: the fault of the file as it is now, or None. A missing file is not a fault.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._holding = NO_RULES
        self._seen: tuple[int, int, int] | None = None
        self._data: bytes | None = None

    def news(self) -> Rules | None:
        """The rules of the file if they differ from those of the last call (before the first: no rules), else None.

        A broken file changes only `problem`; it is logged once for each broken version. An unchanged file costs one
        look at its size and date; a missing one, a twentieth of a second.
        """
        seen = _look_at(self.path)
        if seen is not None and seen == self._seen:
            return None
        try:
            data = self._read()
        except BadFlags as error:
            if str(error) != self.problem:
                self._complain(error)
            self._seen = self._data = None
            return None
        self._seen = seen if seen is not None and _is_settled(seen[0]) else None
        if data == self._data and (data is not None or self.problem is None):
            return None
        self._data = data
        try:
            rules = NO_RULES if data is None else parse_flags(data, name=self.path.name)[1]
        except BadFlags as error:
            self._complain(error)
            return None
        return self._take(rules)

    def _read(self) -> bytes | None:
        data = read_flag_file(self.path)
        if data is None and self._data is not None:
            time.sleep(REPLACING_SECONDS)
            data = read_flag_file(self.path)
        return data

    def _take(self, rules: Rules) -> Rules | None:
        is_new = rules != self._holding
        if is_new or self.problem is not None:
            _log.info("%s: these flags hold: %s", self.path.name, _names(rules))
        self.problem, self._holding = None, rules
        return rules if is_new else None

    def _complain(self, error: BadFlags) -> None:
        self.problem = str(error)
        _log.error("%s Until then these flags hold, as they were read last: %s.", error, _names(self._holding))


def _names(rules: Rules) -> str:
    return ", ".join(rules.document["flags"]) or "none"


def _look_at(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _is_settled(changed_ns: int) -> bool:
    return time.time_ns() - changed_ns > SETTLED_SECONDS * 1e9
