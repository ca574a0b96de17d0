"""A batch is stored whole or not at all, each result once, and read newest first."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from app.storage import result_rows as module
from app.storage.database import Database
from app.storage.drawing_bytes import unpack
from app.storage.identifiers import lowest_id, new_id, time_of
from app.storage.refusals import WrongSchema
from app.storage.result_rows import Result, Store
from app.storage.tables import metadata, probe, results
from tests.storage.conftest import Make


def count(store: Store) -> int:
    with store.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(results)) or 0


def row(store: Store, result: Result):
    with store.database.reading() as connection:
        return connection.execute(select(results).where(results.c.id == result.id)).one()


def test_every_part_of_a_result_is_stored_under_its_name(store: Store, make: Make):
    """Each number and each text is another one, so that no two of them can be swapped."""
    numbers = {"latency_ms": 9.5, "waited_ms": 2.25, "computed_ms": 4.75, "certainty": 0.625, "recipe": 2}
    texts = {"source": "page", "owner": "0" * 32, "flag": "model-version", "variant": "v2.0", "reason": "SPLIT"}
    result = make(asked=True, **numbers, **texts)
    store.add([result])
    stored = row(store, result)
    decoded = {"findings", "pixels"}
    for name in set(Result.__struct_fields__) - decoded:
        assert getattr(stored, name) == getattr(result, name), name
    assert set(results.columns.keys()) == {*Result.__struct_fields__, "created_at"}
    assert stored.findings == ["off-centre"]
    assert unpack(stored.pixels) == result.pixels
    assert stored.created_at == time_of(result.id)
    assert stored.created_at.tzinfo is UTC


def test_a_result_without_a_drawing_or_findings_is_stored(store: Store, make: Make):
    result = make(pixels=None, findings=())
    store.add([result])
    assert row(store, result).pixels is None
    assert (row(store, result).recipe, row(store, result).certainty) == (None, None)
    assert row(store, result).findings == []


def test_a_batch_is_there_when_add_returns(store: Store, make: Make):
    batch = [make() for _ in range(50)]
    store.add(batch)
    assert [summary.id for summary in store.latest(100)] == [result.id for result in reversed(batch)]


def test_a_batch_is_stored_whole_or_not_at_all(store: Store, make: Make):
    first = make()
    store.add([first])
    with pytest.raises((sqlite3.IntegrityError, IntegrityError)):
        store.add([make(), first, make()])
    assert count(store) == 1


def test_a_fault_names_no_drawing(store: Store, make: Make):
    result = make(prediction="secret")
    store.add([result])
    with pytest.raises((sqlite3.IntegrityError, IntegrityError)) as caught:
        store.add([result])
    assert "secret" not in str(caught.value)


def test_an_empty_batch_asks_nothing_of_the_database():
    Store(database=None).add([])  # type: ignore[arg-type]  # as the name says


def test_threads_store_each_result_once(store: Store, make: Make):
    batches = [[make() for _ in range(20)] for _ in range(24)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.add, batches))
    assert count(store) == 24 * 20


def test_one_reads_while_another_writes(store: Store, make: Make):
    """An open transaction of a writer holds up no reader, and shows it nothing."""
    store.add([make()])
    with store.database.writing() as connection:
        connection.execute(results.delete())
        with ThreadPoolExecutor(1) as pool:
            assert len(pool.submit(store.latest, 10).result(timeout=10)) == 1
    assert count(store) == 0


def test_a_reader_sees_whole_batches_only(store: Store, make: Make):
    done = threading.Event()

    def write() -> None:
        for _ in range(40):
            store.add([make() for _ in range(25)])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(count(store))
    writer.join()
    assert all(found % 25 == 0 for found in seen)
    assert count(store) == 1000


def test_the_list_is_newest_first_and_goes_on_before_a_result(store: Store, make: Make):
    batch = [make(prediction=str(number)) for number in range(10)]
    store.add(batch[5:])
    store.add(batch[:5])
    assert [one.prediction for one in store.latest(3)] == ["9", "8", "7"]
    assert [one.prediction for one in store.latest(3, before=batch[7].id)] == ["6", "5", "4"]
    assert store.latest(3, before=batch[0].id) == []
    (newest,) = store.latest(1)
    assert newest.id == batch[9].id
    assert (newest.confidence, newest.model_version) == (0.75, "v1.0")
    assert newest.created_at == time_of(newest.id)
    assert newest.created_at.tzinfo is UTC


def test_old_drawings_are_deleted_and_their_answers_kept(store: Store, make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "DELETED_AT_ONCE", 3)
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    old = [make(id=lowest_id(noon - timedelta(milliseconds=step))) for step in range(1, 9)]
    kept = [make(id=lowest_id(noon)), make()]
    store.add([*old, *kept, make(id=lowest_id(noon - timedelta(days=1)), pixels=None)])
    assert store.delete_drawings(older_than=noon) == 8
    assert all(row(store, result).pixels is None for result in old)
    assert all(unpack(row(store, result).pixels) == result.pixels for result in kept)
    assert count(store) == 11
    assert store.delete_drawings(older_than=noon) == 0


def test_a_check_writes(store: Store):
    started = datetime.now(UTC)
    store.check()
    store.check()
    with store.database.reading() as connection:
        (written,) = connection.execute(select(probe.c.written_at)).scalars().all()
    assert started <= written <= datetime.now(UTC)


def test_any_number_of_checks_may_run_at_once(store: Store):
    for _ in range(5):
        with store.database.writing() as connection:
            connection.execute(delete(probe))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: store.check(), range(8)))


def test_a_check_sees_that_tables_are_gone(store: Store, database: Database):
    with database.writing() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    with pytest.raises(WrongSchema, match="no tables of ours"):
        store.check()


def test_the_largest_batch_is_stored_whole_and_a_larger_one_not_at_all(store: Store, make: Make):
    batch = [make(pixels=None if place % 3 else bytes([place % 256]) * 784) for place in range(module.MAX_BATCH)]
    with pytest.raises(ValueError, match=f"the limit is {module.MAX_BATCH:,}"):
        store.add([*batch, make()])
    assert count(store) == 0
    store.add(batch)
    assert count(store) == module.MAX_BATCH
    stored = [row(store, result).pixels for result in batch[:6]]
    assert [pixels and unpack(pixels) for pixels in stored] == [result.pixels for result in batch[:6]]


def test_a_batch_without_any_drawing_is_stored(store: Store, make: Make):
    result = make(pixels=None)
    store.add([result])
    assert row(store, result).pixels is None


def test_identifiers_sort_in_the_database_as_in_python(store: Store, make: Make):
    """One has 32 hex digits in text, the other 16 bytes."""
    batch = [make(id=new_id()) for _ in range(300)]
    store.add(batch[::-1])
    assert [one.id for one in store.latest(300)] == sorted((result.id for result in batch), reverse=True)
