"""What is done by one process at a time, or once within a time, of all that share a database: on whatever machines."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, text

from app.storage.database import Database
from app.storage.refusals import DatabaseUnavailable
from app.storage.tables import probe

CLEANING = 1000
"""The first number of claims for deleting drawings: that of N days is CLEANING + N: another N begins at once."""
REPORT = 0x7069786C
"""The number of PostgreSQL's advisory lock for making a report."""
ASK_AGAIN_SECONDS = 0.05
_CLAIM = text(
    f"INSERT INTO {probe.name} (id, written_at) VALUES (:id, :now) "
    "ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at "
    f"WHERE {probe.name}.written_at < :before OR {probe.name}.written_at > :after RETURNING id"
).bindparams(*(bindparam(name, type_=probe.c.written_at.type) for name in ("now", "before", "after")))
"""A claim from far in the future was made by a clock that was wrong then, or is now: it does not count. subtle: one a
little ahead of `now` does; it may have been made while this process waited for the row."""


def claim(database: Database, number: int, *, seconds: float) -> bool:
    """Claims what is to be done once within so many seconds; True for the one process that gets it.

    Raises:
        DatabaseUnavailable.
    """
    now, span = datetime.now(UTC), timedelta(seconds=seconds)
    with database.writing() as connection:
        claimed = connection.execute(_CLAIM, {"id": number, "now": now, "before": now - span, "after": now + span})
        return claimed.first() is not None


@contextmanager
def only_one_report(database: Database, *, seconds: float) -> Iterator[None]:
    """Within the block, no other process makes a report of this database. A process that is killed leaves no trace.

    Raises:
        DatabaseUnavailable: others make some for longer than `seconds`.
    """
    with ExitStack() as stack:
        if database.file is not None:
            # The folder is locked, not the file: SQLite has locks of its own on that.
            folder = os.open(database.file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, folder)

            def is_ours() -> bool:
                try:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                return True
        else:
            connection = stack.enter_context(database.reading(patient=True))

            def is_ours() -> bool:
                query = text("SELECT pg_try_advisory_xact_lock(:number)")  # until the end of the transaction
                return bool(connection.scalar(query, {"number": REPORT}))

        _await(is_ours, database, seconds)
        yield


def _await(is_ours: Callable[[], bool], database: Database, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_ours():
        if time.monotonic() > deadline:
            remedy = "Ask again when that one is made."
            raise DatabaseUnavailable(database.name, said=f"another report for {seconds:g} s", remedy=remedy)
        time.sleep(ASK_AGAIN_SECONDS)
