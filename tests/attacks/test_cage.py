"""The cage holds: real pickles that mean harm are each a difference, and leave nothing behind.

The audit hook in the cage only watches, so what stops them is the cage. Were it open, they would touch a file, connect
to this test, or end a process of this test.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.attacks.assemble import Call, Global, joblib_dump
from tests.attacks.differential import SCRIPT, UNSHARE, Cage, CannotCage, cage, compare, difference
from tests.attacks.gadgets import standard_library, third_party
from tests.attacks.honest import honest_pipeline, tree
from tests.attacks.odd import PIXELS

pytestmark = pytest.mark.long

DIGITS = np.full((3, PIXELS), 255, np.uint8)
HONEST = honest_pipeline(features=PIXELS)
SECRET = "a-secret-of-this-process"


def program(source: str) -> bytes:
    """An honest model, with a program in it that runs when the file is opened."""
    return joblib_dump(tree(features=PIXELS, penalty=Call(Global("builtins", "exec"), (source, {}))))


SLEEPS = program("import time\ntime.sleep(10**6)")


@pytest.fixture(scope="module")
def caged() -> Iterator[Cage]:
    os.environ["PIXELWISE_TEST_SECRET"] = SECRET
    with cage(processor_seconds=2) as one:
        yield one
    del os.environ["PIXELWISE_TEST_SECRET"]


@pytest.fixture(autouse=True)
def the_next_honest_file_passes(caged: Cage) -> Iterator[None]:
    """After each test, whatever was opened in it."""
    yield
    assert difference(HONEST, caged, DIGITS) is None


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A file that must not come into being, in a folder where everybody may write."""
    tmp_path.chmod(0o777)
    yield tmp_path / "canary"
    assert not (tmp_path / "canary").exists()


def opened(caged: Cage, data: bytes, *, seconds: float = 120) -> dict[str, Any]:
    """What the cage says of this file, which must count as a difference."""
    outcome = caged.open(data, DIGITS / 255, seconds=seconds)
    assert compare([], np.zeros((3, 9)), outcome) is not None
    assert outcome["faults"], outcome
    return outcome


def test_a_file_that_writes_a_file_writes_none(caged: Cage, canary: Path):
    outcome = opened(caged, program(f"open({str(canary)!r}, 'w').write('x')"))
    assert any("event open" in fault for fault in outcome["faults"])
    assert "FileNotFoundError" in outcome["raised"]


@pytest.mark.parametrize("path", ["/canary", "canary", "/tmp/canary", "/dev/shm/canary", "../../../../tmp/canary"])
def test_no_path_leads_out_of_the_folder(caged: Cage, path: str):
    outcome = opened(caged, program(f"open({path!r}, 'w')"))
    assert outcome["raised"].startswith(("FileNotFoundError", "OSError", "PermissionError")), outcome
    assert not Path("/", path.lstrip("./")).exists()


def test_a_file_that_starts_a_process_starts_none(caged: Cage):
    outcome = opened(caged, program("import os\nif os.fork() == 0: os._exit(0)"))
    assert any("event os.fork" in fault for fault in outcome["faults"])
    assert "BlockingIOError" in outcome["raised"]


def test_a_file_that_starts_a_program_starts_none(caged: Cage, canary: Path):
    outcome = opened(caged, program(f"import os\nos.execv('/bin/sh', ['sh', '-c', 'touch {canary}'])"))
    assert "FileNotFoundError" in outcome["raised"]


def test_a_file_that_connects_reaches_nobody(caged: Cage):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        outcome = opened(caged, program(f"import socket\nsocket.socket().connect(('127.0.0.1', {port}))"))
        assert any("event socket.connect" in fault for fault in outcome["faults"])
        assert "OSError" in outcome["raised"]
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_file_that_connects_by_an_abstract_socket_reaches_nobody(caged: Cage):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0pixelwise-cage-test-" + str(os.getpid()))
        listener.listen()
        listener.setblocking(False)
        name = listener.getsockname()
        outcome = opened(caged, program(f"import socket\nsocket.socket(socket.AF_UNIX).connect({name!r})"))
        assert "ConnectionRefusedError" in outcome["raised"]
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_file_that_loops_is_ended(caged: Cage):
    assert "ended by SIGXCPU" in opened(caged, program("while True: pass"))["faults"]


def test_a_file_that_loops_and_listens_to_no_signal_is_ended(caged: Cage):
    source = "import signal\nfor n in {*range(1, 32)} - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
    assert "ended by SIGKILL" in opened(caged, program(source + "while True: pass"))["faults"]


def test_a_file_that_sleeps_is_ended(caged: Cage):
    assert "not done after 1 s" in opened(caged, SLEEPS, seconds=1)["faults"]


def test_a_file_that_closes_its_report_and_sleeps_is_ended(caged: Cage):
    source = "import os, time\nos.closerange(0, 1000)\ntime.sleep(10**6)"
    assert "not done after 1 s" in opened(caged, program(source), seconds=1)["faults"]


def test_a_file_that_takes_all_memory_gets_a_bounded_part(caged: Cage):
    assert "MemoryError" in opened(caged, program("bytearray(1 << 40)"))["raised"]
    outcome = opened(caged, program("import mmap\nx = []\nwhile True: x.append(mmap.mmap(-1, 1 << 26))"))
    assert "Cannot allocate memory" in outcome["raised"]


def test_a_file_that_floods_its_report_is_ended(caged: Cage):
    source = (
        "import os\nfor n in range(3, 100):\n  try:\n    while True: os.write(n, b'x' * 65536)\n  except OSError: 0"
    )
    assert any("a report of more than" in fault for fault in opened(caged, program(source))["faults"])


def test_a_file_that_forges_its_report_is_a_difference(caged: Cage):
    forged = '{"classes": ["1"], "labels": ["1"], "scores": [[1.0]]}'
    source = (
        f"import os\nfor n in range(3, 100):\n  try: os.write(n, {forged.encode()!r})\n  except OSError: 0\nos._exit(0)"
    )
    outcome = opened(caged, program(source))
    assert outcome["classes"] == ["1"], "the forgery did not arrive: this test shows nothing"
    assert outcome["faults"][0].startswith("event pickle.find_class ('builtins', 'exec')")


def test_a_file_that_crashes_is_a_difference(caged: Cage):
    outcome = opened(caged, program("import ctypes\nctypes.string_at(0)"))
    assert any(fault.startswith(("ended by SIGSEGV", "event import")) for fault in outcome["faults"])


@pytest.mark.parametrize("target", ["os.getppid()", "1", "-1", "0"])
def test_a_file_that_kills_other_processes_kills_at_most_itself(caged: Cage, target: str):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        opened(caged, program(f"import os\nos.kill({target}, 9)"))
        opened(caged, program(f"import os\nos.kill({bystander.pid}, 9)"))
        assert bystander.poll() is None
        assert caged.process.poll() is None
        bystander.communicate(b"\n")
    assert bystander.returncode == 0


def test_a_file_reads_no_file_and_no_environment(caged: Cage):
    for source in (
        "open('/etc/shadow').read()",
        "open('/etc/passwd').read()",
        "open('/proc/1/environ').read()",
        f"open({__file__!r}).read()",
        "import os\nraise ValueError(dict(os.environ), os.listdir('/'))",
    ):
        outcome = opened(caged, program(source))
        assert SECRET not in str(outcome)
        assert outcome["raised"].startswith(("FileNotFoundError", "ValueError: ({}, [])")), outcome


def test_a_file_becomes_nobody_else(caged: Cage):
    for source in ("os.setuid(0)", "os.setgroups([0])", "os.chroot('.')", "os.setpriority(0, 0, -20)"):
        outcome = opened(caged, program(f"import os\n{source}"))
        assert outcome["raised"].startswith(("PermissionError", "OSError")), outcome


def test_no_gadget_touches_its_canary(caged: Cage, canary: Path):
    for data in {**standard_library(canary), **third_party(canary)}.values():
        opened(caged, joblib_dump(tree(features=PIXELS, penalty=data)))


def test_a_cage_that_is_closed_leaves_no_process_and_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with cage() as one:
        inside = children(one.process.pid)
        assert inside
    assert one.process.returncode == 0
    assert [pid for pid in inside if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.iterdir()) == []


def test_a_cage_whose_owner_dies_ends_with_all_that_is_in_it():
    with cage() as one:
        inside = children(one.process.pid)
        assert one.process.stdin is not None
        header = {"bytes": 0, "rows": 0, "columns": 0, "seconds": 120}
        one.process.stdin.write(json.dumps({**header, "bytes": len(SLEEPS)}).encode() + b"\n" + SLEEPS)
        one.process.stdin.flush()
        while not (forks := children(int(inside[0]))):
            time.sleep(0.01)
        one.process.kill()
    while any(Path(f"/proc/{pid}").exists() for pid in (*inside, *forks)):
        time.sleep(0.01)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("missing", ["--net", "--pid", "--mount", "--ipc"])
def test_a_cage_with_a_hole_opens_nothing(missing: str):
    with pytest.raises(CannotCage, match="namespace of its own"), cage(unshare=[*_without(missing)]):
        pytest.fail("it was opened")


def _without(missing: str) -> Iterator[str]:
    for word in UNSHARE:
        if word != missing:
            yield word


@pytest.mark.parametrize(
    ("step", "hole"),
    [
        ("os.chroot", "a file outside can be read"),
        ("resource.setrlimit", "a process can be started"),
        ("libc.prctl", "new privileges"),
    ],
)
def test_a_cage_that_misses_a_step_is_seen_from_inside_and_opens_nothing(tmp_path: Path, step: str, hole: str):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\nimport cage\nimport cage_sklearn\n"
        f"cage_sklearn.warnings.simplefilter('ignore')\ncage.{step} = lambda *arguments: 0\n"
        "cage.main(cage_sklearn.LIBRARY)\n"
    )
    with pytest.raises(CannotCage, match=hole), cage(script=script):
        pytest.fail("it was opened")


def test_a_machine_that_permits_no_cage_is_told_the_reason_and_the_remedy():
    with pytest.raises(CannotCage, match=r"Nothing was opened.*CAP_SYS_ADMIN"), cage(unshare=["false"]):
        pytest.fail("it was opened")


def test_outside_of_any_namespace_the_script_ends_before_it_does_anything():
    with pytest.raises(CannotCage, match="no net namespace of its own"), cage(unshare=["unshare"]):
        pytest.fail("it was opened")
