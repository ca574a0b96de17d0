"""What `.env` says after a change, and that a change that fails leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.reload import _settings_for
from app.environment.env_file import with_values
from app.release.record import read_record
from app.settings import read_settings
from tests.installation import ROOT, Installation

pytestmark = pytest.mark.long

REPO = {"MODEL_REPO": str(ROOT / "pixelwise-model" / "releases.git")}


@pytest.fixture
def house(installation_of_three: Installation) -> Installation:
    """v1.0 is the default, v2.0 beside it."""
    (installation_of_three.root / ".env").write_text("# mine\nMODEL_VERSIONS=v1.0,v2.0\nLOG_LEVEL=info\n")
    return installation_of_three


def env(house: Installation) -> str:
    return (house.root / ".env").read_text()


# -- the lines of .env -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "MODEL_VERSIONS=v2.0,v1.0\n"),
        ("LOG_LEVEL=info", "LOG_LEVEL=info\nMODEL_VERSIONS=v2.0,v1.0\n"),
        ("MODEL_VERSION=v1.0\nA=b\n", "MODEL_VERSION=v2.0\nMODEL_VERSIONS=v2.0,v1.0\nA=b\n"),
        ("A=b\nMODEL_VERSION=v1.0", "A=b\nMODEL_VERSION=v2.0\nMODEL_VERSIONS=v2.0,v1.0\n"),
        ("MODEL_VERSIONS=v1.0\n", "MODEL_VERSIONS=v2.0,v1.0\n"),
        ("MODEL_VERSIONS=\nMODEL_VERSION=v1.0\n", "MODEL_VERSIONS=v2.0,v1.0\nMODEL_VERSION=v2.0\n"),
        ("export MODEL_VERSION = 'v1.0' # x\n", "MODEL_VERSION=v2.0\nMODEL_VERSIONS=v2.0,v1.0\n"),
        ("# MODEL_VERSION=v1.0\n", "# MODEL_VERSION=v1.0\nMODEL_VERSIONS=v2.0,v1.0\n"),
        ("MODEL_VERSION=a\nMODEL_VERSION=b\n", "MODEL_VERSION=v2.0\nMODEL_VERSIONS=v2.0,v1.0\n"),
        ("MODEL_VERSION=v1.0\r\nA=b\r\n", "MODEL_VERSION=v2.0\r\nMODEL_VERSIONS=v2.0,v1.0\r\nA=b\r\n"),
    ],
)  # fmt: skip
def test_several_versions_stand_in_the_place_of_what_was_there(tmp_path: Path, before: str, after: str):
    versions = ("v2.0", "v1.0")
    written = with_values(before, _settings_for(before, versions))
    assert written == after
    (tmp_path / ".env").write_text(written, newline="")
    assert read_settings({}, root=tmp_path).model_versions == versions


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "MODEL_VERSION=v2.0\n"),
        ("MODEL_VERSION=v1.0\nA=b\n", "MODEL_VERSION=v2.0\nA=b\n"),
        ("MODEL_VERSION=v1.0\nMODEL_VERSIONS=v1.0,v2.0\n", "MODEL_VERSION=v2.0\nMODEL_VERSIONS=\n"),
        ("MODEL_VERSIONS=v1.0,v2.0\nA=b\n", "MODEL_VERSIONS=\nA=b\nMODEL_VERSION=v2.0\n"),
    ],
)
def test_one_version_alone_is_model_version(tmp_path: Path, before: str, after: str):
    written = with_values(before, _settings_for(before, ("v2.0",)))
    assert written == after
    (tmp_path / ".env").write_text(written)
    assert read_settings({}, root=tmp_path).model_versions == ("v2.0",)


# -- without a service -------------------------------------------------------------------------------------------------


def test_added_and_removed_again_env_says_what_it_said(installation: Installation):
    file = installation.root / ".env"
    file.write_text("MODEL_VERSION=v1.0\nMODEL_VERSIONS=\nLOG_LEVEL=info\n")
    file.chmod(0o640)
    before = file.read_text()
    added = installation.pixelwise("models", "add", "v2.0", **REPO)
    assert added.returncode == 0, added.stderr
    assert "no service runs now" in added.stderr
    assert env(installation) == "MODEL_VERSION=v1.0\nMODEL_VERSIONS=v1.0,v2.0\nLOG_LEVEL=info\n"
    assert (installation.models / "v2.0").is_dir()
    assert installation.pixelwise("models", "remove", "v2.0").returncode == 0
    assert env(installation) == before
    assert file.stat().st_mode & 0o777 == 0o640
    assert (installation.models / "v2.0").is_dir(), "its files stay"


def test_a_link_to_env_stays_a_link(house: Installation):
    elsewhere = house.root / "settings"
    (house.root / ".env").rename(elsewhere)
    (house.root / ".env").symlink_to(elsewhere)
    assert house.pixelwise("models", "default", "v2.0").returncode == 0
    assert (house.root / ".env").is_symlink()
    assert "MODEL_VERSIONS=v2.0,v1.0" in elsewhere.read_text()


def test_the_files_of_models_are_those_of_the_new_default(house: Installation):
    assert house.pixelwise("models", "default", "v2.0").returncode == 0
    assert env(house) == "# mine\nMODEL_VERSIONS=v2.0,v1.0\nLOG_LEVEL=info\n"
    record = read_record(house.models)
    assert record is not None and record.version == "v2.0"
    copy, own = (house.models / folder / "digit_classifier_v2.pkl" for folder in ("", "v2.0"))
    assert copy.read_bytes() == own.read_bytes()
    assert not (house.models / "digit_classifier_v1.pkl").exists()
    assert house.start().returncode == 0


def test_with_several_versions_an_upgrade_makes_one_the_default_and_the_others_stay(house: Installation):
    done = house.pixelwise("upgrade", "v1.1", **REPO)
    assert done.returncode == 0, done.stderr
    assert "MODEL_VERSIONS=v1.1,v1.0,v2.0\n" in env(house)
    assert house.pixelwise("upgrade", "v2.0", **REPO).returncode == 0
    assert "MODEL_VERSIONS=v2.0,v1.1,v1.0\n" in env(house)


@pytest.mark.parametrize("command", [("models", "default", "v2.0"), ("models", "remove", "v2.0"),
                                     ("models", "add", "v1.1"), ("upgrade", "v2.0")])  # fmt: skip
def test_an_environment_that_beats_env_is_named_and_nothing_is_changed(house: Installation, command: tuple[str, ...]):
    file = house.root / ".env"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before, linked = file.read_bytes(), read_record(house.models)
    done = house.pixelwise(*command, MODEL_VERSIONS="v1.0,v2.0", **REPO)
    assert done.returncode == 4
    assert "MODEL_VERSIONS=v1.0,v2.0 in the environment, which beats .env" in done.stderr
    assert file.read_bytes() == before
    assert read_record(house.models) == linked
    assert house.start().returncode == 0


def test_a_version_that_does_not_start_does_not_become_the_default(house: Installation):
    with (house.models / "v2.0/digit_classifier_v2.pkl").open("ab") as artefact:
        artefact.write(b"x")
    before = env(house)
    done = house.pixelwise("models", "default", "v2.0")
    assert done.returncode == 4
    assert "digit_classifier_v2.pkl: changed" in done.stderr
    assert env(house) == before


def test_a_default_that_has_no_file_for_model_path_is_refused(house: Installation):
    before = env(house)
    done = house.pixelwise("models", "default", "v2.0", MODEL_PATH="models/digit_classifier_v1.pkl")
    assert done.returncode == 3
    assert "no digit_classifier_v1.pkl in release v2.0" in done.stderr
    assert env(house) == before
