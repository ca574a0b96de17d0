"""`pixelwise db`, `pixelwise keys` and `pixelwise labels`: results on stdout, messages on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.db import database as db_command
from app.cli.keys import keys as keys_command
from app.cli.program import cli
from app.errors import ConfigurationError
from app.storage.database import Database
from app.storage.key_rows import Keys, digest
from app.storage.label_rows import Labels
from app.storage.refusals import BadName, WrongSchema
from app.storage.result_rows import Store
from tests.storage.conftest import Make


@pytest.fixture
def installed(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{sqlite.file}")
    return sqlite


def run(command, *arguments: str) -> Result:
    done = CliRunner().invoke(command, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_upgrade_makes_the_tables_and_may_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new/a.db")
    for _ in range(2):
        done = run(db_command, "upgrade")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "tables of revision" in done.stderr
    database = Database(f"sqlite:///{tmp_path}/new/a.db", root=tmp_path)
    Store(database).check()
    database.close()


def test_export_prints_its_files_and_says_what_was_left_out(installed: Database, make: Make, tmp_path: Path):
    Store(installed).add([make(), make(pixels=None), make()])
    installed.close()
    done = run(db_command, "export", "--format", "npz", "--out", str(tmp_path / "a.npz"))
    assert done.stdout == f"{tmp_path / 'a.npz'}\n"
    assert done.stderr == "2 results, 1 without a drawing left out.\n"
    assert (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(("out", "found"), [("-", "- for the standard output"), ("", "no name")])
def test_an_export_needs_the_name_of_a_file(
    installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, found: str
):
    monkeypatch.chdir(tmp_path)
    before = list(tmp_path.iterdir())
    with pytest.raises(ConfigurationError, match=f"--out: {found}; expected the name of a file"):
        run(db_command, "export", "--out", out)
    assert list(tmp_path.iterdir()) == before


def test_labels_are_exported_and_what_no_digit_file_can_hold_is_counted(
    installed: Database, make: Make, tmp_path: Path
):
    made = [make(asked=True), make(pixels=None), make(), make(asked=True)]
    Store(installed).add([*made, make()])
    for result, label in zip(made, ("7", "7", None, None), strict=True):
        Labels(installed).say(result.id, label, "0f" * 16)
    installed.close()
    out = str(tmp_path / "said")
    for arguments, said in (
        (["--format", "csv"], "4 labels.\n"),
        (["--format", "npz"], "3 labels, 1 without a drawing left out.\n"),
        (["--format", "idx"], "1 label, 1 without a drawing and 2 of what is no digit left out.\n"),
        (["--format", "idx", "--asked-only"], "1 label, 1 of what is no digit left out.\n"),
    ):
        done = run(cli, "labels", "export", "--out", out, *arguments)
        assert done.stderr == said
        assert all(Path(line).exists() for line in done.stdout.splitlines())
        assert done.stdout


def test_export_refuses_a_database_that_was_never_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.db").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(WrongSchema):
        run(db_command, "export", "--out", str(tmp_path / "a.csv"))
    assert not (tmp_path / "a.csv").exists()


def test_a_format_of_another_name_is_a_mistake_of_use(installed: Database, tmp_path: Path):
    assert run(db_command, "export", "--format", "pkl", "--out", str(tmp_path / "a")).exit_code == 2


def test_keys_are_added_listed_and_removed(installed: Database):
    added = run(keys_command, "add", "reader")
    key = added.stdout.strip()
    assert Keys(installed).digests() == {"reader": digest(key)}
    assert key not in added.stderr
    assert run(keys_command, "list").stdout.startswith("reader\t20")
    assert run(keys_command, "remove", "reader").stdout == ""
    assert run(keys_command, "list").stdout == ""
    with pytest.raises(BadName):
        run(keys_command, "remove", "reader")


def test_a_first_key_needs_no_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new/a.db")
    assert len(run(keys_command, "add", "reader").stdout.strip()) == 43
