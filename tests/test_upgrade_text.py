"""docs/service.md, "Upgrading PixelWise itself": its pull goes through where `pixelwise lock` changed `model.lock`."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from app.release.model_lock import read_lock, write_lock
from app.release.record import Release, describe
from tests.installation import ROOT
from tests.pages import blocks_of
from tests.release.remote import ENVIRONMENT

PULL = next(
    line
    for block in blocks_of((ROOT / "docs/service.md").read_text(encoding="utf-8"))
    if block.section == "Upgrading PixelWise itself"
    for line in block.text.splitlines()
    if line.startswith("git pull")
)
FILE = describe("digit_classifier_v1.pkl", b"artefact")
OWN = Release(repository="https://host/x.git", version="v1.0", commit="1" * 40, artefact=FILE.name, files=(FILE,))


def git(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("is_committed", [False, True])
def test_the_page_s_pull_keeps_the_entries_that_were_added_here(tmp_path: Path, is_committed: bool):
    newer, here = tmp_path / "newer", tmp_path / "here"
    newer.mkdir()
    shutil.copy(ROOT / "model.lock", newer)
    git(newer, "init", "--quiet")
    git(newer, "add", ".")
    git(newer, "commit", "--quiet", "-m", "before")
    git(tmp_path, "clone", "--quiet", str(newer), "here")
    write_lock(here / "model.lock", [*read_lock(here / "model.lock"), OWN])
    if is_committed:
        git(here, "commit", "--quiet", "-a", "-m", "A release that we trust")
    (newer / "model.lock").write_text("# Newer.\n" + (newer / "model.lock").read_text())
    git(newer, "commit", "--quiet", "-a", "-m", "newer")
    git(here, *shlex.split(PULL)[1:])
    assert (here / "model.lock").read_text().startswith("# Newer.\n")
    assert read_lock(here / "model.lock") == (*read_lock(newer / "model.lock"), OWN)
