"""Whatever goes wrong with a database is one error, without its password; afterwards it is used again."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, select

from app.errors import ConfigurationError
from app.storage import database as module
from app.storage.database import Database
from app.storage.drawing_bytes import unpack
from app.storage.migrate import prepare, upgrade
from app.storage.refusals import DatabaseUnavailable
from app.storage.result_rows import Store
from app.storage.tables import results
from tests.postgresql import Server
from tests.storage.conftest import Make

SECRET = "hunter2"


@pytest.fixture
def running(postgresql: Server) -> Iterator[Server]:
    """The server, started again when a test leaves it stopped."""
    yield postgresql
    if not postgresql.runs():
        postgresql.start()


@pytest.fixture
def on_server(running: Server, tmp_path: Path) -> Iterator[Database]:
    """The server's own first database, with our tables: it outlives the tests, as the server does."""
    database = Database(running.address("postgres"), root=tmp_path)
    upgrade(database)
    yield database
    database.close()


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "",
        "pixelwise.db",
        f"mysql://u:{SECRET}@host/name",
        f"postgres://u:{SECRET}@host/name",
        f"postgresql+asyncpg://u:{SECRET}@host/name",
        f"postgresql://u:{SECRET}@host",
        f"postgresql://u:{SECRET}@{SECRET}@host/name",
        f"postgresql://u:{SECRET}/x@{SECRET}@host/name",
        f"postgresql://u:x@{SECRET}/@host/name",
        f"postgresql://u:{SECRET}@host:port/name",
        f"{SECRET}://u:{SECRET}@host",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:a.db?uri=true",
        "sqlite:///a.db?mode=ro",
        "sqlite://a.db",
    ],
)
def test_an_address_of_another_kind_is_refused_without_its_password(address: str, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        Database(address, root=tmp_path)
    assert SECRET not in str(caught.value)
    assert "sqlite:///PATH or postgresql://" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_relative_path_counts_from_the_root_and_an_absolute_one_from_nowhere(tmp_path: Path):
    assert Database("sqlite:///data/a.db", root=tmp_path).file == tmp_path / "data/a.db"
    assert Database(f"sqlite:///{tmp_path}/b.db", root=Path("/elsewhere")).file == tmp_path / "b.db"


@pytest.mark.parametrize("name", ["a b.db", "a#b.db", "a?b.db", "ä%20.db"])
def test_a_file_may_have_any_name(name: str, tmp_path: Path, make: Make):
    database = Database(f"sqlite:///{name.replace('%', '%25').replace('?', '%3F')}", root=tmp_path)
    prepare(database)
    Store(database).add([make()])
    database.close()
    assert database.file is not None
    assert database.file.exists()


def test_no_message_shows_the_password(tmp_path: Path):
    """Nothing listens on port 1."""
    database = Database(f"postgresql://me:{SECRET}@127.0.0.1:1/pixelwise", root=tmp_path)
    with pytest.raises(DatabaseUnavailable) as caught:
        Store(database).latest(1)
    assert "postgresql 127.0.0.1:1/pixelwise" in str(caught.value)
    assert SECRET not in f"{caught.value}{database.name}{database.engine!r}"
    assert caught.value.exit_code == 6


# -- SQLite ------------------------------------------------------------------------------------------------------------


def test_each_connection_to_sqlite_syncs_each_commit_and_lets_readers_read(sqlite: Database, make: Make):
    Store(sqlite).add([make()])
    assert sqlite._writer is not None
    with sqlite.engine.connect() as first, sqlite.engine.connect() as second:
        for execute in (first.exec_driver_sql, second.exec_driver_sql, sqlite._writer.execute):
            for name, value in (
                ("synchronous", 2),
                ("journal_mode", "wal"),
                ("busy_timeout", 1000 * module.WAIT_SECONDS),
            ):
                assert execute(f"PRAGMA {name}").fetchone() == (value,)


def test_sqlite_s_files_are_for_their_owner_alone(sqlite: Database, make: Make):
    Store(sqlite).add([make()])
    assert sqlite.file is not None
    files = list(sqlite.file.parent.glob(f"{sqlite.file.name}*"))
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_full_disk_is_named_and_stores_nothing_of_the_batch(sqlite: Database, make: Make):
    store = Store(sqlite)
    store.add([make()])
    assert sqlite._writer is not None
    (pages,) = sqlite._writer.execute("PRAGMA page_count").fetchone()
    sqlite._writer.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(DatabaseUnavailable, match="disk of the database is full"):
        store.add([make() for _ in range(500)])
    assert len(store.latest(1000)) == 1
    store.add([make() for _ in range(500)])  # on another connection, which has room
    assert len(store.latest(1000)) == 501


def test_a_file_that_another_program_locks_is_waited_for_and_then_refused(
    sqlite: Database, make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    sqlite.close()
    store = Store(sqlite)
    assert sqlite.file is not None
    other = sqlite3.connect(sqlite.file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DatabaseUnavailable, match="Another program holds the database locked"):
        store.add([make()])
    other.execute("ROLLBACK")
    other.close()
    store.add([make()])
    assert len(store.latest(10)) == 1


def test_a_file_that_is_gone_is_no_new_and_empty_database(sqlite: Database):
    sqlite.close()
    assert sqlite.file is not None
    sqlite.file.unlink()
    with pytest.raises(DatabaseUnavailable, match="unable to open database file"):
        Store(sqlite).latest(1)
    assert not sqlite.file.exists()


def test_a_check_sees_that_the_file_is_gone_while_it_is_open(sqlite: Database, make: Make):
    store = Store(sqlite)
    store.add([make()])
    assert sqlite.file is not None
    sqlite.file.unlink()
    with pytest.raises(DatabaseUnavailable, match="Put it back"):
        store.check()


def test_another_file_in_its_place_is_said_once_and_then_used(sqlite: Database, tmp_path: Path, make: Make):
    store, lost, kept = Store(sqlite), make(), make()
    store.add([make()])
    other = Database("sqlite:///other.db", root=tmp_path)
    prepare(other)
    other.close()
    assert sqlite.file is not None
    sqlite.file.rename(tmp_path / "moved.db")
    (tmp_path / "other.db").rename(sqlite.file)
    with pytest.raises(DatabaseUnavailable, match="another file than the one that was opened"):
        store.add([lost])
    store.check()
    store.add([kept])
    assert [one.id for one in store.latest(10)] == [kept.id]
    moved = Database("sqlite:///moved.db", root=tmp_path)
    assert len(Store(moved).latest(10)) == 2, "what was stored before is whole in the file that was moved"
    moved.close()


def test_what_was_written_into_a_moved_file_is_not_said_to_be_stored_whoever_meets_it_first(
    sqlite: Database, tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
):
    store = Store(sqlite)
    store.add([make()])
    assert sqlite.file is not None
    shutil.copy(sqlite.file, tmp_path / "other.db")
    is_there = sqlite._is_open_file_there

    def another_thread_is_first() -> bool:
        (tmp_path / "other.db").replace(sqlite.file)  # type: ignore[arg-type]  # a file, as was asserted
        sqlite._opened = None
        return is_there()

    monkeypatch.setattr(sqlite, "_is_open_file_there", another_thread_is_first)
    with pytest.raises(DatabaseUnavailable, match="another file than the one that was opened"):
        store.add([make()])


def test_a_file_that_is_put_back_is_used_again(sqlite: Database, tmp_path: Path, make: Make):
    store, kept = Store(sqlite), make()
    store.add([kept])
    assert sqlite.file is not None
    sqlite.file.rename(tmp_path / "moved.db")
    with pytest.raises(DatabaseUnavailable):
        store.add([make()])
    (tmp_path / "moved.db").rename(sqlite.file)
    store.check()
    assert kept.id in [one.id for one in store.latest(10)]


def test_a_file_of_another_kind_is_unavailable(tmp_path: Path):
    (tmp_path / "a.db").write_bytes(b"no database, but longer than a header of one" * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        prepare(Database("sqlite:///a.db", root=tmp_path))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DatabaseUnavailable, match="none can be made"):
        prepare(Database("sqlite:///data/a.db", root=tmp_path))


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def test_a_server_that_ends_is_unavailable_and_used_again_when_it_is_back(
    on_server: Database, running: Server, make: Make
):
    store = Store(on_server)
    before, lost, after = make(), make(), make()
    store.add([before])
    running.stop()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match=f"postgresql 127.0.0.1:{running.port}/postgres"):
            store.add([lost])
        with pytest.raises(DatabaseUnavailable):
            store.check()
    running.start()
    store.add([after])
    store.check()
    assert [one.id for one in store.latest(2)] == [after.id, before.id]


def test_a_server_that_was_killed_has_every_batch_that_was_stored(on_server: Database, running: Server, make: Make):
    store = Store(on_server)
    batch = [make() for _ in range(50)]
    store.add(batch)
    running.kill()
    running.start()
    assert [one.id for one in store.latest(50)] == [result.id for result in reversed(batch)]


def test_a_connection_that_is_ended_before_its_batch_is_stored_stores_nothing_and_is_replaced(
    on_server: Database, running: Server, make: Make
):
    store = Store(on_server)
    lost, kept = make(), make()
    event.listen(on_server.appender, "checkout", lambda *_: _end_connections(running), once=True)
    with pytest.raises(DatabaseUnavailable):
        store.add([lost])
    store.add([kept])
    with on_server.reading() as connection:
        found = connection.scalars(select(results.c.id).where(results.c.id.in_([lost.id, kept.id]))).all()
    assert found == [kept.id]


def test_a_server_that_restarts_between_two_batches_is_not_noticed(on_server: Database, running: Server, make: Make):
    store = Store(on_server)
    store.add([make()])
    running.stop()
    running.start()
    store.add([make()])


def test_a_table_that_is_locked_is_waited_for_and_then_refused(on_server: Database, running: Server, make: Make):
    with on_server.writing() as connection:
        connection.exec_driver_sql("LOCK TABLE results")
        with pytest.raises(DatabaseUnavailable, match="Another program holds the database locked"):
            Store(on_server).add([make()])


def test_a_silent_server_is_given_up_and_its_connection_replaced(
    on_server: Database, make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    on_server.close()
    with pytest.raises(DatabaseUnavailable, match=r"no answer within 0\.2 s"), on_server.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(30)")
    with pytest.raises(DatabaseUnavailable, match=r"no answer within 0\.2 s"):
        on_server.run_alone("SELECT pg_sleep(%s)", (30,))
    Store(on_server).check()
    Store(on_server).add([make()])


def test_what_may_take_long_is_waited_for(on_server: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    on_server.close()
    with on_server.reading(patient=True) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(0.6)")


def test_a_user_who_may_not_write_is_told_so(on_server: Database, running: Server, make: Make, tmp_path: Path):
    running.execute("CREATE ROLE visitor LOGIN; GRANT SELECT ON results TO visitor")
    visitor = Database(running.address("postgres").replace("postgres:", "visitor:", 1), root=tmp_path)
    with pytest.raises(DatabaseUnavailable, match="Let the service's user write"):
        Store(visitor).add([make()])
    visitor.close()
    running.execute("DROP OWNED BY visitor; DROP ROLE visitor")


def test_a_server_writes_each_commit_to_its_disk(on_server: Database, running: Server):
    running.execute("ALTER ROLE postgres SET synchronous_commit = off")
    on_server.close()
    with on_server.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    running.execute("ALTER ROLE postgres RESET synchronous_commit")


# -- both --------------------------------------------------------------------------------------------------------------


def test_a_file_that_was_never_made_is_made_by_the_command_that_its_refusal_names(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/new/answers.db", root=tmp_path)
    with (
        pytest.raises(DatabaseUnavailable, match=r"no such file \(unable.*\); .*Run `pixelwise db upgrade`"),
        database.reading(),
    ):
        pass


def test_tables_that_are_gone_are_named_with_their_remedy(database: Database, make: Make):
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE results")
    with pytest.raises(DatabaseUnavailable, match="pixelwise db upgrade"):
        Store(database).add([make()])


def test_drawings_are_bytes_on_both(database: Database, make: Make):
    result = make()
    Store(database).add([result])
    with database.reading() as connection:
        (pixels,) = connection.scalars(select(results.c.pixels))
    assert type(pixels) is bytes
    assert unpack(pixels) == result.pixels


def _end_connections(server: Server) -> None:
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pixelwise'")
