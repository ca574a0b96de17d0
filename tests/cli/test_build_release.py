"""Local releases that are not built yet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.cli.build_release import _has_recipe
from app.settings import read_settings
from tests.installation import ROOT, Installation
from tests.release.remote import Remote

pytestmark = pytest.mark.long

RECIPES = """RECIPES = {
    "v1.0": Recipe(tuple("123456789"), ("0",), logistic_regression),
    "v2.0": Recipe(tuple("0123456789"), (), neural_network),
}
"""
SETUP = """echo "setup: training $*" >&2
echo "a line of the build"
cp -r "$(dirname "$0")/built/." "$(dirname "$0")/pixelwise-model/releases.git/"
"""


@pytest.fixture
def house(installation: Installation, published, tmp_path: Path) -> Installation:
    """A tree whose local repository has v1.0, and whose set-up script puts one in its place that has v2.0 too."""
    root = installation.root
    (root / "pixelwise-model/.venv/bin").mkdir(parents=True)
    (root / "pixelwise-model/.venv/bin/python").touch()
    (root / "pixelwise-model/train.py").write_text(RECIPES)
    (root / "setup-server.sh").write_text(SETUP)
    (root / ".env").write_text("MODEL_VERSION=v1.0\n")
    remote = Remote(root / "built")
    remote.release("v1.0", published("v1.0").files)
    shutil.copytree(root / "built", root / "pixelwise-model/releases.git")
    remote.release("v2.0", published("v2.0").files)
    return installation


@pytest.mark.parametrize("command", [["models", "add"], ["upgrade"], ["pull"]])
def test_one_that_is_missing_is_built_with_progress_and_taken(house: Installation, command: list[str]):
    done = house.pixelwise(*command, "v2.0")
    assert done.returncode == 0, done.stderr
    assert "running `bash setup-server.sh --releases v2.0`" in done.stderr
    assert "setup: training --releases v2.0" in done.stderr
    assert "a line of the build" in done.stderr and done.stdout == ""
    assert (house.models / "v2.0/digit_classifier_v2.pkl").exists()
    again = house.pixelwise(*command, "v2.0")
    assert (again.returncode, "training" in again.stderr) == (0, False)


def test_without_the_environment_that_trains_the_command_is_named_from_where_the_user_is(house: Installation):
    (house.root / "pixelwise-model/.venv/bin/python").unlink()
    done = house.pixelwise("models", "add", "v2.0")
    assert done.returncode == 4
    assert "local release v2.0: no such environment" in done.stderr
    assert "Run `bash setup-server.sh --releases v2.0`" in done.stderr
    code = "import os; os.chdir('/'); import app.cli; app.cli.main()"
    from_above = house.run("-c", code, "upgrade", "v2.0").stderr
    assert f"Run `bash {str(house.root / 'setup-server.sh').lstrip('/')} --releases v2.0`" in from_above
    assert (house.root / ".env").read_text() == "MODEL_VERSION=v1.0\n"


def test_a_build_that_fails_says_so_and_changes_nothing(house: Installation):
    (house.root / "setup-server.sh").write_text("echo 'setup: no room' >&2; exit 6\n")
    done = house.pixelwise("upgrade", "v2.0")
    assert done.returncode == 4
    assert "setup: no room\nlocal release v2.0: exit code 6" in done.stderr
    assert (house.root / ".env").read_text() == "MODEL_VERSION=v1.0\n"


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["models", "add", "v1.7"], {}),
        (["pull", "v2.0", "--frozen"], {}),
        (["pull", "v2.0", "--keep-offline"], {}),
        (["models", "add", "v2.0"], {"REQUIRE_LOCK": "true"}),
        (["models", "add", "v2.0"], {"MODEL_REPO": "elsewhere.git"}),
        (["models", "add", "../v2.0"], {}),
    ],
)
def test_nothing_is_built_that_no_recipe_makes_or_that_would_not_be_taken(
    house: Installation, arguments: list[str], environ: dict[str, str]
):
    done = house.pixelwise(*arguments, **environ)
    assert done.returncode in (4, 6)
    assert "training" not in done.stderr


@pytest.mark.parametrize(("version", "is_there"), [("v1.0", True), ("v1.1", True), ("v2.0", True), ("v1.7", False)])
def test_a_recipe_is_found_in_the_training_script(version: str, is_there: bool):
    settings = read_settings({}, root=ROOT)
    assert _has_recipe(version, settings) == is_there
