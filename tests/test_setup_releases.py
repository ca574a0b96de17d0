"""What setup-server.sh gives to a local build: its date, and the drawn digits that it is measured with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.installation import GIT, ROOT
from tests.test_setup import Done

pytestmark = pytest.mark.long

FAKE = """#!/bin/sh
echo "drawn as $*" >&2
echo "$*" >>calls
[ -z "$REFUSES" ] || exit 5
echo digits >"$3"
[ -z "$INTERRUPTED" ] || kill -9 "$PPID"
"""


def call(function: str, root: Path, **environ: str) -> Done:
    """One function of the script, without its last line, which runs everything."""
    script = f'source <(head -n -1 setup-server.sh); cd "$1"; {function}'
    home = {"PATH": os.environ["PATH"], "HOME": "/", **GIT}
    return subprocess.run(
        ["bash", "-c", script, "-", root], cwd=ROOT, env={**home, **environ}, capture_output=True, text=True
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sources of a release, each of another second; a Python that only says that it draws."""
    files = ("app/drawing/strokes.py", "drawn/digits.py", "pixelwise-model/train.py", "pixelwise-model/release.py")
    for second, name in enumerate(files, 1_700_000_000):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (second, second))
    (tmp_path / "pixelwise-model/data").mkdir()
    (tmp_path / "pixelwise-model/releases.git").mkdir()
    (tmp_path / "requirements.txt").write_text("numpy==2\n")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").write_text(FAKE)
    (tmp_path / ".venv/bin/python").chmod(0o755)
    return tmp_path


def test_sources_without_a_commit_have_the_date_of_their_last_change(tree: Path):
    """In another repository, before they are committed to it, `git log` says nothing and succeeds."""
    assert call("source_date", tree).stdout == "1700000003\n", "no repository"
    (tree / "pixelwise-model/digit_classifier_v1.pkl").write_text("made, and no source")
    os.utime(tree / "drawn/digits.py", (1_700_000_009, 1_700_000_009))
    assert call("source_date", tree).stdout == "1700000009\n", "what draws digits is a source too"
    git = ["git", "-C", str(tree), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    assert call("source_date", tree).stdout == "1700000009\n", "a repository without a commit"
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "other"], check=True)
    assert call("source_date", tree).stdout == "1700000009\n", "a commit without these sources"
    for second, name in ((1_600_000_000, "pixelwise-model"), (1_600_000_001, "drawn"), (1_600_000_002, "calls")):
        (tree / name).touch()
        subprocess.run([*git, "add", name], check=True)
        dated = {**os.environ, "GIT_COMMITTER_DATE": f"@{second} +0000"}
        subprocess.run([*git, "commit", "--quiet", "-m", name, "--allow-empty"], check=True, env=dated)
    assert call("source_date", tree).stdout == "1600000001\n", "of the last commit that changed a source"
    assert call("source_date", tree, SOURCE_DATE_EPOCH="17").stdout == "17\n"


def calls(tree: Path) -> int:
    return len((tree / "calls").read_text().splitlines())


def test_digits_are_drawn_once_and_anew_when_what_draws_them_has_changed(tree: Path):
    first = call("drawn_digits", tree)
    assert first.returncode == 0, first.stderr
    assert (tree / "pixelwise-model/data/drawn.npz").read_text() == "digits\n"
    assert "drawn as -m drawn pixelwise-model/data/drawn.npz.draft" in first.stderr
    assert first.stderr.startswith("setup: drawn digits: drawing pixelwise-model/data/drawn.npz (about a minute)")
    assert "nothing to do" in call("drawn_digits", tree).stderr
    assert calls(tree) == 1
    for expected, name in enumerate(("drawn/digits.py", "app/drawing/strokes.py", "requirements.txt"), 2):
        (tree / name).write_text("changed")
        call("drawn_digits", tree)
        assert calls(tree) == expected, name
    (tree / "drawn/new.py").touch()
    call("drawn_digits", tree)
    (tree / "pixelwise-model/data/drawn.npz").unlink()
    call("drawn_digits", tree)
    assert calls(tree) == 6
    assert {path.name for path in (tree / "pixelwise-model/data").iterdir()} == {"drawn.npz", "drawn.npz.sources"}


def test_a_drawing_that_fails_or_is_interrupted_leaves_none_that_counts(tree: Path):
    done = call("drawn_digits", tree, REFUSES="yes")
    assert done.returncode == 1
    assert "the drawn digits could not be made" in done.stderr
    assert list((tree / "pixelwise-model/data").iterdir()) == []
    assert call("drawn_digits", tree, INTERRUPTED="yes").returncode != 0
    assert not (tree / "pixelwise-model/data/drawn.npz").exists()
    assert call("drawn_digits", tree).returncode == 0
    assert calls(tree) == 3
