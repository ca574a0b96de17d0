"""The watch of the database goes on whatever it meets, and what it learns counts for all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.answering import database_watch as module
from app.answering.database_watch import PLACES, DatabaseWatch
from app.answering.refusals import Overloaded
from app.storage.database import Database
from app.storage.key_rows import Keys
from app.storage.migrate import prepare
from app.storage.refusals import DatabaseUnavailable
from app.storage.result_rows import Store


class NoAccess:
    """Notes when keys are handed over."""

    def __init__(self) -> None:
        self.replaced = 0

    def replace_named_keys(self, digests: object) -> None:
        self.replaced += 1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    database = Database("sqlite:///a.db", root=tmp_path)
    prepare(database)
    return Store(database)


@pytest.fixture
def access() -> NoAccess:
    return NoAccess()


@pytest.fixture
def watch(store: Store, access: NoAccess, monkeypatch: pytest.MonkeyPatch) -> DatabaseWatch:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    return DatabaseWatch(store, Keys(store.database), access.replace_named_keys, drawing_days=0)


def run_until(watch: DatabaseWatch, happened: Callable[[], object]) -> None:
    async def whole() -> None:
        running = asyncio.create_task(watch.run())
        async with asyncio.timeout(10):
            while not happened():
                assert not running.done(), "the watch has ended"
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(whole())


def test_it_goes_on_after_what_nobody_expected(
    watch: DatabaseWatch, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    check, met = store.check, []

    def check_badly() -> None:
        met.append(1)
        if len(met) < 3:
            raise LookupError("nobody expected this")
        check()

    monkeypatch.setattr(store, "check", check_badly)
    watch.failed(DatabaseUnavailable("a", said="b"))
    run_until(watch, lambda: watch.is_up)
    assert "nobody expected this" in caplog.text


def test_it_notices_that_another_file_is_in_place_and_goes_on_with_it(
    watch: DatabaseWatch, store: Store, access: NoAccess, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def replaced() -> bool:
        if access.replaced == 1 and not (tmp_path / "moved.db").exists():
            other = Database("sqlite:///b.db", root=tmp_path)
            prepare(other)
            other.close()
            (tmp_path / "a.db").rename(tmp_path / "moved.db")
            (tmp_path / "b.db").rename(tmp_path / "a.db")
        return "the database is back" in caplog.text

    run_until(watch, replaced)
    assert "another file than the one that was opened" in caplog.text
    assert watch.is_up


def test_a_failure_that_is_met_by_asking_counts_for_all(watch: DatabaseWatch, store: Store):
    assert store.database.file is not None
    store.database.file.unlink()
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(watch.check())
    with pytest.raises(DatabaseUnavailable):
        watch.require()


def test_tables_that_are_gone_are_a_database_that_is_down(watch: DatabaseWatch, store: Store):
    with store.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    with pytest.raises(DatabaseUnavailable, match="no tables of ours"):
        asyncio.run(watch.check())
    assert not watch.is_up


def test_nobody_waits_for_a_database_that_is_silent(watch: DatabaseWatch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ASK_SECONDS", 0.05)
    may_answer = threading.Event()

    async def ask() -> Any:
        return await watch.ask(lambda: may_answer.wait(20))

    with pytest.raises(DatabaseUnavailable, match="no answer in"):
        asyncio.run(ask())
    may_answer.set()
    assert not watch.is_up


def test_old_drawings_are_deleted_by_one_of_all_processes_and_again_after_another_number_of_days(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    deletions: list[datetime] = []
    monkeypatch.setattr(store, "delete_drawings", lambda older_than: deletions.append(older_than) or 0)
    for days, times in ((7, 1), (7, 1), (8, 2)):
        access = NoAccess()
        run_until(
            DatabaseWatch(store, Keys(store.database), access.replace_named_keys, drawing_days=days),
            lambda known=access, times=times: known.replaced and len(deletions) >= times,
        )
        assert len(deletions) == times


def test_questions_of_one_caller_leave_places_for_others(watch: DatabaseWatch):
    may_answer = threading.Event()

    async def ask() -> None:
        many = [asyncio.ensure_future(watch.ask(lambda: may_answer.wait(20), of="many")) for _ in range(PLACES)]
        other = asyncio.ensure_future(watch.ask(lambda: True, of="one"))
        await asyncio.sleep(0)
        may_answer.set()
        assert await other
        said = await asyncio.gather(*many, return_exceptions=True)
        assert sum(isinstance(one, Overloaded) for one in said) == PLACES - PLACES // 4
        assert watch.is_up, "who asks too much says nothing about the database"

    asyncio.run(ask())
