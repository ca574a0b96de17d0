"""What lies in models/ and cannot be read as a file: no permission, a link, a folder.

Each refusal names the path and what lies there, and its remedy helps.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.installation import WITHOUT_RIGHTS, Installation
from tests.release.shop import V1

pytestmark = pytest.mark.long

COURSE_PATH = f"models/{V1}"


@pytest.fixture
def bound(installation: Installation) -> Installation:
    """An installation whose programs are bound by the modes of files."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads every file, and there is no setpriv to make it less")
        installation.prefix = WITHOUT_RIGHTS
    return installation


@pytest.mark.parametrize(
    ("path", "model_path"),
    [
        ("models/v1.0/record.json", ""),
        (f"models/v1.0/{V1}", ""),
        ("models/v1.0/MODELCARD.md", ""),
        ("models/v1.0/golden_v1.npz", ""),
        ("models/v1.0", ""),
        (COURSE_PATH, ""),
        ("models", ""),
        ("models/record.json", COURSE_PATH),
        (COURSE_PATH, COURSE_PATH),
    ],
)
def test_what_may_not_be_read_is_named_with_the_permission_and_chmod_mends_it(
    bound: Installation, path: str, model_path: str
):
    file = (bound.root / path).resolve()
    mode = file.stat().st_mode
    file.chmod(0)
    done = bound.predict(MODEL_PATH=model_path)
    doctor = bound.pixelwise("doctor", MODEL_PATH=model_path, COLUMNS="400")
    file.chmod(mode)
    assert done.returncode == 3, done.stderr
    named = re.match(
        r"(\S+): no permission to write or read; expected .* let this user in \(`chown`, `chmod`\)\.$", done.stderr
    )
    assert named is not None and "emove" not in done.stderr, done.stderr
    assert Path(named[1]).resolve().is_relative_to(file)
    assert "Traceback" not in doctor.stderr and doctor.returncode in (3, 4)
    assert bound.predict(MODEL_PATH=model_path).returncode == 0


@pytest.mark.parametrize("name", [V1, "MODELCARD.md", "golden_v1.npz", "record.json"])
def test_doctor_and_the_list_of_releases_say_that_a_file_may_not_be_read(bound: Installation, name: str):
    """It may be as it was: nobody can say."""
    (bound.models / "v1.0" / name).chmod(0)
    doctor = json.loads(bound.pixelwise("doctor", "--json").stdout)
    (release,) = [check for check in doctor["checks"] if check["name"] == "release"]
    (listed,) = json.loads(bound.pixelwise("models", "list", "--json").stdout)["versions"]
    for said in (release["found"], listed["why"]):
        assert f"/{name}: no permission to write or read" in said
        assert "changed" not in said
    assert (release["exit_code"], "chmod" in release["mend"]) == (3, True)


def test_a_pull_mends_a_file_that_may_not_be_read_where_its_folder_may_be_written(bound: Installation, remote_v1: str):
    assert bound.pixelwise("pull", MODEL_REPO=remote_v1).returncode == 0
    (bound.models / "v1.0" / V1).chmod(0)
    assert bound.predict().returncode == 3
    pulled = bound.pixelwise("pull", MODEL_REPO=remote_v1)
    assert (pulled.returncode, bound.predict().returncode) == (0, 0), pulled.stderr


def make_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (make_folder, "is a folder"),
        (lambda path: path.symlink_to(path.name), "is a link"),
        (os.mkfifo, "is no plain file"),
    ],
    ids=["folder", "link to itself", "fifo"],
)
@pytest.mark.parametrize(
    ("path", "model_path"),
    [
        (COURSE_PATH, ""),
        (f"models/v1.0/{V1}", ""),
        ("models/v1.0/MODELCARD.md", ""),
        (COURSE_PATH, COURSE_PATH),
        ("models/MODELCARD.md", COURSE_PATH),
    ],
)
def test_what_is_no_file_is_named_and_the_remedy_brings_the_file_back(
    installation: Installation, remote_v1: str, path: str, model_path: str, make, what: str
):
    file = installation.root / path
    file.unlink()
    make(file)
    here = {"MODEL_REPO": remote_v1, "MODEL_PATH": model_path}
    done = installation.predict(**here)
    assert file.name in done.stderr and what in done.stderr and "symbolic" not in done.stderr
    follow(installation, done.stderr, here)
    assert installation.predict(**here).returncode == 0


def follow(installation: Installation, said: str, settings: dict[str, str]) -> None:
    """Does what the refusal says."""
    if moved := re.search(r"Move (\S+) away, then run `pixelwise pull v1.0`", said):
        Path(moved[1]).rename(installation.root / "away")
    (command,) = re.findall(r"`(pixelwise pull v1.0)`", said)
    pulled = installation.pixelwise(*shlex.split(command)[1:], **settings)
    assert pulled.returncode == 0, pulled.stderr


@pytest.fixture
def remote_v1(installation: Installation, published) -> str:
    from tests.release.remote import Remote

    remote = Remote(installation.root / "releases.git")
    remote.release("v1.0", published("v1.0").files)
    return str(remote.folder)


def test_junk_at_model_path_is_refused_by_its_name(installation: Installation):
    (installation.root / "mine.pkl").write_bytes(b"junk")
    done = installation.predict(MODEL_PATH="mine.pkl")
    assert done.returncode == 4
    assert done.stderr.startswith("artefact mine.pkl (format at byte 0): no pickle of protocol 3, 4 or 5")
