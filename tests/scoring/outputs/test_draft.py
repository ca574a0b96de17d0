"""Files are there whole or not at all; what the dead left is cleared, what the living write is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.scoring.outputs.draft import clear_drafts, draft_of, put, put_first
from tests.installation import ROOT


def test_a_file_is_put_in_place_when_its_block_ends(tmp_path: Path):
    target = tmp_path / "a"
    with draft_of(target) as draft:
        draft.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path):
    put(tmp_path / "a", b"old")
    with pytest.raises(RuntimeError), draft_of(tmp_path / "a") as draft:
        draft.write_bytes(b"half")
        raise RuntimeError
    assert (tmp_path / "a").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_of_two_that_are_put_first_one_is_there(tmp_path: Path):
    assert put_first(tmp_path / "a", b"one")
    assert not put_first(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_drafts_of_the_dead_are_cleared_and_those_of_the_living_are_not(tmp_path: Path):
    script = (
        "import os, signal, sys; from pathlib import Path; from app.scoring.outputs.draft import draft_of\n"
        "with draft_of(Path(sys.argv[1]) / 'dead'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    assert killed.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with draft_of(tmp_path / "alive") as draft:
        draft.write_bytes(b"x")
        assert clear_drafts(tmp_path) == 1
        assert list(tmp_path.iterdir()) == [draft]
    assert [file.name for file in tmp_path.iterdir()] == ["alive"]
