"""Texts that must agree with the code: README, CONTRIBUTING, docs/, requirements, Makefile, workflow."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import typer.main

from app.cli.program import cli
from app.drawing.ink_measures import PROFILE_MEASURES
from app.drawing.ring_of_zero import MAY_BE_WITHHELD
from app.drawing.skew import WRONG_SHAPES, WRONG_VALUES
from app.model.contract import Contract
from app.settings import DEFAULTS
from tests.test_errors import EXIT_CODES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
USING = (ROOT / "docs/using.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
CONTRACT = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

COMMANDS = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
LOCKED = [
    *("requirements.txt", "requirements-dev.txt", "requirements-signing.txt"),
    *("requirements-scale.txt", "requirements-score.txt", "requirements-dask.txt"),
    *("pixelwise-model/requirements.txt", "benchmarks/requirements.txt"),
]


def options(command: str) -> set[str]:
    """The long options of a command and of those below it, without --help."""
    chosen = COMMANDS[command]
    parts = [chosen, *getattr(chosen, "commands", {}).values()]
    found = {option for part in parts for parameter in part.params for option in parameter.opts}
    return {option for option in found if option.startswith("--")} - {"--help"}


def rows_of_commands(start: str) -> str:
    """The first cells of the rows of docs/using.md that begin so."""
    return "".join(line.split(" | ")[0] for line in USING.splitlines() if line.startswith(f"| {start}"))


# -- the command and the settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_of_it_is_in_the_table_and_no_other(command: str):
    rows = rows_of_commands(f"`pixelwise {command}")
    assert rows
    assert set(re.findall(r"--[a-z-]+", rows)) == options(command)
    for option in options(command):
        assert USING.count(option) >= 2 or option == "--json", f"{option} is named, but not explained"


def test_the_texts_name_no_command_that_does_not_exist():
    named = set(re.findall(r"`(?:\.venv/bin/)?pixelwise ([a-z]+)", README + USING + SETTINGS + CONTRIBUTING))
    assert named == set(COMMANDS)
    assert "`pixelwise --version`" in USING


def test_every_command_says_in_its_help_what_it_does():
    for command in COMMANDS.values():
        assert command.help
        for parameter in command.params:
            assert parameter.help or parameter.name == "help"


@pytest.fixture(scope="module")
def settings_page() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs/settings.py")))


def test_the_page_of_settings_is_the_one_that_is_written(settings_page: SimpleNamespace):
    assert settings_page.page() == SETTINGS, "run `.venv/bin/python docs/settings.py`"


def test_every_setting_is_described_with_its_default():
    for key, default in DEFAULTS.items():
        row = next(line for line in SETTINGS.splitlines() if line.startswith(f"| `{key}` |"))
        assert len(row.split("|")[2]) > 15, key
        assert row.split("|")[3].strip() == (f"`{default}`" if default else "empty")
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", SETTINGS, re.MULTILINE))
    assert named == set(DEFAULTS)


def test_every_exit_code_is_described():
    table = USING.partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d) \| \w", table, re.MULTILINE)} == {0, *EXIT_CODES}


def test_every_name_of_a_skew_finding_is_described_for_users_and_in_the_contract():
    names = {finding.name for findings in (*WRONG_VALUES, *WRONG_SHAPES, (MAY_BE_WITHHELD,)) for finding in findings}
    assert len(names) == 9
    for name in names:
        assert f"`{name}`" in USING
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


def test_no_text_names_a_make_target_that_does_not_exist():
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *(f"docs/{page}" for page in PAGES),
        ".ci/run",
        "pixelwise-model/README.md",
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^ +|^)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= set(TARGETS), name


def test_every_target_that_is_no_file_is_phony():
    phony = {name for line in MAKEFILE.splitlines() if line.startswith(".PHONY:") for name in line.split()[1:]}
    assert {*TARGETS, "environment", "releases", "model-tests", "product-tests"} == phony


def test_continuous_integration_runs_what_people_run():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [line.strip() for line in script if line.strip().startswith("make ")] == [
        "make check",
        "make test",
    ]
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


# -- the pages ---------------------------------------------------------------------------------------------------------


def test_the_map_of_the_house_names_every_room_and_every_loose_file():
    table = ARCHITECTURE.partition("| room |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`app/([\w./]+)`", row.split("|")[1])}
    rooms = {f"{path.name}/" for path in (ROOT / "app").iterdir() if (path / "__init__.py").is_file()}
    assert named == rooms | {path.name for path in (ROOT / "app").glob("*.py")} - {"__init__.py"}


def test_the_readme_is_for_two_minutes():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("name", ["README.md", "docs/using.md"])
def test_every_file_that_is_named_exists(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:app|tests|drawn|docs|pixelwise-model)/[\w./-]+|[\w-]+\.(?:py|sh|lock))`", text))
    assert named
    made = {"pixelwise-model/releases.git"}
    assert [path for path in named - made if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "pixelwise-model/README.md", *(f"docs/{page}" for page in PAGES)]
)
def test_every_relative_link_leads_somewhere(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", text):
        if "://" not in target:
            page = (ROOT / name).parent / target if target else ROOT / name
            assert page.exists(), target
            assert not heading or heading in anchors(page.read_text(encoding="utf-8")), f"{target}#{heading}"


def anchors(text: str) -> set[str]:
    """The names that a reader of Markdown gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_index_names_every_page():
    rows = re.findall(r"^\| \[([\w.]+)\]\(\1\) \|", (ROOT / "docs/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(["README.md", *rows]) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_every_page_begins_with_whom_it_is_for(page: str):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert re.match(r"# .+\n\nFor (?:whoever|operators|programmers)\b", text)


def test_the_readme_s_figures_are_those_that_were_measured():
    benchmarks, peers = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("benchmarks.md", "peers.md"))
    fast = re.search(r"^\| `classify_batch` : plain answers \| ([\d.]+) .*? \| ([\d.]+) ", benchmarks, re.MULTILINE)
    assert fast
    one, fifty = (f"{float(times):.0f} times" for times in fast.groups())
    assert f"{one} faster than scikit-learn for one digit and {fifty} for fifty" in README
    times = [
        float(figure) for figure in re.findall(r"^\| requests, times those of .*? \| ([\d.]+) ", peers, re.MULTILINE)
    ]
    met = re.search(r"\*\*(\d+ of \d+ targets) met", peers)
    assert times and met
    assert f"{min(times):.0f} to {max(times):.0f} times the requests" in README
    assert f"{met[1]} are met" in README


def test_the_readme_says_what_a_bare_machine_must_have():
    for package in ("`make`", "`git`", "`python3`", "`python3-venv`", "`npm`"):
        assert package in README


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "docs/decisions.md", "pixelwise-model/README.md"])
def test_the_texts_that_a_project_must_have_are_there(name: str):
    assert len((ROOT / name).read_text(encoding="utf-8")) > 500
