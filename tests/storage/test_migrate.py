"""The migrations make the tables that the code speaks to; any others are refused."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.ddl.impl import DefaultImpl
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import structs
from sqlalchemy import column, insert, inspect, select, table

from app.storage import identifiers
from app.storage import migrate as schema
from app.storage.database import Database
from app.storage.identifiers import lowest_id, new_id
from app.storage.migrate import REVISION, check_schema, prepare, upgrade
from app.storage.refusals import DatabaseUnavailable, WrongSchema
from app.storage.result_rows import Store
from app.storage.tables import metadata, results
from tests.storage.conftest import Make


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def set_revision(database: Database, revision: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_the_revision_in_the_code_is_the_newest_migration():
    folder = str(schema._MIGRATIONS)
    assert ScriptDirectory(folder, version_locations=[folder]).get_current_head() == REVISION


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database):
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert tables(database) == {*metadata.tables, "alembic_version"}


def test_an_upgrade_may_be_run_again_and_keeps_what_is_stored(database: Database, make: Make):
    Store(database).add([make()])
    upgrade(database)
    assert len(Store(database).latest(10)) == 1


def test_of_two_upgrades_at_once_one_finds_nothing_to_do(empty: Database):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(upgrade, [empty, empty]))
    check_schema(empty)


def test_an_upgrade_that_fails_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch):
    original = DefaultImpl.create_table

    def second_fails(self: object, table: object, **options: object) -> None:
        if getattr(table, "name", "") == "probe":
            raise KeyboardInterrupt
        original(self, table, **options)

    monkeypatch.setattr(DefaultImpl, "create_table", second_fails)
    with pytest.raises(KeyboardInterrupt):
        upgrade(empty)
    assert tables(empty) == set()


def test_what_was_stored_before_recipes_had_versions_is_of_the_first_one(
    empty: Database, make: Make, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as before:
        before.setattr(schema, "REVISION", "0002")
        upgrade(empty)
    old = {name: value for name, value in structs.asdict(make()).items() if name not in ("recipe", "certainty")}
    old |= {"created_at": datetime.now(UTC), "pixels": None}
    names = [column for column in results.c if column.name in old]
    with empty.writing() as connection:
        connection.execute(insert(table("results", *(column(one.name, one.type) for one in names))).values(old))
    with pytest.raises(WrongSchema, match=r": tables of revision 0002; expected revision 0003.*pixelwise db upgrade"):
        prepare(empty)
    upgrade(empty)
    prepare(empty)
    Store(empty).add([make(), make(recipe=2, certainty=0.5)])
    with empty.reading() as connection:
        rows = connection.execute(select(results.c.recipe, results.c.certainty).order_by(results.c.id)).all()
    assert rows == [(1, None), (None, None), (2, 0.5)]


def test_sqlite_needs_no_set_up(tmp_path: Path):
    database = Database("sqlite:///deep/data/a.db", root=tmp_path)
    prepare(database)
    prepare(database)
    Store(database).check()
    database.close()


def test_a_file_without_tables_is_one_that_was_begun_and_is_finished(tmp_path: Path):
    (tmp_path / "a.db").touch()
    database = Database("sqlite:///a.db", root=tmp_path)
    prepare(database)
    Store(database).check()
    database.close()


def test_an_old_schema_is_refused_and_named(database: Database):
    set_revision(database, "0000")
    with pytest.raises(WrongSchema, match=r": tables of revision 0000; expected revision .*pixelwise db upgrade"):
        prepare(database)
    with pytest.raises(WrongSchema):
        Store(database).check()


def test_a_schema_of_newer_code_is_not_upgraded(database: Database):
    set_revision(database, "9999")
    with pytest.raises(WrongSchema, match="go back to the code that made it"):
        upgrade(database)


def test_a_server_without_tables_is_refused(postgresql, tmp_path: Path):
    postgresql.execute("CREATE DATABASE without_tables")
    database = Database(postgresql.address("without_tables"), root=tmp_path)
    with pytest.raises(WrongSchema, match=": no tables of ours"):
        prepare(database)
    database.close()
    postgresql.execute("DROP DATABASE without_tables")


def test_a_database_that_is_not_there_is_unavailable(postgresql, tmp_path: Path):
    database = Database(postgresql.address("nowhere"), root=tmp_path)
    with pytest.raises(DatabaseUnavailable, match="nowhere"):
        prepare(database)


def test_a_start_does_not_load_the_tools_of_an_upgrade(sqlite: Database):
    """They take a third of a second."""
    program = (
        "import sys; from pathlib import Path; from app.storage.database import Database; "
        "from app.storage.migrate import prepare; from app.storage.result_rows import Store; "
        f"prepare(Database('sqlite:///{sqlite.file}', root=Path())); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_identifiers_go_on_above_what_is_stored_also_with_a_clock_set_back(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(identifiers, "_last", 0)
    newest = lowest_id(datetime.now(UTC) + timedelta(hours=1))
    Store(database).add([make(id=newest)])
    assert new_id() < newest
    prepare(database)
    made = new_id(), new_id()
    assert newest < made[0] < made[1]
