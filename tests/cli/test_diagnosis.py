"""`pixelwise doctor`: each fault is found, and the line that it names mends it."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from app.release.model_lock import write_lock
from app.release.record import read_record
from tests.installation import REPOSITORY, Installation, Published, copy_of, without_drawn
from tests.release.remote import Remote
from tests.service import Service

pytestmark = pytest.mark.long

V1 = "digit_classifier_v1.pkl"
MENDED_BY_ITS_OWNER = "Whoever publishes it must mend that; until then, let .env name another version."
KEY = "a-key-that-nobody-is-shown"


@pytest.fixture(scope="module")
def in_order(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in order, that others are copied from."""
    installation = copy_of(compiled, tmp_path_factory.mktemp("in order"))
    env = installation.root / ".env"
    pattern = (installation.root / ".env.example").read_text()
    env.write_text(pattern.replace("\nSECRET_API_KEY=\n", f"\nSECRET_API_KEY={KEY}\n").replace("PORT=8000", "PORT=0"))
    env.chmod(0o600)
    assert installation.pixelwise("db", "upgrade").returncode == 0
    return installation.root


@pytest.fixture
def house(in_order: Path, tmp_path: Path) -> Installation:
    """An installation in order."""
    return copy_of(in_order, tmp_path)


def doctor(house: Installation, **environ: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the checks by name."""
    done = house.pixelwise("doctor", "--json", **environ)
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr
    shown = json.loads(done.stdout)
    assert shown["healthy"] == (done.returncode == 0)
    assert all(set(check) == {"name", "healthy", "found", "mend", "exit_code"} for check in shown["checks"])
    return done.returncode, {check["name"]: check for check in shown["checks"]}


def faults(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: check["mend"] for name, check in checks.items() if not check["healthy"]}


def test_an_installation_in_order_is_well(house: Installation):
    code, checks = doctor(house)
    assert (code, faults(checks)) == (0, {})
    assert list(checks) == [
        *("python", "libraries", "git", ".env", "settings", "signers", "SECRET_API_KEY", "database"),
        *("disk", "address"),
        *("release", "model.lock", "course's path", "start"),
    ]
    assert all(check["mend"] == "" for check in checks.values())


def test_it_is_shown_as_a_table_too(house: Installation):
    done = house.pixelwise("doctor", COLUMNS="140")
    assert done.returncode == 0
    assert done.stdout.count("well") >= 12
    assert "fault" not in done.stdout


def test_a_missing_env_file_is_a_fault(house: Installation):
    (house.root / ".env").unlink()
    code, checks = doctor(house, SECRET_API_KEY=KEY, PORT="0")
    assert (code, faults(checks)) == (3, {".env": "bash setup-server.sh"})


def test_an_env_file_that_others_may_read_is_a_fault_that_chmod_mends(house: Installation):
    (house.root / ".env").chmod(0o644)
    code, checks = doctor(house)
    assert (code, faults(checks)) == (3, {".env": "chmod 600 .env"})
    (house.root / ".env").chmod(0o600)
    assert doctor(house)[0] == 0


def test_bad_settings_are_a_fault(house: Installation):
    code, checks = doctor(house, REQUIRE_LOCK="perhaps")
    assert (code, faults(checks)) == (3, {"settings": "edit .env"})
    assert "REQUIRE_LOCK=perhaps" in checks["settings"]["found"]


@pytest.mark.parametrize("version", ["v1.6", "nonsense", "../.."])
def test_a_version_that_was_not_pulled_is_a_fault(house: Installation, version: str):
    code, checks = doctor(house, MODEL_VERSION=version)
    assert (code, faults(checks)) == (3, {"release": "pixelwise pull"})


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_a_missing_or_changed_file_of_the_release_is_a_fault(house: Installation, spoil: Callable[[Path], None]):
    spoil(house.models / "v1.0/MODELCARD.md")
    code, checks = doctor(house)
    assert (code, faults(checks)) == (4, {"release": "pixelwise pull"})
    assert "MODELCARD.md is missing or changed" in checks["release"]["found"]


@pytest.mark.parametrize("same", [True, False])
def test_a_release_of_another_repository_is_a_fault_until_a_pull_from_model_repo(
    house: Installation, tmp_path: Path, published: Callable[[str], Published], same: bool
):
    v1 = published("v1.0")
    here, fork = Remote(house.root / REPOSITORY), Remote(tmp_path / "fork.git")
    here.release("v1.0", v1.files)
    if same:
        fork.git("fetch", "--quiet", str(here.folder), "refs/tags/v1.0:refs/tags/v1.0")
    else:
        fork.release("v1.0", {**v1.files, "NEW.md": b"new"})
    shutil.rmtree(house.models)
    assert house.pixelwise("pull").returncode == 0
    code, checks = doctor(house, MODEL_REPO=str(fork.folder))
    assert (code, faults(checks)) == (3, {"origin": "pixelwise pull"})
    assert house.pixelwise("pull", MODEL_REPO=str(fork.folder)).returncode == 0
    code, checks = doctor(house, MODEL_REPO=str(fork.folder))
    assert (code, faults(checks)) == (0, {})


def test_where_the_lock_is_required_a_release_it_does_not_list_is_a_fault_that_lock_mends(house: Installation):
    code, checks = doctor(house, REQUIRE_LOCK="true")
    assert (code, faults(checks)["model.lock"]) == (4, "pixelwise lock")
    assert house.pixelwise("lock").returncode == 0
    assert doctor(house, REQUIRE_LOCK="true")[0] == 0


def test_a_lock_that_cannot_be_read_is_a_fault(house: Installation):
    (house.root / "model.lock").write_text("[[release]\n")
    code, checks = doctor(house)
    assert (code, list(faults(checks))) == (4, ["model.lock"])
    assert faults(checks)["model.lock"].startswith("Restore it with `git checkout -- model.lock`")


def test_an_entry_of_two_releases_is_a_fault(house: Installation):
    record = read_record(house.models / "v1.0")
    assert record is not None
    write_lock(house.root / "model.lock", [structs.replace(record, manifest=f"sha256:{'0' * 64}")])
    code, checks = doctor(house)
    assert (code, list(faults(checks))) == (4, ["model.lock"])
    assert "take the entry of v1.0 out of model.lock" in faults(checks)["model.lock"]


def test_a_model_that_does_not_start_is_a_fault_in_its_own_words(
    house: Installation, published: Callable[[str], Published]
):
    v1 = published("v1.0")
    house.place_published(v1, card=v1.card.replace("  features: 784\n", "  features: 785\n").encode())
    code, checks = doctor(house)
    assert (code, faults(checks)) == (4, {"start": MENDED_BY_ITS_OWNER})
    assert "pkl, features" in checks["start"]["found"]


def test_another_library_version_than_pinned_is_a_fault(house: Installation):
    pins = house.root / "requirements.txt"
    pins.write_text(pins.read_text().replace("\nrich==", "\nrich==0.", 1) + "\nmissing-library==1.0 \\\n")
    code, checks = doctor(house)
    assert (code, faults(checks)) == (3, {"libraries": "bash setup-server.sh"})
    assert "pinned 0." in checks["libraries"]["found"]
    assert "missing-library missing, pinned 1.0" in checks["libraries"]["found"]


def test_without_git_there_is_a_fault(house: Installation, tmp_path: Path):
    code, checks = doctor(house, PATH=str(tmp_path))
    assert (code, faults(checks)) == (3, {"git": "apt-get install git"})


# -- the course's path, and MODEL_PATH --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("swap", "found"),
    [
        (lambda house: house.models / "v2.0/digit_classifier_v2.pkl", "has the bytes of v2.0, not those of v1.0"),
        (lambda house: house.root / ".env.example", "has bytes that no record knows, not those of v1.0"),
    ],
)
def test_a_swapped_file_at_the_course_s_path_is_a_fault_that_a_pull_mends(
    house: Installation, published: Callable[[str], Published], swap, found: str
):
    house.place_published(published("v2.0"))
    house.place_published(published("v1.0"))
    (house.models / V1).write_bytes(swap(house).read_bytes())
    code, checks = doctor(house)
    assert code == 4 and faults(checks)["course's path"] == "pixelwise pull"
    assert checks["course's path"]["found"] == f"models/{V1} {found}"


def test_a_folder_at_the_course_s_path_is_a_fault_that_moving_it_away_mends(house: Installation):
    (house.models / V1).unlink()
    (house.models / V1).mkdir()
    _, checks = doctor(house)
    assert faults(checks)["course's path"] == f"move {house.models / V1} away, then pixelwise pull"


def test_a_missing_file_at_the_course_s_path_is_named_and_no_fault(house: Installation):
    (house.models / V1).unlink()
    code, checks = doctor(house)
    assert code == 0
    assert (checks["course's path"]["found"], checks["course's path"]["mend"]) == (
        f"models/{V1} is not there, and nothing needs it",
        "pixelwise pull",
    )


def test_what_the_record_in_models_promises_is_named_and_no_fault(
    house: Installation, published: Callable[[str], Published]
):
    """A replacement may be under way."""
    v1 = published("v1.0")
    house.place("v1.2", {V1: published("v1.1").artefact}, artefact=V1)
    code, checks = doctor(house)
    assert code == 0 and "is what models/record.json says" in checks["course's path"]["found"]
    house.place_published(v1)
    assert "is that of v1.0" in doctor(house)[1]["course's path"]["found"]


@pytest.mark.parametrize(
    ("named", "found", "mend"),
    [
        (f"models/{V1}", "the artefact of v2.0, not what the record beside it promises", "pixelwise pull"),
        ("mine.pkl", "mine.pkl: the artefact of v2.0", "MODEL_VERSION=v2.0 in .env, or leave MODEL_PATH empty there"),
    ],
)
def test_a_model_path_that_names_another_release_is_a_fault(
    house: Installation, published: Callable[[str], Published], named: str, found: str, mend: str
):
    house.place_published(published("v2.0"))
    house.place_published(published("v1.0"))
    (house.root / named).write_bytes(published("v2.0").artefact)
    code, checks = doctor(house, MODEL_PATH=named)
    assert code in (3, 4) and found in checks["release"]["found"] and faults(checks)["release"] == mend


def test_a_model_path_whose_bytes_no_record_knows_is_said_to_be_so(house: Installation):
    (house.models / V1).write_bytes(b"x")
    _, checks = doctor(house, MODEL_PATH=f"models/{V1}")
    assert "bytes that no record knows, not what the record beside it promises" in checks["release"]["found"]


@pytest.mark.parametrize("is_local", [True, False])
def test_a_release_without_a_temperature_is_no_fault_and_a_local_one_can_be_built_anew(
    house: Installation, published: Callable[[str], Published], is_local: bool
):
    v1 = published("v1.0")
    house.place_published(v1, card=without_drawn(v1.card))
    code, checks = doctor(house, **({} if is_local else {"MODEL_REPO": "elsewhere.git"}))
    assert "states no temperature" in checks["certainty"]["found"]
    anew = "git --git-dir=pixelwise-model/releases.git tag -d v1.0; rm -r models/v1.0; bash setup-server.sh"
    assert checks["certainty"]["healthy"]
    assert checks["certainty"]["mend"] == (f"to build it anew: {anew}" if is_local else "")
    assert code == (0 if is_local else 3), "elsewhere.git is another repository than the record's"


# -- several versions --------------------------------------------------------------------------------------------------


@pytest.fixture
def house_of_two(house: Installation, published: Callable[[str], Published]) -> Installation:
    """v1.0, and v2.0 beside it."""
    for version in ("v2.0", "v1.0"):
        house.place_published(published(version))
    env = house.root / ".env"
    env.write_text(env.read_text().replace("MODEL_VERSIONS=\n", "MODEL_VERSIONS=v1.0,v2.0\n"))
    return house


def test_every_version_is_checked_under_its_name(house_of_two: Installation):
    code, checks = doctor(house_of_two)
    assert (code, faults(checks)) == (0, {})
    assert list(checks)[-7:] == [
        *("release", "model.lock", "course's path", "start"),
        *("release v2.0", "model.lock v2.0", "start v2.0"),
    ]


def test_a_fault_of_one_version_is_mended_by_a_command_that_names_it(house_of_two: Installation, published):
    artefact = house_of_two.models / "v2.0/digit_classifier_v2.pkl"
    data = artefact.read_bytes()
    artefact.write_bytes(data + b"x")
    code, checks = doctor(house_of_two)
    assert (code, faults(checks)) == (4, {"release v2.0": "pixelwise pull v2.0"})
    artefact.write_bytes(data)

    code, checks = doctor(house_of_two, REQUIRE_LOCK="true")
    assert {name: mend for name, mend in faults(checks).items() if "lock" in name} == {
        "model.lock": "pixelwise lock",
        "model.lock v2.0": "pixelwise lock v2.0",
    }

    v2 = published("v2.0")
    house_of_two.place_published(v2, card=v2.card.replace("  features: 784\n", "  features: 785\n").encode())
    code, checks = doctor(house_of_two)
    assert (code, faults(checks)) == (4, {"start v2.0": MENDED_BY_ITS_OWNER})
    assert "pkl, features" in checks["start v2.0"]["found"]


def test_model_path_is_the_default_s_alone(house_of_two: Installation):
    code, checks = doctor(house_of_two, MODEL_PATH="models/v1.0/digit_classifier_v1.pkl")
    assert (code, faults(checks)) == (0, {})
    assert "MODEL_PATH is served" in checks["release"]["found"]
    assert "files intact" in checks["release v2.0"]["found"]


# -- the service -------------------------------------------------------------------------------------------------------


def test_a_missing_key_is_a_fault_that_setup_mends(house: Installation):
    code, checks = doctor(house, SECRET_API_KEY="")
    assert (code, faults(checks)) == (3, {"SECRET_API_KEY": "bash setup-server.sh"})


def test_a_missing_database_is_a_fault_that_upgrade_mends(house: Installation):
    code, checks = doctor(house, DATABASE_URL="sqlite:///elsewhere/other.db")
    assert (code, faults(checks)) == (6, {"database": "pixelwise db upgrade"})
    assert not (house.root / "elsewhere").exists()
    assert house.pixelwise("db", "upgrade", DATABASE_URL="sqlite:///elsewhere/other.db").returncode == 0
    assert doctor(house, DATABASE_URL="sqlite:///elsewhere/other.db")[0] == 0


def test_tables_of_another_revision_are_a_fault(house: Installation):
    with sqlite3.connect(house.root / "data/pixelwise.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    code, checks = doctor(house)
    assert (code, faults(checks)) == (3, {"database": "pixelwise db upgrade"})
    assert "9999" in checks["database"]["found"]


def test_an_address_that_is_no_database_is_a_fault_that_shows_no_password(house: Installation):
    code, checks = doctor(house, DATABASE_URL=f"mysql://me:{KEY}@host/base")
    assert (code, faults(checks)) == (3, {"database": "edit .env"})


def test_a_database_server_that_does_not_answer_is_a_fault(house: Installation):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    code, checks = doctor(house, DATABASE_URL=f"postgresql://me:{KEY}@127.0.0.1:{port}/base")
    assert code == 6
    assert list(faults(checks)) == ["database"]
    assert "disk" not in checks


def test_a_disk_that_is_nearly_full_is_a_fault(house: Installation):
    on_a_tiny_disk = "import app.cli, app.cli.diagnosis; app.cli.diagnosis.LEAST_FREE_BYTES = 1 << 60; app.cli.main()"
    done = house.run("-c", on_a_tiny_disk, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.returncode, faults(checks)) == (3, {"disk": f"free space in {house.root / 'data'}"})


def test_a_port_that_another_program_has_is_a_fault(house: Installation):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, checks = doctor(house, PORT=str(port))
    mend = "Set another PORT in .env, or stop that program (`ss -ltnp` names it)."
    assert (code, faults(checks)) == (3, {"address": mend})
    assert f"PORT={port}: in use by another program" in checks["address"]["found"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_pixelwise_has_is_well(house: Installation, service: Service, host: str):
    _, checks = doctor(house, PORT=service.url.rpartition(":")[2], HOST=host)
    assert checks["address"]["healthy"]
    assert "PixelWise answers" in checks["address"]["found"]


def test_an_address_of_another_machine_is_a_fault(house: Installation):
    _, checks = doctor(house, HOST="192.0.2.1")  # for documentation: nobody has it
    assert list(faults(checks)) == ["address"] and faults(checks)["address"].startswith("Correct HOST and PORT in .env")


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (lambda models: (models / "seen.json").write_text("{"), "seen.json"),
        (lambda models: ((models / ".lock").unlink(missing_ok=True), (models / ".lock").symlink_to("/etc")), "Move"),
        (lambda models: ((models / "MODELCARD.md").unlink(), (models / "MODELCARD.md").mkdir()), "Move"),
    ],
    ids=["ledger", "lock", "folder"],
)
def test_what_would_refuse_the_next_pull_is_a_fault(house: Installation, spoil: Callable[[Path], object], mend: str):
    spoil(house.models)
    code, checks = doctor(house)
    assert code in (3, 4)
    assert mend in faults(checks)["models"]
