"""The last word about what was drawn counts, whoever said it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.storage.database import Database
from app.storage.identifiers import new_id
from app.storage.label_rows import DIGITS, Labels, Subject
from app.storage.refusals import DatabaseUnavailable
from app.storage.result_rows import Result, Store
from app.storage.tables import labels as table
from tests.storage.conftest import Make

OWNER, OTHER = "0f" * 16, "a0" * 16


@pytest.fixture
def labels(database: Database) -> Labels:
    return Labels(database)


@pytest.fixture
def result(store: Store, make: Make) -> Result:
    """A stored answer."""
    made = make(owner=OWNER)
    store.add([made])
    return made


def rows(database: Database):
    with database.reading() as connection:
        return connection.execute(select(table)).all()


@pytest.mark.parametrize("label", [*DIGITS, None])
def test_a_digit_or_that_it_is_none_is_kept(labels: Labels, result: Result, label: str | None):
    labels.say(result.id, label, OWNER)
    assert labels.of([result.id, new_id()]) == {result.id: label}


def test_of_whom_nothing_was_said_is_not_there(labels: Labels, result: Result):
    assert labels.of([result.id]) == {}
    assert labels.of([]) == {}


def test_the_last_word_counts_and_the_time_of_the_first_is_kept(labels: Labels, result: Result, database: Database):
    started = datetime.now(UTC)
    labels.say(result.id, "1", OWNER)
    (first,) = rows(database)
    assert first.created_at == first.updated_at
    assert timedelta(0) <= first.created_at - started < timedelta(seconds=10)
    labels.say(result.id, None, OWNER)
    labels.say(result.id, "7", OTHER)
    (last,) = rows(database)
    assert (last.result_id, last.label, last.owner) == (result.id, "7", OTHER)
    assert last.created_at == first.created_at
    assert last.updated_at > first.updated_at
    assert last.updated_at.tzinfo is UTC


def test_the_times_of_labels_can_be_compared_with_others(labels: Labels, result: Result, database: Database):
    """SQLite compares them as texts."""
    before = datetime.now(UTC)
    labels.say(result.id, "1", OWNER)
    within = table.c.created_at.between(before, datetime.now(UTC))
    with database.reading() as connection:
        assert connection.execute(select(table).where(within)).all() == rows(database)


def test_what_many_say_at_once_is_one_label(labels: Labels, result: Result, database: Database):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: labels.say(result.id, str(number % 10), OWNER), range(40)))
    assert len(rows(database)) == 1


def test_what_was_said_can_be_taken_back_and_said_again(labels: Labels, result: Result, store: Store, make: Make):
    other = make()
    store.add([other])
    labels.say(result.id, "7", OWNER)
    labels.say(other.id, "3", OWNER)
    for _ in range(2):
        labels.withdraw(result.id)
        assert labels.of([result.id, other.id]) == {other.id: "3"}
    labels.say(result.id, "1", OWNER)
    assert labels.of([result.id]) == {result.id: "1"}


@pytest.mark.parametrize("label", ["", "10", "x", "not-a-digit", "٣", 7])
def test_what_is_no_label_is_not_stored(labels: Labels, result: Result, database: Database, label):
    with pytest.raises(ValueError, match="no digit"):
        labels.say(result.id, label, OWNER)
    assert rows(database) == []


def test_a_subject_says_what_was_answered_and_to_whom(labels: Labels, result: Result, store: Store, make: Make):
    before_owners = make(owner=None, prediction="3")
    store.add([before_owners])
    assert labels.subject(result.id) == Subject("7", OWNER)
    assert labels.subject(before_owners.id) == Subject("3", None)
    assert labels.subject(new_id()) is None


def test_a_drawing_is_deleted_in_its_time_also_when_it_has_a_label(labels: Labels, result: Result, store: Store):
    """What people were promised does not depend on what they say."""
    labels.say(result.id, "7", OWNER)
    assert store.delete_drawings(datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert labels.of([result.id]) == {result.id: "7"}


def test_a_label_is_not_written_into_a_file_that_was_moved_away(sqlite: Database, make: Make):
    assert sqlite.file is not None
    result, labels = make(), Labels(sqlite)
    Store(sqlite).add([result])
    sqlite.file.rename(sqlite.file.with_name("moved.db"))
    with pytest.raises(DatabaseUnavailable):
        labels.say(result.id, "7", OWNER)
