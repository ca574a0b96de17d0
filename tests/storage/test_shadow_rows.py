"""Shadow answers are stored in batches, each once for its result and version."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.storage import shadow_rows as module
from app.storage.database import Database
from app.storage.identifiers import new_id
from app.storage.shadow_rows import Shadow, Shadows
from app.storage.tables import shadows as table

Cast = Callable[..., Shadow]


@pytest.fixture
def shadows(database: Database) -> Shadows:
    return Shadows(database)


@pytest.fixture
def cast() -> Cast:
    """A shadow answer; what is given replaces a part of it."""

    def cast(**parts: object) -> Shadow:
        usual: dict[str, object] = {
            "result_id": new_id(),
            "model_version": "v2.0",
            "model_sha256": "cd" * 32,
            "prediction": "0",
            "confidence": 0.625,
            "scores": {"0": 0.625, "7": 0.375},
            "certainty": 0.5625,
        }
        return Shadow(**usual | parts)

    return cast


def rows(database: Database):
    with database.reading() as connection:
        return connection.execute(select(table)).all()


def test_every_part_of_a_shadow_is_stored_with_the_time(shadows: Shadows, cast: Cast, database: Database):
    one = cast()
    shadows.add([one])
    assert shadows.of(one.result_id) == [one]
    (row,) = rows(database)
    assert timedelta(0) <= datetime.now(UTC) - row.created_at < timedelta(seconds=10)


def test_a_result_has_the_shadows_of_several_versions_in_order(shadows: Shadows, cast: Cast):
    old = cast(model_version="v1.1", prediction="7")
    new = cast(result_id=old.result_id, certainty=None)
    shadows.add([new, cast(), old])
    assert shadows.of(old.result_id) == [old, new]
    assert shadows.of(new_id()) == []


def test_what_is_added_again_is_stored_once_and_stays_what_it_was(shadows: Shadows, cast: Cast, database: Database):
    first, second, third = cast(), cast(), cast()
    shadows.add([first, second])
    again = cast(result_id=second.result_id, prediction="7")
    shadows.add([again, third, third])
    assert len(rows(database)) == 3
    assert shadows.of(second.result_id) == [second]
    assert shadows.of(third.result_id) == [third]


def test_a_batch_is_stored_whole_or_not_at_all(shadows: Shadows, cast: Cast, database: Database):
    with pytest.raises((sqlite3.IntegrityError, IntegrityError)):
        shadows.add([cast(), cast(prediction=None)])
    assert rows(database) == []


def test_an_empty_batch_asks_nothing_of_the_database():
    Shadows(database=None).add([])  # type: ignore[arg-type]  # as the name says


def test_the_largest_batch_is_one_statement_and_a_larger_one_is_refused(
    shadows: Shadows, cast: Cast, database: Database
):
    batch = [cast() for _ in range(module.MAX_BATCH)]
    with pytest.raises(ValueError, match=f"the limit is {module.MAX_BATCH:,}"):
        shadows.add([*batch, cast()])
    shadows.add(batch)
    assert len(rows(database)) == module.MAX_BATCH
