"""`pixelwise pull`, `lock` and `verify` with several versions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.release.model_lock import read_lock
from app.release.record import RECORD, read_record
from tests.installation import Installation, Published
from tests.release.remote import Remote

pytestmark = pytest.mark.long

ALL = "v1.0,v1.1,v2.0"


@pytest.fixture
def remote(tmp_path: Path, published: Callable[[str], Published]) -> Remote:
    """A repository with three releases."""
    repository = Remote(tmp_path / "releases.git")
    for version in ALL.split(","):
        repository.release(version, published(version).files)
    return repository


@pytest.fixture
def bare(installation: Installation) -> Installation:
    """An installation that has pulled nothing."""
    shutil.rmtree(installation.models)
    return installation


def linked(house: Installation) -> dict[str, bytes]:
    """The files of models/ itself, by name."""
    return {path.name: path.read_bytes() for path in house.models.iterdir() if path.is_file() and path.name != ".lock"}


def test_without_a_version_all_that_are_named_are_pulled_and_the_default_s_files_are_those_of_models(
    bare: Installation, remote: Remote, published
):
    done = bare.pixelwise("pull", MODEL_REPO=str(remote.folder), MODEL_VERSIONS="v2.0,v1.0")
    assert (done.returncode, done.stdout) == (0, "")
    assert "v2.0: pulled" in done.stderr and "v1.0: pulled" in done.stderr
    assert not (bare.models / "v1.1").exists()
    assert {name: data for name, data in linked(bare).items() if name not in (RECORD, "seen.json")} == dict(
        published("v2.0").files
    )
    assert read_record(bare.models) == read_record(bare.models / "v2.0")


def test_another_version_than_the_default_leaves_the_files_of_models_alone(bare: Installation, remote: Remote):
    here = {"MODEL_REPO": str(remote.folder)}
    assert bare.pixelwise("pull", **here).returncode == 0
    before = linked(bare)
    for said in ("v2.0: pulled", "v2.0: in place"):
        done = bare.pixelwise("pull", "v2.0", **here)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr
        after = linked(bare)
        assert {**after, "seen.json": b""} == {**before, "seen.json": b""}
    assert read_record(bare.models / "v2.0") is not None


def test_with_an_unreachable_repository_another_version_is_kept_and_not_made_the_default(
    bare: Installation, remote: Remote
):
    here = {"MODEL_REPO": str(remote.folder), "MODEL_VERSIONS": "v1.0,v2.0"}
    assert bare.pixelwise("pull", **here).returncode == 0
    before = linked(bare)
    remote.folder.rename(remote.folder.with_name("away.git"))
    done = bare.pixelwise("pull", "--keep-offline", **here)
    assert done.returncode == 0, done.stderr
    assert "v1.0: kept" in done.stderr and "v2.0: kept" in done.stderr
    assert linked(bare) == before


def test_a_version_that_is_refused_does_not_keep_the_others_from_being_fetched(bare: Installation, remote: Remote):
    done = bare.pixelwise("pull", MODEL_REPO=str(remote.folder), MODEL_VERSIONS="v1.0,v1.7,v2.0")
    assert done.returncode == 4
    assert "expected the tag v1.7" in done.stderr
    assert (bare.models / "v1.0").is_dir() and (bare.models / "v2.0").is_dir()


def test_every_refusal_of_several_is_said_and_the_first_one_is_the_exit_code(bare: Installation, remote: Remote):
    remote.point("v3.0", remote.commit({"digit_classifier_v3.pkl": b"no model"}))
    done = bare.pixelwise("pull", MODEL_REPO=str(remote.folder), MODEL_VERSIONS="v1.7,v3.0,v2.0")
    assert done.returncode == 4
    assert "expected the tag v1.7" in done.stderr and "release v3.0 does not start" in done.stderr
    assert (bare.models / "v2.0").is_dir() and not (bare.models / "v3.0").exists()


def test_a_version_is_verified_against_its_own_roster_before_it_is_placed(
    bare: Installation, remote: Remote, published
):
    """v2.0's files under the name v1.3: ten classes where nine are promised."""
    remote.release("v1.3", {"digit_classifier_v1_3.pkl": published("v2.0").artefact})
    done = bare.pixelwise("pull", "v1.3", MODEL_REPO=str(remote.folder), MODEL_VERSIONS="v2.0,v1.0")
    assert done.returncode == 4
    assert ": classes 0 1 2 3 4 5 6 7 8 9; promised classes 1 2 3 4 5 6 7 8 9" in done.stderr
    assert not (bare.models / "v1.3").exists()


@pytest.mark.parametrize("version", ["nonsense", "../v1.0", "--", "v1"])
def test_what_is_no_version_is_refused(installation: Installation, remote: Remote, version: str):
    done = installation.pixelwise("pull", "--", version, MODEL_REPO=str(remote.folder))
    assert done.returncode == 4
    assert f"version {version}: no name of a release" in done.stderr


def test_model_path_speaks_of_the_default_only(bare: Installation, remote: Remote):
    here = {"MODEL_REPO": str(remote.folder), "MODEL_PATH": "models/digit_classifier_v1.pkl"}
    assert bare.pixelwise("pull", "v1.0", **here).returncode == 0
    done = bare.pixelwise("pull", "v2.0", **here)
    assert done.returncode == 0, done.stderr


# -- lock and verify ---------------------------------------------------------------------------------------------------


def test_all_named_versions_are_locked_and_frozen_takes_them_then(bare: Installation, remote: Remote):
    here = {"MODEL_REPO": str(remote.folder), "MODEL_VERSIONS": "v1.0,v2.0"}
    assert bare.pixelwise("pull", "--frozen", **here).returncode == 4
    pulled = bare.pixelwise("pull", **here)
    assert "trust them by `pixelwise lock`." in pulled.stderr and "by `pixelwise lock v2.0`." in pulled.stderr
    locked = bare.pixelwise("lock", **here)
    assert locked.returncode == 0, locked.stderr
    entries = [release for release in read_lock(bare.root / "model.lock") if release.repository == str(remote.folder)]
    assert [release.version for release in entries] == ["v1.0", "v2.0"]
    assert bare.pixelwise("pull", "--frozen", **here).returncode == 0


def test_one_version_alone_is_locked_when_it_is_named(installation_of_three: Installation):
    done = installation_of_three.pixelwise("lock", "v2.0")
    assert (done.returncode, "Added v2.0" in done.stderr) == (0, True)
    assert installation_of_three.pixelwise("lock", "../v2.0").returncode == 4


def test_verify_takes_another_version_than_the_default(installation_of_three: Installation):
    house = installation_of_three
    for arguments, version in ((["verify"], "v1.0"), (["verify", "v2.0"], "v2.0"), (["verify", "v1.1"], "v1.1")):
        done = house.pixelwise(*arguments, "--json", MODEL_VERSIONS="v1.0,v1.1")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert (said["version"], said["agree"]) == (version, True)
    with (house.models / "v2.0/digit_classifier_v2.pkl").open("ab") as artefact:
        artefact.write(b"x")
    done = house.pixelwise("verify", "v2.0")
    assert (done.returncode, "digit_classifier_v2.pkl: changed" in done.stderr) == (4, True)


@pytest.mark.parametrize("command", ["lock", "verify", "pull"])
def test_what_is_no_version_is_refused_as_such_by_every_command_that_takes_one(
    installation: Installation, command: str
):
    done = installation.pixelwise(command, "nope")
    assert done.returncode == 4
    assert done.stderr.startswith("version nope: no name of a release; expected a tag like v1.0.")
    assert "pixelwise pull" not in done.stderr
