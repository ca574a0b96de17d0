"""What the environment asks of setup-server.sh: written into a new .env, said beside one that is there; and no home."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import Published
from tests.test_setup import Server, leave_behind

pytestmark = pytest.mark.long


@pytest.fixture
def server(tmp_path: Path, compiled: Path, published: Callable[[str], Published]) -> Server:
    (tmp_path / "clone").mkdir()
    made = Server(tmp_path / "clone", compiled, published("v1.0"))
    made.repository.release("v2.0", published("v2.0").files)
    shutil.copytree(made.root / "pixelwise-model/releases.git", made.root / "fork.git")
    return made


def test_what_was_asked_for_is_in_a_new_env_file_and_holds_without_the_environment(server: Server):
    asked = {"MODEL_REPO": "fork.git", "MODEL_VERSION": "v2.0", "PORT": "8123", "DATA_DIR": "mine"}
    done = server.setup(**asked)
    assert done.returncode == 0, done.stderr
    assert "that of the environment counts" not in done.stderr
    lines = server.env.read_text().splitlines()
    assert {f"{key}={value}" for key, value in asked.items()} <= set(lines)
    assert len([line for line in lines if line.startswith("MODEL_VERSION=")]) == 1
    assert len(server.key) == 43
    assert (server.root / "mine/pixelwise.db").exists() and not (server.root / "data").exists()
    again = server.setup()
    assert again.returncode == 0, again.stderr
    assert "version v2.0, classes 0 1 2" in again.stdout


def test_an_env_file_that_says_otherwise_is_named_with_its_line_and_stays_as_it_is(server: Server):
    server.env.write_text("SECRET_API_KEY=mine-0f5c9b7a1e3d2846\n\nMODEL_REPO=pixelwise-model/releases.git\n")
    server.env.chmod(0o600)
    before = server.env.read_bytes()
    done = server.setup(MODEL_REPO="fork.git", MODEL_VERSION="v2.0")
    assert done.returncode == 0, done.stderr
    for said in (".env line 3 says another MODEL_REPO", ".env does not name MODEL_VERSION"):
        assert f"setup: {said}: that of the environment counts, for this run only\n" in done.stderr
    assert "version v2.0, classes 0 1 2" in done.stdout
    assert server.env.read_bytes() == before


@pytest.mark.parametrize("is_in_use", [True, False])
def test_an_environment_that_cannot_be_makes_no_env_file_and_changes_none(server: Server, is_in_use: bool):
    if is_in_use:
        leave_behind(server.root)
    before = server.contents()
    done = server.setup(PORT="80OO")
    assert done.returncode == 3
    assert "PORT=80OO" in done.stderr
    assert server.contents() == before


def test_a_key_that_others_could_guess_is_said(server: Server):
    server.env.write_text("SECRET_API_KEY=abcd4711\n")
    server.env.chmod(0o600)
    done = server.setup()
    assert done.returncode == 0
    assert "setup: SECRET_API_KEY can be guessed (it has fewer than 16 characters)" in done.stderr
    assert "abcd4711" not in done.stderr
    before = server.contents()
    beyond = server.setup(HOST="0.0.0.0")
    assert beyond.returncode == 3
    assert server.contents() == before


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_byte_order_mark_and_other_line_ends_make_no_second_line(server: Server, mark: str):
    server.env.write_text(f"{mark}SECRET_API_KEY=\r\nMODEL_VERSION=v1.0\r\n", newline="")
    server.env.chmod(0o600)
    assert server.setup().returncode == 0
    text = server.env.read_bytes().decode()
    assert text.startswith(f"{mark}SECRET_API_KEY=") and text.endswith("\r\nMODEL_VERSION=v1.0\r\n")
    assert text.count("\n") == 2


def test_without_a_home_it_works_and_leaves_none(server: Server):
    done = server.setup(HOME="/nonexistent")
    assert done.returncode == 0, done.stderr
    assert not Path("/nonexistent").exists()


@pytest.mark.parametrize("is_in_use", [True, False])
def test_a_version_that_nobody_can_build_is_refused_before_anything_is_written(server: Server, is_in_use: bool):
    if is_in_use:
        leave_behind(server.root)
    before = server.contents()
    done = server.setup(MODEL_VERSION="v9.9")
    assert done.returncode == 3
    assert "MODEL_VERSION=v9.9 cannot be built here" in done.stderr
    assert server.contents() == before


def test_a_version_that_nobody_can_build_is_refused_by_the_option_that_named_it(server: Server):
    done = server.setup("--releases", "v9.9")
    assert done.returncode == 3
    assert "--releases v9.9 cannot be built here: pixelwise-model/train.py has no such version" in done.stderr
    assert "MODEL_VERSION" not in done.stderr
    assert not (server.root / "pixelwise-model/.venv").exists()
