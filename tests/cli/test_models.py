"""`pixelwise models` without a service; with one: tests/web/test_several.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.installation import Installation, Published


@pytest.fixture
def house(installation_of_three: Installation) -> Installation:
    (installation_of_three.root / ".env").write_text("MODEL_VERSIONS=v1.0,v2.0\n")
    return installation_of_three


def listed(house: Installation, **environ: str) -> dict[str, dict[str, Any]]:
    """Version -> what is said of it, in order."""
    done = house.pixelwise("models", "list", "--json", **environ)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["service"] is None
    return {row["version"]: row for row in said["versions"]}


def spoil(house: Installation, path: str) -> None:
    with (house.models / path).open("ab") as file:
        file.write(b"x")


def test_the_list_has_the_named_versions_in_their_order_then_the_others(house: Installation, published):
    rows = listed(house, MODEL_VERSIONS="v2.0,v1.0")
    assert [(version, row["in_env"]) for version, row in rows.items()] == [
        ("v2.0", "default"),
        ("v1.0", "named"),
        ("v1.1", None),
    ]
    for version, row in rows.items():
        release: Published = published(version)
        assert (row["verified"], row["why"], row["service"]) == (True, "", None)
        assert row["artefact"] == release.record.artefact
        assert row["bytes"] == len(release.artefact)
        assert release.record.serves(row["sha256"])
        assert len(row["classes"]) == (10 if version == "v2.0" else 9)
        assert row["accuracy"]["correct"] / row["accuracy"]["n"] == pytest.approx(row["accuracy"]["value"], abs=1e-4)


def test_the_list_says_of_each_version_why_it_would_be_left_out(house: Installation, published):
    spoil(house, "v1.1/digit_classifier_v1_1.pkl")
    v2 = published("v2.0")
    house.place_published(v2, card=v2.card.replace("  features: 784\n", "  features: 785\n").encode())
    rows = listed(house, MODEL_VERSIONS="v1.0,v2.0,v1.9")
    assert {version: row["verified"] for version, row in rows.items()} == {
        **{"v1.0": True, "v2.0": False, "v1.9": False, "v1.1": False}
    }
    assert "pkl, features" in rows["v2.0"]["why"]
    assert "nothing pulled" in rows["v1.9"]["why"] and "pixelwise pull v1.9" in rows["v1.9"]["why"]
    assert "digit_classifier_v1_1.pkl missing or changed" in rows["v1.1"]["why"]
    assert rows["v1.9"]["bytes"] is None


def test_the_list_is_a_table_too(house: Installation):
    done = house.pixelwise("models", "list", COLUMNS="200")
    assert done.returncode == 0
    assert done.stdout.count("verified") == 3
    for said in ("v1.0", "default", "v2.0", "named", "0123456789", "97.75%", "no service runs now"):
        assert said in done.stdout
    assert "\x1b" not in done.stdout


def test_a_release_in_models_without_a_roster_here_is_listed_as_refused(house: Installation, published):
    house.place("v4.0", {"digit_classifier_v4.pkl": published("v2.0").artefact}, artefact="digit_classifier_v4.pkl")
    assert "no roster of classes for this version" in listed(house)["v4.0"]["why"]


# -- removing ----------------------------------------------------------------------------------------------------------


def test_the_default_cannot_be_removed(house: Installation):
    before = (house.root / ".env").read_text()
    for arguments in (["v1.0"], ["v1.0", "--files"]):
        done = house.pixelwise("models", "remove", *arguments)
        assert done.returncode == 2
        assert "version v1.0: the default" in done.stderr and "pixelwise models default" in done.stderr
    assert (house.root / ".env").read_text() == before
    assert (house.models / "v1.0").is_dir()


def test_its_files_go_only_when_that_is_asked_for(house: Installation):
    assert house.pixelwise("models", "remove", "v2.0").returncode == 0
    assert (house.models / "v2.0").is_dir()
    assert "v1.0\n" in (house.root / ".env").read_text()
    again = house.pixelwise("models", "remove", "v2.0")
    assert again.returncode == 2
    assert "--files deletes" in again.stderr
    done = house.pixelwise("models", "remove", "v2.0", "--files")
    assert done.returncode == 0, done.stderr
    assert "deleted from models/" in done.stderr
    assert not (house.models / "v2.0").exists()
    assert not list(house.models.glob(".incoming-*"))
    assert (house.models / "v1.1").is_dir() and house.start().returncode == 0


def test_what_the_environment_keeps_serving_is_not_deleted(house: Installation):
    done = house.pixelwise("models", "remove", "v2.0", "--files", MODEL_VERSIONS="v1.0,v2.0")
    assert done.returncode == 4
    assert (house.models / "v2.0").is_dir()


@pytest.mark.parametrize("version", ["v9.0", "../models", "..", ".", "", "v1.0/../v2.0", "v1.0 "])
def test_what_is_no_version_here_is_refused_and_nothing_is_deleted(house: Installation, version: str):
    before = sorted(path for path in house.root.rglob("*") if path.name != ".lock" and "__pycache__" not in path.parts)
    done = house.pixelwise("models", "remove", "--files", "--", version)
    assert done.returncode == 2
    after = sorted(path for path in house.root.rglob("*") if path.name != ".lock" and "__pycache__" not in path.parts)
    assert after == before


# -- another default ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1.1", "v9.0", "nonsense"])
def test_only_a_version_that_is_named_can_become_the_default(house: Installation, version: str):
    done = house.pixelwise("models", "default", version)
    assert done.returncode == 2
    assert ": v1.0, v2.0 in .env" in done.stderr and f"pixelwise models add {version}" in done.stderr


@pytest.mark.long
def test_another_default_is_everyone_s_or_it_is_said_who_gets_another_version(house: Installation):
    assert house.pixelwise("flags", "rollout", "model-version", "v2.0=20%").returncode == 0
    done = house.pixelwise("models", "default", "v2.0")
    assert done.stderr.splitlines() == [
        "v2.0: the default in .env, and no service runs now.",
        "But the flag model-version gives: v2.0 for 20%, v1.0 for 80%. `pixelwise flags rollback` gives everyone v2.0.",
    ]
    assert house.pixelwise("flags", "rollback").returncode == 0
    for version in ("v1.0", "v2.0"):
        done = house.pixelwise("models", "default", version)
        assert done.stderr == f"{version}: the default in .env, and no service runs now.\n"


def test_another_default_stands_also_where_the_flag_file_is_broken(house: Installation):
    (house.root / "data").mkdir()
    (house.root / "data/flags.json").write_text("{")
    done = house.pixelwise("models", "default", "v2.0")
    assert done.returncode == 0 and "flags.json" in done.stderr
    assert (house.root / ".env").read_text() == "MODEL_VERSIONS=v2.0,v1.0\n"


def test_a_release_that_cannot_be_fetched_is_not_added(house: Installation):
    before = (house.root / ".env").read_text()
    assert house.pixelwise("models", "add", "v2.0", MODEL_REPO="nowhere.git").returncode == 6
    assert house.pixelwise("models", "add", "nonsense", MODEL_REPO="nowhere.git").returncode == 4
    assert (house.root / ".env").read_text() == before
