"""Processor time of a service and all its processes, from Linux's /proc: busy neighbours disturb it less."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PARENT, USER_TICKS, SYSTEM_TICKS = 1, 11, 12
"""Fields of /proc/PID/stat, counted from the one after the name; see proc(5)."""


def processor_seconds(root: int) -> float:
    """Used so far by a process and its living descendants, together."""
    fields = dict(_stat())
    family = {root}
    while found := {pid for pid, stat in fields.items() if int(stat[PARENT]) in family} - family:
        family |= found
    ticks = sum(int(fields[pid][USER_TICKS]) + int(fields[pid][SYSTEM_TICKS]) for pid in family if pid in fields)
    return ticks / TICKS_PER_SECOND


def _stat() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # The name, in brackets, may hold spaces and brackets itself.
                yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
