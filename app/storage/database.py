"""The one database: SQLite or PostgreSQL, by its address; every failure of it is one DatabaseUnavailable."""

from __future__ import annotations

import math
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, cast

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import QueuePool

from app.errors import ConfigurationError, cause_of
from app.storage.refusals import DatabaseUnavailable

WAIT_SECONDS = 2
"""Longest wait for a connection, a lock or a place in the pool."""
ANSWER_SECONDS = 3.0
"""Longest silence of PostgreSQL after a statement: longer than its own wait for a lock."""
SYNC = "FULL"
"""SQLite's `synchronous`: data are on the disk before a commit returns."""
_FAULTS_OF_OURS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.NotSupportedError)
_FULL_CODES = ("SQLITE_FULL", "53100")
_FULL = "The disk of the database is full: free space there. Nothing of this transaction was stored."
_LOCKED = "Another program holds the database locked: end it, or wait for it."
_FORBIDDEN = (
    "Let the service's user write to the database (a file: to its folder too), or let DATA_DIR (or DATABASE_URL) in "
    ".env name another place."
)
_UNOPENED = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY", "SQLITE_PERM")
_OTHER_TABLES = "Run `pixelwise db upgrade`."
_NO_FILE = "Run `pixelwise db upgrade`, which makes it, or let DATA_DIR (or DATABASE_URL) in .env name the right place."
_REMEDIES = {
    **dict.fromkeys(_FULL_CODES, _FULL),
    **dict.fromkeys(("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED", "55P03"), _LOCKED),
    **dict.fromkeys(("SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_DBMOVED"), _FORBIDDEN),
    **dict.fromkeys(("SQLITE_PERM", "25006", "42501"), _FORBIDDEN),
    **dict.fromkeys(("42P01", "42703"), _OTHER_TABLES),
}
"""Remedies by the code of the failure: codes of SQLite, and SQLSTATE of PostgreSQL (appendix A of its manual)."""


_BY_STATEMENT: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
"""Each statement is a transaction; there is nothing to roll back when a connection returns to the pool."""


class Database:
    """A pool of connections to the database at `address`.

    Args:
        address: DATABASE_URL: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.
        root: the folder from which a relative PATH counts.

    Raises:
        ConfigurationError: an address of another kind; its text is not shown, as it may hold a password.

    Attributes:
        name: the address without user, password and options, for messages.
        file: SQLite's file; None for PostgreSQL.
        engine: for reading, and for transactions of several statements.
        appender: for PostgreSQL, with each statement a transaction by itself.
        patient: as `engine`, but PostgreSQL may take as long as it needs.
    """

    def __init__(self, address: str, *, root: Path) -> None:
        url = _parse(address)
        self.file = (root / str(url.database)).resolve() if url.drivername == "sqlite" else None
        if self.file is not None:
            self.name = f"sqlite {self.file}"
            connect = self._connect_to_file
            self.engine = self.patient = self.appender = _engine(url, creator=connect)
            self._errors: tuple[type[Exception], ...] = (DBAPIError, sqlite3.Error)
            self._faults_of_ours: tuple[type[Exception], ...] = _FAULTS_OF_OURS
        else:
            from app.storage import postgresql  # its driver takes 10 MiB

            self._errors, self._faults_of_ours = (DBAPIError, postgresql.ERROR), postgresql.FAULTS_OF_OURS
            self.name = f"postgresql {url.host or 'localhost'}:{url.port or 5432}/{url.database}"
            self.engine = _postgresql_engine(url)
            self.appender = _postgresql_engine(url, **_BY_STATEMENT)
            self.patient = _postgresql_engine(url, patient=True)
        self._opened: tuple[int, int] | None = None
        self._writer: sqlite3.Connection | None = None
        self._writing_to_file = Lock()

    @contextmanager
    def reading(self, *, patient: bool = False) -> Iterator[Connection]:
        """A connection to read with; `patient`: for queries that may take longer than ANSWER_SECONDS.

        Raises:
            DatabaseUnavailable: the database does not answer. The next call tries it again.
        """
        with self._translated(), (self.patient if patient else self.engine).connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, patient: bool = False) -> Iterator[Connection]:
        """One transaction: on the disk once the block has ended; rolled back if the block raises.

        `patient`: for statements that may take longer than ANSWER_SECONDS.

        Raises:
            DatabaseUnavailable: the database does not answer, or takes no write. The next call tries it again.
        """
        with self._translated(), (self.patient if patient else self.engine).begin() as connection:
            yield connection

    def check_file(self) -> None:
        """Raises DatabaseUnavailable if the open SQLite file is no longer at its path: writes to it would be lost.

        If another file is there, the next call uses that one.
        """
        if self.file is None:
            return
        try:
            found = _identity(self.file)
        except OSError as error:
            remedy = "Put it back if it was moved; the service then goes on by itself."
            raise DatabaseUnavailable(self.name, said=error.strerror or "no such file", remedy=remedy) from None
        if self._opened not in (None, found):
            self._write_log_out()
            self.close()
            raise self._moved()

    def run_alone(self, statement: str, values: tuple[Any, ...]) -> None:
        """Runs one statement as its own transaction: on the disk on return, without effect if it raises.

        SQLite's driver releases the interpreter once instead of three times, and under load each release means waiting
        for the event loop; PostgreSQL takes two round trips (a liveness check, and the insert) instead of four.

        Raises:
            DatabaseUnavailable: the database does not answer, or takes no write. The next call tries it again.
        """
        with self._translated():
            if self.file is None:
                with self.appender.connect() as connection:
                    connection.exec_driver_sql(statement, values)
            else:
                self._write_to_file(statement, values)

    def close(self) -> None:
        """Closes all connections; the next use opens new ones."""
        self._opened = None
        with self._writing_to_file:
            self._let_go_of_file()
        for engine in (self.engine, self.appender, self.patient):
            engine.dispose()

    def _write_to_file(self, statement: str, values: tuple[Any, ...]) -> None:
        """Uses a kept connection: taking one from a pool costs a tenth of a lone insert.

        Threads wait for the file here, not in SQLite, which retries after ever longer pauses.
        """
        if not self._writing_to_file.acquire(timeout=WAIT_SECONDS):
            raise NoFreeConnection
        try:
            if self._writer is None:
                self._writer = self._connect_to_file()
                self._writer.isolation_level = None  # each statement is a transaction
            self._writer.execute(statement, values).close()
            is_there = self._is_open_file_there()
        except sqlite3.Error:
            self._let_go_of_file()
            raise
        finally:
            self._writing_to_file.release()
        if not is_there:
            self.check_file()
            raise self._moved()  # another thread has noticed it first

    def _is_open_file_there(self) -> bool:
        """True if the open file is the one at the path. To be called under the lock."""
        try:
            return self._opened == _identity(cast(Path, self.file))
        except OSError:
            return False

    def _moved(self) -> DatabaseUnavailable:
        remedy = "Move it only while the service is stopped. The service goes on with the file that is there now."
        return DatabaseUnavailable(self.name, said="another file than the one that was opened", remedy=remedy)

    def _let_go_of_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write_log_out(self) -> None:
        """Writes the log into the open file, wherever that is: SQLite would apply it to any file beside it."""
        with self._writing_to_file, self._translated():
            if self._writer is not None:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            elif isinstance(self.engine.pool, QueuePool) and self.engine.pool.checkedin():
                with self.engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _connect_to_file(self) -> sqlite3.Connection:
        file = cast(Path, self.file)
        if self._opened is not None and file.exists() and self._opened != _identity(file):
            raise sqlite3.OperationalError("another file than the one that was opened")
        connection = sqlite3.connect(
            f"{file.as_uri()}?mode=rw",  # a missing file is a failure, not a new and empty database
            uri=True,
            timeout=WAIT_SECONDS,
            isolation_level="IMMEDIATE",  # a writer joins the queue of writers before it reads
            check_same_thread=False,  # the pool hands a connection to one thread at a time
        )
        mode = _write_ahead(connection)  # readers never wait for a writer
        if mode != "wal":
            connection.close()
            raise sqlite3.OperationalError(f"a file system without write-ahead log (journal_mode {mode})")
        connection.execute(f"PRAGMA synchronous = {SYNC}")
        self._opened = self._opened or _identity(file)
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except NoFreeConnection:
            raise DatabaseUnavailable(self.name, said=f"every connection was busy for {WAIT_SECONDS} s") from None
        except self._errors as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            code = _code(cause)
            if isinstance(cause, self._faults_of_ours) and code not in _REMEDIES:
                raise
            told = "its disk full" if code in _FULL_CODES else "no answer"
            said, remedy = _first_line(cause), _REMEDIES.get(code)
            if self.file is not None and code in _UNOPENED:
                if why := why_unwritable(self.file):
                    found, remedy = elsewhere(why)
                    said = f"{found} ({said})"
                elif self._opened is None and not self.file.exists():
                    said, remedy = f"no such file ({said})", _NO_FILE
            raise DatabaseUnavailable(self.name, said=said, remedy=remedy, told=told) from None


def why_unwritable(file: Path) -> OSError | None:
    """Tests writing to SQLite's file, and to its log and index beside it; returns the error, or None."""
    folder = next(path for path in file.parents if path.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        if file.exists():
            os.close(os.open(file, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error
    return None


def elsewhere(error: OSError) -> tuple[str, str]:
    """The finding and the remedy if the system does not allow writing to a database."""
    found, remedy = cause_of(error)
    return found, f"{remedy} Or let DATA_DIR (or DATABASE_URL) in .env name another place."


def _parse(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise _bad_address("a text that is no address of a database") from None
    kind = url.drivername
    if kind in ("postgresql", "postgresql+psycopg"):
        # A password with an unescaped @ would leak into the host's name, which messages show.
        if "@" in f"{url.host}{url.database}":
            raise _bad_address("more than one @")
        if not url.database:
            raise _bad_address("no name of a database after the host")
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite":
        if not url.database or url.database == ":memory:" or url.database.startswith("file:") or url.query:
            raise _bad_address("no path of a file")
        return url
    raise _bad_address("an address of another kind of database")


def _bad_address(found: str) -> ConfigurationError:
    return ConfigurationError(
        "DATABASE_URL",
        found=found,
        expected="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME",
        remedy="Correct it in .env; write an @, a : or a / of a password as %40, %3A or %2F.",
    )


def _write_ahead(connection: sqlite3.Connection) -> str:
    """Requests the write-ahead log; returns the mode, "wal" where possible.

    Two connections that request it for a new file at the same time lock each other out at once, despite the timeout.
    """
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                connection.close()
                raise
            time.sleep(0.01)


def _identity(file: Path) -> tuple[int, int]:
    """The device and inode, which a move keeps."""
    status = file.stat()
    return status.st_dev, status.st_ino


def _postgresql_engine(url: URL, *, patient: bool = False, **options: Any) -> Engine:
    # pre_ping: a connection that died while idle is replaced, not handed out.
    from app.storage import postgresql

    engine = _engine(
        url, connect_args=postgresql.parameters(url, wait_seconds=WAIT_SECONDS), pool_pre_ping=True, **options
    )
    return postgresql.bound(engine, lambda: math.inf if patient else ANSWER_SECONDS)


def _engine(url: URL, **options: Any) -> Engine:
    return create_engine(
        url,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,  # drawings must not appear in messages
        **options,
    )


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def _code(error: BaseException | None) -> str:
    """SQLite's or PostgreSQL's code of the failure; SQLite has none for a missing table or column."""
    if str(error).startswith(("no such table", "no such column")):
        return "42P01"
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return str(code or "")
