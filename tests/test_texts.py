"""Texts that must agree with the code: README, CONTRIBUTING, docs/contract.md, requirements, Makefile, workflow."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
import typer.main

from app.cli.program import cli
from app.drawing.measures import PROFILE_MEASURES
from app.drawing.ring import MAY_BE_WITHHELD
from app.drawing.skew import WRONG_SHAPES, WRONG_VALUES
from app.model.contract import Contract
from app.settings import DEFAULTS
from tests.test_errors import EXIT_CODES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CONTRACT = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

COMMANDS = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
LOCKED = ["requirements.txt", "requirements-dev.txt", "pixelwise-model/requirements.txt", "benchmarks/requirements.txt"]


def options(command: str) -> set[str]:
    """The long options of a command and of those below it, without --help."""
    chosen = COMMANDS[command]
    parts = [chosen, *getattr(chosen, "commands", {}).values()]
    found = {option for part in parts for parameter in part.params for option in parameter.opts}
    return {option for option in found if option.startswith("--")} - {"--help"}


def readme_rows(start: str) -> str:
    """The first cells of the README's table rows that begin so."""
    return "".join(line.split(" | ")[0] for line in README.splitlines() if line.startswith(f"| {start}"))


# -- the command and the settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_of_it_is_in_the_readme_and_no_other(command: str):
    rows = readme_rows(f"`pixelwise {command}")
    assert rows
    assert set(re.findall(r"--[a-z-]+", rows)) == options(command)
    for option in options(command):
        assert README.count(option) >= 2 or option == "--json", f"{option} is named, but not explained"


def test_the_readme_names_no_command_that_does_not_exist():
    named = set(re.findall(r"`(?:\.venv/bin/)?pixelwise ([a-z]+)", README + CONTRIBUTING))
    assert named == set(COMMANDS)
    assert "`pixelwise --version`" in README


def test_every_command_says_in_its_help_what_it_does():
    for command in COMMANDS.values():
        assert command.help
        for parameter in command.params:
            assert parameter.help or parameter.name == "help"


def test_every_setting_is_in_the_readme_with_its_default():
    for key, default in DEFAULTS.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `{key}` |"))
        assert f"`{default}`" in row.split("|")[3] or not default
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert named == set(DEFAULTS)


def test_every_exit_code_is_in_the_readme():
    sentence = README.partition("Exit codes of all of them:")[2].partition(".")[0]
    assert {int(code) for code in re.findall(r"\b(\d) \w", sentence)} == {0, *EXIT_CODES}


def test_every_name_of_a_skew_finding_is_in_the_readme_and_in_the_contract():
    names = {finding.name for findings in (*WRONG_VALUES, *WRONG_SHAPES, (MAY_BE_WITHHELD,)) for finding in findings}
    assert len(names) == 9
    for name in names:
        assert f"`{name}`" in README
        assert f"`{name}`" in CONTRACT


def test_every_key_of_the_contract_is_described():
    for field in msgspec.structs.fields(Contract):
        assert re.search(rf"^\|[^|]*`{field.encode_name}`", CONTRACT, re.MULTILINE), field.encode_name
    for measure in PROFILE_MEASURES:
        assert f"`{measure}`" in CONTRACT


# -- make --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_described(target: str):
    assert f"| `make {target}` |" in CONTRIBUTING
    listed = README.partition("`make help` lists all targets:")[2].partition("(")[0]
    assert f"`{target}`" in listed


def test_no_text_names_a_make_target_that_does_not_exist():
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/course.md",
        "docs/decisions.md",
        "docs/service.md",
        ".ci/run",
        "pixelwise-model/README.md",
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^ +|^)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= set(TARGETS), name


def test_every_target_that_is_no_file_is_phony():
    phony = {name for line in MAKEFILE.splitlines() if line.startswith(".PHONY:") for name in line.split()[1:]}
    assert {*TARGETS, "environment", "releases"} == phony


def test_continuous_integration_runs_what_people_run():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [line.strip() for line in script if line.strip().startswith("make ")] == ["make check", "make test"]
    workflow = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml"))
    assert "make check test" in workflow or ".ci/run" in workflow


# -- requirements ------------------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("name", LOCKED)
def test_requirements_are_pinned_and_hashed_and_name_no_index(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"index-url|find-links|://|^-|trusted-host| @ ", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.replace("\\\n", "").strip())
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+ ", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_the_runtime_has_neither_scikit_learn_nor_joblib():
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert not {"scikit-learn", "joblib"} & set(pins(name))


def test_what_tests_run_in_holds_the_runtime_s_own_pins():
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for names, locked in (
        (project["dependencies"], "requirements.txt"),
        (project["optional-dependencies"]["dev"], "requirements-dev.txt"),
    ):
        wanted = {re.split(r"[\[<>=;\s]", name)[0].replace("_", "-") for name in names}
        assert wanted <= set(pins(locked))


# -- the README itself -------------------------------------------------------------------------------------------------


def test_the_readme_s_tree_names_every_room_and_every_file_it_names_exists():
    tree = README.partition("## The tree")[2].partition("```\n")[2].partition("```")[0]
    rooms = {path.name for path in (ROOT / "app").iterdir() if (path / "__init__.py").is_file()}
    assert set(re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)) == rooms
    loose = {path.name for path in (ROOT / "app").glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"^  (\w+\.py) ", tree, re.MULTILINE)) == loose
    for name in re.findall(r"^([\w./-]+) ", tree, re.MULTILINE):
        assert (ROOT / name).exists(), name
    existing = {path.name for path in ROOT.rglob("*.*") if ".venv" not in path.parts}
    assert set(re.findall(r"\.?[\w-]+\.(?:py|sh|md|lock|example)\b", tree)) <= existing


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "pixelwise-model/README.md",
        "docs/contract.md",
        "docs/course.md",
        "docs/service.md",
    ],
)
def test_every_relative_link_leads_somewhere(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert ((ROOT / name).parent / target).exists(), target


def test_the_readme_says_what_a_bare_machine_must_have():
    for package in ("`make`", "`git`", "`python3`", "`python3-venv`", "`npm`"):
        assert package in README


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "docs/decisions.md", "pixelwise-model/README.md"])
def test_the_texts_that_a_project_must_have_are_there(name: str):
    assert len((ROOT / name).read_text(encoding="utf-8")) > 500
