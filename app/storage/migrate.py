"""Checks that the tables have this code's revision, and upgrades them to it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from app.storage.database import Database, elsewhere
from app.storage.identifiers import start_after
from app.storage.refusals import DatabaseUnavailable, WrongSchema
from app.storage.tables import metadata, newest_id

REVISION = "0003"
"""The revision that this code uses: the newest in `migrations/`."""
_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_ONE_UPGRADE = 7_905_321
"""PostgreSQL's lock for one upgrade at a time: any number that no other program uses."""


def prepare(database: Database) -> None:
    """Prepares a database that needs no set-up, and refuses one that does.

    A SQLite file that is missing or has no tables is made (mode 600); any other database must have the schema.
    Identifiers made from now on are higher than all stored ones, even if the clock was set back meanwhile.

    Raises:
        WrongSchema: the tables are not those of this code.
        DatabaseUnavailable: the database does not answer.
    """
    if database.file is not None and _is_empty(database):
        upgrade(database)
    check_schema(database)
    with database.reading() as connection:
        newest = newest_id(connection)
    if newest is not None:
        start_after(newest)


def check_schema(database: Database) -> None:
    """Raises WrongSchema unless the tables are of this code's revision."""
    with database.reading() as connection:
        found = _revision(connection)
    if found != REVISION:
        raise WrongSchema(database.name, found=found, expected=REVISION)


def upgrade(database: Database) -> None:
    """Brings the tables to this code's revision, in one transaction; creates them if there are none.

    Raises:
        WrongSchema: the database is of a revision that this code does not know.
        DatabaseUnavailable: the database does not answer.
    """
    # Takes 300 ms, and only an upgrade needs it.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationStep
    from alembic.script import ScriptDirectory

    _make_file(database)
    scripts = ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_MIGRATIONS)])
    known = {script.revision for script in scripts.walk_revisions()}
    with database.writing(patient=True) as connection:
        _lock_out_others(connection)
        found = _revision(connection)
        if found is not None and found not in known:
            raise WrongSchema(database.name, found=found, expected=REVISION)
        newer = reversed(list(scripts.iterate_revisions(REVISION, found or "base")))
        steps = [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in newer]
        environment = EnvironmentContext(Config(), scripts, fn=lambda *_: steps)
        environment.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        environment.run_migrations()


def _is_empty(database: Database) -> bool:
    if database.file is None or not database.file.exists():
        return True
    with database.reading() as connection:
        return not inspect(connection).get_table_names()


def _make_file(database: Database) -> None:
    """Makes SQLite's file, for its owner alone; its log and its index inherit the mode."""
    if database.file is None or database.file.exists():
        return
    try:
        database.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database.file.touch(mode=0o600)
    except OSError as error:
        found, remedy = elsewhere(error)
        said = f"no file, and none can be made: {found}"
        raise DatabaseUnavailable(database.name, said=said, remedy=remedy) from None


def _lock_out_others(connection: Connection) -> None:
    """Serialises upgrades: of two at once, the second one finds nothing to do."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # sqlite3 itself begins none for a change of tables
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_UPGRADE})")


def _revision(connection: Connection) -> str | None:
    """The revision of the database; None if no table was ever created."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
