"""Every test of the storage runs on SQLite and on a PostgreSQL server of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.storage.database import Database
from app.storage.identifiers import new_id
from app.storage.migrate import upgrade
from app.storage.result_rows import Result, Store
from tests.postgresql import Server, postgresql

__all__ = ["postgresql"]

Make = Callable[..., Result]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no fault of the database: PostgreSQL may take as long as it needs for the largest statements.
    Tests of the limit set one themselves."""
    monkeypatch.setattr("app.storage.database.ANSWER_SECONDS", math.inf)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = Database("sqlite:///data/pixelwise.db", root=tmp_path)
        yield database
        database.close()
        return
    server: Server = request.getfixturevalue("postgresql")
    name = f"pixelwise_{uuid4().hex}"
    server.execute(f"CREATE DATABASE {name}")
    database = Database(server.address(name), root=tmp_path)
    yield database
    database.close()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(empty: Database) -> Database:
    """A database with the tables of this code."""
    upgrade(empty)
    return empty


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database with the tables of this code, for what only SQLite has."""
    database = Database("sqlite:///pixelwise.db", root=tmp_path)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture
def make() -> Make:
    """A result; what is given replaces a part of it."""

    def make(**parts: object) -> Result:
        usual: dict[str, object] = {
            "id": new_id(),
            "prediction": "7",
            "confidence": 0.75,
            "scores": {"1": 0.25, "7": 0.75},
            "model_version": "v1.0",
            "model_sha256": "ab" * 32,
            "latency_ms": 1.5,
            "source": "api",
            "findings": ("off-centre",),
            "pixels": bytes(range(196)) * 4,
        }
        return Result(**usual | parts)

    return make
