"""Processes that score and are killed: the driver's script, and who its workers are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.installation import ROOT

DRIVER = """
import pickle, sys
from pathlib import Path
from app.scoring.executors import in_processes
from app.scoring.inputs.table import open_inputs
from app.scoring.plan import plan
from app.scoring.run import run

if __name__ == "__main__":
    source, out, model, rows = sys.argv[1:]
    model = pickle.loads(Path(model).read_bytes())
    done = run(plan(open_inputs(Path(source)), model, rows=int(rows)), Path(out), model, in_processes(2),
               progress=lambda rows, is_new: print(is_new, flush=True))
    print(done.scored, done.missing)
"""


def driver(*arguments: str | Path) -> subprocess.Popen[str]:
    """A process that scores with two workers, and prints a line for each finished shard."""
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    script = Path(arguments[1]).parent / "driver.py"
    script.write_text(DRIVER)
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The workers of a driver: the children of its fork server."""
    servers = _children(process.pid)
    return [child for server in servers for child in _children(server)]


def kill(pid: int) -> None:
    """Kills a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """True if there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
