"""deploy/pixelwise.service: systemd knows every line of it, and the service lives with what it forbids."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.server.worker_process import STOP_SECONDS
from tests.installation import ROOT, Installation

UNIT = ROOT / "deploy/pixelwise.service"
KEY = "a-key-that-is-long-enough-for-tests"
MOST_EXPOSED = 15
"""Tenths; systemd's own scale goes from 0 to 100, and calls 20 and less OK."""


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here (Debian: apt-get install systemd)")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def test_systemd_knows_every_directive(tmp_path: Path):
    program = tmp_path / ".venv/bin/pixelwise"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace("/opt/pixelwise", str(tmp_path)))
    done = systemd_analyze("verify", "--man=no", str(tmp_path / UNIT.name))
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, [])


def test_the_unit_is_as_closed_as_it_was():
    done = systemd_analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(UNIT))
    if "unrecognized option" in done.stderr:
        pytest.skip("a systemd older than 250, which cannot tell")
    assert done.returncode == 0, done.stdout


def test_systemd_waits_longer_than_the_service_needs_to_end():
    assert [int(seconds) > STOP_SECONDS for seconds in directives("TimeoutStopSec")] == [True]


def test_nothing_needs_memory_that_is_written_and_then_executed(installation: Installation):
    """The kernel's own form of MemoryDenyWriteExecute, which needs no systemd."""
    set_it = "import ctypes, os, sys\nctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0 or sys.exit(77)\n"
    run_it = "import app.main, app.report.__main__, app.server.worker, mmap, uvloop\n"
    run_it += "uvloop.new_event_loop().close()\nprint('runs')\n"
    try_it = "mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"  # so that the test can fail
    code = f"{set_it}os.execv(sys.executable, [sys.executable, '-c', {run_it + try_it!r}])"
    done = installation.run("-c", code, SECRET_API_KEY=KEY)
    if done.returncode == 77:
        pytest.skip("a kernel older than 6.3, which cannot deny it")
    assert done.stdout == "runs\n", done.stderr
    assert "PermissionError" in done.stderr


# -- system calls ------------------------------------------------------------------------------------------------------


def allowed_calls() -> set[str]:
    """What the SystemCallFilter lines leave, by the lists of the systemd that is installed here."""
    listed = systemd_analyze("syscall-filter").stdout
    groups = {
        block.splitlines()[0]: {line.strip() for line in block.splitlines()[1:] if not line.strip().startswith("#")}
        for block in re.split(r"\n(?=@)", "\n" + listed)
        if block.startswith("@")
    }

    def calls(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        return {call for member in groups[name] for call in calls(member) if call}

    allowed: set[str] = set()
    for line in directives("SystemCallFilter"):
        listed_calls = {call for name in line.removeprefix("~").split() for call in calls(name)}
        allowed = allowed - listed_calls if line.startswith("~") else allowed | listed_calls
    return allowed


@contextmanager
def traced_service(installation: Installation, notes: Path) -> Iterator[str]:
    """The address of a service of which every system call, from its first, is written into `notes`."""
    service = [installation.python, "-X", "utf8", "-c", "import app.cli; app.cli.main()", "serve"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installation.root), "SECRET_API_KEY": KEY, "PORT": "0"}
    log = installation.root / "service.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(notes), *service],
            cwd=installation.root,
            env={**environ, "OPENBLAS_NUM_THREADS": "1"},
            stdout=file,
            stderr=file,
        )
    end = time.monotonic() + 120
    while not (found := re.search(r"answers at (http://\S+)", log.read_text())):
        if process.poll() is not None and "ptrace" in log.read_text():
            pytest.skip(f"strace may not look at a process here: {log.read_text()}")
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    try:
        yield found[1]
    finally:
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), 15)
        assert process.wait(60) == 0


@pytest.mark.long
def test_the_service_makes_no_system_call_that_the_unit_forbids(installation: Installation, tmp_path: Path):
    if shutil.which("strace") is None:
        say = pytest.fail if os.environ.get("PIXELWISE_STRACE") == "required" else pytest.skip
        say("no strace here (Debian: apt-get install strace)")
    notes = tmp_path / "calls"
    drawing = {"strokes": [[[140, 40], [140, 240]]], "pen_width": 16, "canvas": [280, 280]}
    with (
        traced_service(installation, notes) as address,
        httpx.Client(base_url=address, headers={"x-api-key": KEY}, timeout=60, trust_env=False) as client,
    ):
        for path in ("/ready", "/", "/metrics", "/results", "/analytics"):
            assert client.get(path).status_code == 200, path
        assert client.post("/drawings", json=drawing).status_code == 200
    seen = notes.read_text(errors="replace")
    made = set(re.findall(r"^\d+ +(\w+)\(", seen, re.MULTILINE))
    if os.geteuid() == 0:
        made -= {"fchown"}  # SQLite as root gives its log to the owner of the database
    assert {"execve", "fdatasync", "mbind", "setpriority"} <= made  # so the list is one of calls
    assert made - allowed_calls() == set()
    families = set(re.findall(r"\bsocket(?:pair)?\((AF_\w+)", seen))
    assert families <= set(*[line.split() for line in directives("RestrictAddressFamilies")])
