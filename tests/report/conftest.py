"""Filled databases in files of their own. Those with many rows are made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.report.evaluation import evaluate
from app.report.report_data import Report
from app.storage.database import Database
from app.storage.migrate import upgrade
from app.storage.report_queries import read_facts
from tests.report.filled import fill

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Filled = Callable[..., Database]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    """Makes a database of so many results; what `fill` takes beside it may be given."""
    made: list[Database] = []

    def make(count: int, **options: object) -> Database:
        database = Database(f"sqlite:///{len(made)}.db", root=tmp_path)
        upgrade(database)
        fill(database, count, **options)
        made.append(database)
        return database

    yield make
    for database in made:
        database.close()


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """100,000 results. Read only."""
    database = Database("sqlite:///large.db", root=tmp_path_factory.mktemp("large"))
    upgrade(database)
    fill(database, 100_000)
    yield database
    database.close()


def report_of(database: Database, default: str = "v1.0") -> Report:
    return evaluate(read_facts(database), default=default, made_at=NOW)
