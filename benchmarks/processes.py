"""Whole processes, measured from outside: time from start to end, and peak memory.

subtle: Linux counts what the parent held at the moment of the start as the child's peak. So the parent must be small:
this module and `run.py` import the standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """One process that ended well: wall time, peak resident memory, what it printed."""

    seconds: float
    peak_mib: float
    printed: str


def whole_process(command: Sequence[str | Path], *, environ: Mapping[str, str], folder: Path) -> Process:
    """Runs the command to its end; one that fails ends the benchmark."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.PIPE, text=True)
    with process.stdout as pipe:
        printed = pipe.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: exit code {process.returncode} of: {' '.join(map(str, command))}")
    per_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10  # macOS counts bytes, Linux KiB
    return Process(seconds, usage.ru_maxrss / per_mib, printed)
