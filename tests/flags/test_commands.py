"""`pixelwise flags`: what it prints, what it leaves in the file, and its exit codes."""

from __future__ import annotations

import json
from subprocess import CompletedProcess

import pytest

from tests.flags.conftest import flag, shares, versions_flag
from tests.installation import Installation


def flags(installation: Installation, *arguments: str, **environ: str) -> CompletedProcess[str]:
    return installation.pixelwise("flags", *arguments, COLUMNS="150", **environ)


def in_file(installation: Installation) -> dict:
    return json.loads((installation.root / "data/flags.json").read_text())["flags"]


def write(installation: Installation, text: str) -> None:
    (installation.root / "data").mkdir(exist_ok=True)
    (installation.root / "data/flags.json").write_text(text)


def test_set_makes_the_file_and_says_what_held_before(installation: Installation):
    done = flags(installation, "set", "show-correction", "off")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "show-correction: off for everyone. Before: on for everyone.\n"
    assert in_file(installation) == {"show-correction": flag({"on": True, "off": False}, "off")}
    assert not (installation.root / "data/flags.json.before").exists()


def test_rollout_and_rollback(installation: Installation):
    write(installation, json.dumps({"flags": versions_flag(default="v9.0")}))
    refused = flags(installation, "rollout", "model-version", "v2.0=20%")
    assert refused.returncode == 2
    assert ": version v2.0; expected one of v1.0" in refused.stderr
    assert "run `pixelwise models add v2.0` first" in refused.stderr
    done = flags(installation, "rollout", "model-version", "v1.0=20.5%")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "model-version: v1.0 for 20.5%, v9.0 for 79.5%. Before: v9.0 for everyone.\n"
    assert in_file(installation)["model-version"]["targeting"] == shares(("v1.0", 2050), ("v9.0", 7950))
    kept = in_file(installation)
    back = flags(installation, "rollback")
    assert (back.returncode, back.stdout) == (0, "")
    assert back.stderr == (
        "Everyone gets v1.0, the default. Undone: v1.0 for 20.5%, v9.0 for 79.5% (kept in data/flags.json.before).\n"
    )
    assert in_file(installation)["model-version"] == versions_flag(default=None)["model-version"]
    assert json.loads((installation.root / "data/flags.json.before").read_text())["flags"] == kept
    again = flags(installation, "rollback")
    assert (again.returncode, again.stderr) == (0, "Nothing to undo: everyone gets v1.0, the default.\n")
    assert json.loads((installation.root / "data/flags.json.before").read_text())["flags"] == kept


def test_list_shows_every_flag_in_words_and_as_json(installation: Installation):
    write(installation, json.dumps({"flags": versions_flag(shares(("v9.0", 20), ("v1.0", 80)))}))
    done = flags(installation, "list")
    assert done.returncode == 0
    assert "v9.0 for 20%, v1.0 for 80%" in done.stdout
    assert "show-correction" in done.stdout
    assert done.stderr == "model-version: v9.0 is not in MODEL_VERSIONS, and not used.\n"
    shown = json.loads(flags(installation, "list", "--json").stdout)
    assert shown["file"] == str(installation.root / "data/flags.json")
    assert shown["flags"][0] == {
        "flag": "model-version",
        "state": "ENABLED",
        "variants": {"v1.0": "v1.0", "v2.0": "v2.0", "v1.1": "v1.1", "v9.0": "v9.0"},
        "default": "v1.0",
        "shares": {"v9.0": 20.0, "v1.0": 80.0},
        "gives": "v9.0 for 20%, v1.0 for 80%",
        "not_served": ["v9.0"],
    }
    assert [one["state"] for one in shown["flags"]] == ["ENABLED", None, None, None, None]


def test_names_in_the_file_are_no_markup(installation: Installation):
    write(installation, json.dumps({"flags": {"model-version": flag({"[red]x": "v1.0"}, "[red]x")}}))
    assert flags(installation, "list").stdout.count("[red]x") == 2


@pytest.mark.parametrize("command", [["list"], ["set", "keep-drawings", "off"], ["rollback"]])
def test_a_broken_file_is_refused_with_3_and_left_as_it_is(installation: Installation, command: list[str]):
    write(installation, "{")
    done = flags(installation, *command)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("flag file flags.json: no JSON")
    assert (installation.root / "data/flags.json").read_text() == "{"


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (["v1.0"], ": v1.0; expected a version and its share"),
        (["v1.0=20"], "Write it like v2.0=20%"),
        (["v1.0=1.234%"], ": v1.0=1.234%"),
        (["v1.0=-5%"], ": v1.0=-5%"),
        (["v1.0=20%", "v1.0=30%"], ": v1.0 twice"),
        (["v1.0=101%"], ": 101% in all"),
        (["v9.0=20%"], ": version v9.0"),
    ],
)
def test_shares_that_cannot_be_are_refused_with_2_and_nothing_is_written(
    installation: Installation, shares: list[str], said: str
):
    done = flags(installation, "rollout", "model-version", *shares)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (installation.root / "data/flags.json").exists()


def test_the_file_is_where_the_setting_says(installation: Installation):
    done = flags(installation, "set", "keep-drawings", "off", FLAGS_FILE="elsewhere/mine.json")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (installation.root / "elsewhere").iterdir()} == {"mine.json"}
