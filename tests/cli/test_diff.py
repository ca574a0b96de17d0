"""`pixelwise diff`."""

from __future__ import annotations

import json

import pytest

from tests.installation import Installation, Published


def test_two_releases_are_compared_as_one_object(installation_of_three: Installation, published):
    done = installation_of_three.pixelwise("diff", "v1.0", "v2.0", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["versions"] == ["v1.0", "v2.0"]
    assert said["properties"]["classes"] == ["1 2 3 4 5 6 7 8 9", "0 1 2 3 4 5 6 7 8 9"]
    assert "classes" in said["differing"] and "ink rule" not in said["differing"]
    for contract, version in zip(said["contracts"], ("v1.0", "v2.0"), strict=True):
        release: Published = published(version)
        assert (contract["version"], contract["artefact"]) == (version, release.record.artefact)
    reading = said["reading"]
    assert reading["n"] == sum(reading[name] for name in ("both_right", "only_first", "only_second", "neither"))
    assert reading["accuracy"][0]["correct"] == reading["both_right"] + reading["only_first"]
    assert sum(one["n"] for one in reading["disagreements"]) == reading["n"] - reading["same"]


def test_two_releases_are_compared_as_tables(installation_of_three: Installation):
    done = installation_of_three.pixelwise("diff", "v1.0", "v1.1")
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "withheld",
        "91.42% (90.8% to 92.0%)",
        "97.79%",
        "right where the other is wrong",
        "Where they disagree",
    ):
        assert said in done.stdout
    assert "\x1b" not in done.stdout


def test_neither_is_served_nor_the_default_opened(installation_of_three: Installation):
    house = installation_of_three
    (house.root / "app/classifier.py").write_text("raise SystemExit('the model was opened')")
    done = house.pixelwise("diff", "v1.1", "v2.0", MODEL_VERSION="v9.9", REQUIRE_LOCK="true")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["v9.0", "..", "nonsense"])
def test_a_release_that_was_not_pulled_is_named(installation_of_three: Installation, version: str):
    done = installation_of_three.pixelwise("diff", "v1.0", version, "--json")
    assert done.returncode == 4
    assert f"release {version}: nothing pulled" in done.stderr
    assert json.loads(done.stdout)["error"]["kind"] == "BadRelease"


def test_a_release_that_breaks_its_promises_is_refused_also_as_json(installation_of_three: Installation, published):
    house, v2 = installation_of_three, published("v2.0")
    house.place_published(v2, card=v2.card.replace("  features: 784\n", "  features: 785\n").encode())
    done = house.pixelwise("diff", "v1.0", "v2.0", "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["kind"] == "ContractBroken"


def test_a_release_with_prose_only_is_compared_by_what_there_is(installation_of_three: Installation, published):
    house, v2 = installation_of_three, published("v2.0")
    house.place_published(v2, card=b"# Reads digits 0-9\n\nExpected accuracy: ~97%\n")
    said = json.loads(house.pixelwise("diff", "v1.0", "v2.0", "--json").stdout)
    assert said["contracts"][1] is None
    assert said["properties"]["accuracy"][1] == "97% by its card's words"
    assert said["reading"]["n"] == 1000, "v1.0's own recorded digits, which v2.0 knows too"
