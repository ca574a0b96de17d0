"""A pull that is killed, or meets another one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import Unreachable
from app.release.models_folder import RELEASES, only_one_pull
from app.release.record import RECORD, changed_file, read_record
from app.release.seen_commits import SEEN
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote
from tests.release.test_models_folder import as_before

pytestmark = pytest.mark.long

KILLED_BEFORE_STEP = """
import os, shutil, signal, sys
from pathlib import Path
from app.release.pull import pull

left, repository, root = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])

def counted(real):
    def step(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return step

def staged(folder):
    for owner, names in ((os, "rename replace unlink symlink fsync mkdir rmdir"), (shutil, "rmtree")):
        for name in names.split():
            setattr(owner, name, counted(getattr(owner, name)))

pull(repository=repository, version="v1.0", models=root / "models", lock_file=root / "model.lock", root=root,
     frozen=False, accept=staged, say=lambda line: None)
"""


@pytest.mark.parametrize("is_older", [False, True], ids=["link", "folder of an older installation"])
def test_a_pull_killed_before_any_step_leaves_a_whole_release_and_the_next_pull_ends_it(
    house: House, remote: Remote, tmp_path: Path, is_older: bool
) -> None:
    old = Remote(tmp_path / "old.git")
    first = old.release("v1.0", {PKL: b"old", "old.txt": b"old"})
    commit = remote.release()
    house.pull(str(old.folder))
    ledger = (house.models / SEEN).read_bytes()
    without = 0
    for step in range(1, 80):
        house.pull(str(old.folder))
        if is_older:
            as_before(house)
        (house.models / SEEN).write_bytes(ledger)  # so that each pull has to write it
        ran = subprocess.run([sys.executable, "-c", KILLED_BEFORE_STEP, str(step), str(remote.folder), str(house.root)])
        without += not is_whole(house.models / "v1.0")
        with only_one_pull(house.models, print):  # as the next pull begins, whatever becomes of that
            assert is_whole(house.models / "v1.0"), step
        copied = read_record(house.models)
        assert copied is not None and (copied.commit != commit or is_whole(house.models))
        assert house.pull(str(remote.folder)).release.commit == commit
        files = {**FILES, RECORD: (house.models / RECORD).read_bytes()}
        contents = house.contents()
        seen = {f"file:{old.folder}": {"v1.0": first}, f"file:{remote.folder}": {"v1.0": commit}}
        assert json.loads(contents.pop(SEEN)) == seen
        assert contents == {f"{at}{name}": data for at in ("", "v1.0/") for name, data in files.items()}
        names = {path.name for path in house.models.iterdir()}
        assert names == {".lock", RELEASES, SEEN, "v1.0", RECORD, *FILES}
        if ran.returncode == 0:
            break
        assert ran.returncode == -signal.SIGKILL
    assert ran.returncode == 0 and step > 20
    assert without == is_older, "the one moment, once in the life of an installation"


def is_whole(folder: Path) -> bool:
    release = read_record(folder)
    return release is not None and changed_file(folder, release) is None


def test_what_an_interrupted_pull_left_is_cleared_and_what_an_older_one_moved_aside_comes_back(
    house: House, remote: Remote
) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    as_before(house)
    (house.models / "v1.0").rename(house.models / ".replaced-v1.0")
    (house.models / ".incoming-x").mkdir()
    (house.models / ".incoming-x/huge").write_bytes(b"x")
    (house.models / ".linking-v1.0").symlink_to("releases/gone")
    with pytest.raises(Unreachable):
        house.pull("gone.git")
    assert house.contents() == before
    assert not [path.name for path in house.models.iterdir() if path.name.startswith((".incoming", ".linking"))]


HOLDS_THE_LOCK = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(0.5)
"""


def test_two_pulls_at_once_do_not_meet(house: House, remote: Remote) -> None:
    remote.release()
    ended: list[int | None] = []
    house.models.mkdir()
    command = [sys.executable, "-c", HOLDS_THE_LOCK, str(house.models / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        house.pull(str(remote.folder), accept=lambda folder: ended.append(other.poll()))
    assert house.said[0] == "Another pull is running: waiting for it." and ended == [0]
