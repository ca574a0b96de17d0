"""`python -m app.report`, which the service runs, and `pixelwise report`, which a person does."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from app.cli.report import PAGE
from app.cli.report import report as command
from app.errors import ConfigurationError
from app.report.report_data import Report
from app.storage.database import Database
from app.storage.refusals import WrongSchema
from tests.report.conftest import Filled

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent.parent


def child(database: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """As the service runs it."""
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": database, "MODEL_VERSION": "v1.0"}
    return subprocess.run(
        [sys.executable, "-m", "app.report", *arguments], cwd=ROOT, env=environ, capture_output=True, check=False
    )


def run(*arguments: str) -> Result:
    application = typer.Typer()
    application.command()(command)
    done = CliRunner().invoke(application, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def installed(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> Database:
    database = filled(400)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database.file}")
    monkeypatch.setenv("MODEL_VERSION", "v1.0")
    return database


# -- python -m app.report ----------------------------------------------------------------------------------------------


def test_it_writes_the_page_or_the_figures_to_stdout(installed: Database):
    page = child(f"sqlite:///{installed.file}")
    assert (page.returncode, page.stderr) == (0, b"")
    assert page.stdout.startswith(b"<!doctype html>") and page.stdout.endswith(b"</html>")
    assert b"<style>" in page.stdout
    linked = child(f"sqlite:///{installed.file}", "--format", "html", "--stylesheet", "page/report.css")
    assert b"<style>" not in linked.stdout and b'href="page/report.css"' in linked.stdout
    figures = msgspec.json.decode(child(f"sqlite:///{installed.file}", "--format", "json").stdout, type=Report)
    assert (figures.answers, figures.base, len(figures.versions)) == (400, "v1.0", 3)


def test_without_drawings_none_is_in_it(installed: Database):
    address = f"sqlite:///{installed.file}"
    with_them, without = (child(address, "--format", "json", *more).stdout for more in ((), ("--without-drawings",)))
    assert msgspec.json.decode(with_them, type=Report).disputes
    assert msgspec.json.decode(without, type=Report).disputes is None
    assert b"<img" not in child(address, "--without-drawings").stdout


def test_a_new_installation_has_a_report(tmp_path: Path):
    done = child(f"sqlite:///{tmp_path}/data/new.db")
    assert done.returncode == 0
    assert b"Nothing was read yet" in done.stdout


def test_a_refusal_is_one_line_on_stderr_and_its_exit_code(tmp_path: Path, installed: Database):
    (tmp_path / "no.db").write_bytes(b"no database, though a file of some bytes")
    done = child(f"sqlite:///{tmp_path}/no.db")
    assert (done.returncode, done.stdout) == (6, b"")
    assert done.stderr.startswith(b"database sqlite ") and done.stderr.count(b"\n") == 1
    assert child("mysql://x/y").returncode == 3
    assert child(f"sqlite:///{installed.file}", "--format", "pdf").returncode == 2


def test_of_100_000_answers_the_page_is_as_small_as_of_few(large: Database):
    """How long it takes is measured by benchmarks/analytics.py."""
    done = child(f"sqlite:///{large.file}")
    assert b"100,000 answers" in done.stdout
    assert len(done.stdout) < 1_000_000


def test_it_loads_no_model_and_nothing_of_the_service():
    code = "import sys, app.report.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout.split()
    unwanted = (b"app.classifier", b"app.web", b"starlette", b"alembic", b"scipy.stats", b"typer")
    assert not [name for name in loaded if name.startswith(unwanted)]


# -- pixelwise report --------------------------------------------------------------------------------------------------


def test_the_page_is_put_into_the_folder_and_its_path_printed(installed: Database, tmp_path: Path):
    folder = tmp_path / "a" / "b"
    done = run("--out", str(folder))
    assert done.stdout == f"{folder / 'report.html'}\n"
    assert "whether v1.1 or v1.0 reads better" in done.stderr or "reads better than" in done.stderr
    file = folder / "report.html"
    assert b"<style>" in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600, "it shows what people drew"
    assert list(folder.iterdir()) == [file]


def test_a_report_put_beside_the_code_is_no_change_of_it(tmp_path: Path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    (tmp_path / PAGE).touch()
    listed = subprocess.run(["git", "status", "--short"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert listed.stdout == "?? .gitignore\n"


def test_json_is_one_object_on_stdout(installed: Database, tmp_path: Path):
    assert msgspec.json.decode(run("--json").stdout, type=Report).answers == 400
    both = run("--json", "--out", str(tmp_path / "both"))
    assert msgspec.json.decode(both.stdout, type=Report).answers == 400
    assert (tmp_path / "both" / "report.html").exists()


def test_a_page_that_was_there_stays_whole_when_the_new_one_cannot_be_written(
    installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run("--out", str(tmp_path))
    before = (tmp_path / "report.html").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        run("--out", str(tmp_path))
    assert (tmp_path / "report.html").read_bytes() == before
    assert not list(tmp_path.glob(".report*"))


def test_a_folder_that_cannot_be_is_refused(installed: Database, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        run("--out", str(tmp_path / "file"))
    assert caught.value.exit_code == 3


def test_without_options_it_says_the_verdict_in_the_words_of_the_page(
    installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("COLUMNS", raising=False)  # a process of several that share the tests has one
    done = run()
    page = html.unescape(re.sub(r"<[^>]*>", "", child(f"sqlite:///{installed.file}").stdout.decode()))
    said = done.stdout.splitlines()
    assert (done.exit_code, done.stderr, len(said)) == (0, "", 6)
    assert all(line in page.replace("\u00a0", " ") for line in said)
    assert any("reads better" in line for line in said)


def test_tables_of_other_code_are_refused(installed: Database, tmp_path: Path):
    with installed.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(WrongSchema):
        run("--out", str(tmp_path))
