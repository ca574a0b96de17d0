"""docs/service.md as an operator goes through it: a service runs, with a few drawings that were read and labelled."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.installation import ROOT, Published
from tests.pages import blocks_of
from tests.postgresql import USER
from tests.postgresql import Server as PostgreSQL
from tests.postgresql import postgresql as postgresql
from tests.reader import Reader, go_through, reader_in

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs/service.md").read_text(encoding="utf-8")
FIRST, *BLOCKS = blocks_of(PAGE)
"""What is typed first holds for the whole page."""
POSTGRESQL = "SQLite or PostgreSQL"
DRAW = """
key=$(python -m app.settings SECRET_API_KEY)
send() { curl -sS --fail http://127.0.0.1:8000$1 -H "X-API-Key: $key" -H 'Content-Type: application/json' -d "$2"; }
for bend in 120 140 160; do
  read=$(send /drawings "{\\"strokes\\": [[[140, 40], [$bend, 140], [140, 240]]]}")
  id=$(sed -E 's/.*"id":"([^"]+)".*/\\1/' <<<"$read")
  send "/results/$id/label" '{"label": "1"}'
done
"""
NEWER = """
git clone --quiet --bare . ../pixelwise.git
git remote add origin ../pixelwise.git
git fetch --quiet && git branch --quiet --set-upstream-to "origin/$(git branch --show-current)"
git clone --quiet ../pixelwise.git ../newer
git -C ../newer commit --quiet --allow-empty --message newer
git -C ../newer push --quiet
"""
"""A commit that the clone does not have yet."""
SUDO = """#!/bin/sh
# sudo -u postgres COMMAND: the server believes everybody.
shift 2
exec "$@"
"""


def test_every_command_runs_and_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    with operator(tmp_path, published) as reader:
        reader.serve("make run")
        reader.run(DRAW)
        reader.run(NEWER)
        wrong = go_through(reader, [block for block in BLOCKS if block.section != POSTGRESQL])
        assert wrong == [], "\n\n".join(wrong)
        assert reader.run("git log -1 --format=%s") == "newer\n"
        assert "3 labels." in reader.run("pixelwise labels export --out data/after.csv")
        (columns,) = [line.partition("# ")[2] for line in PAGE.splitlines() if "--out data/labels.csv" in line]
        labels = (reader.root / "data/labels.csv").read_text().splitlines()
        assert (labels[0], len(labels)) == (columns.replace(" ", ""), 4)
        assert reader.run("git status --short") == "", "what people drew, where git does not ignore it"
        with closing(sqlite3.connect(reader.root / "data/backup.db")) as backup:
            assert backup.execute("SELECT count(*) FROM labels").fetchone() == (3,)
        assert [path.name for path in (reader.root / "data").glob("backup.db*")] == ["backup.db"]


def test_its_commands_bring_the_service_to_postgresql(
    tmp_path: Path, published: Callable[[str], Published], postgresql: PostgreSQL
):
    with operator(tmp_path, published) as reader:
        reader.run("bash setup-server.sh")
        as_postgres(reader, postgresql)
        there, back = [block for block in BLOCKS if block.section == POSTGRESQL]
        assert go_through(reader, [there], typed="PASSWORD\n" * 2) == []
        reader.serve("pixelwise serve")
        reader.run(DRAW)
        assert "3 labels." in reader.run("pixelwise labels export --out labels.csv")
        assert go_through(reader, [back]) == []
        assert "COPY public.labels" in (reader.root / "data/backup.sql").read_text()
        assert "0 labels." in reader.run("pixelwise labels export --out of-sqlite.csv")


@contextmanager
def operator(folder: Path, published: Callable[[str], Published]) -> Iterator[Reader]:
    """A reader who begins as the page says."""
    with reader_in(folder, published) as reader:
        reader.before = FIRST.text
        yield reader


def as_postgres(reader: Reader, server: PostgreSQL) -> None:
    """Lets `sudo -u postgres` reach the tests' own server, on its own port."""
    programs = reader.root.parent / "bin"
    programs.mkdir()
    (programs / "sudo").write_text(SUDO)
    (programs / "sudo").chmod(0o755)
    reader.stands_for["@127.0.0.1/"] = f"@127.0.0.1:{server.port}/"
    reader.environ |= {
        "PATH": f"{programs}:{server.programs}:{os.environ['PATH']}",
        **{"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": USER},
    }
