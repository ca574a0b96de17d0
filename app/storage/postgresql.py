"""What only PostgreSQL needs: its driver, imported where a database is one, and bounds on its silence."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, cast

import psycopg
from psycopg.abc import RV, PQGen
from sqlalchemy import URL, Engine, event

ERROR = psycopg.Error
FAULTS_OF_OURS = (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError)


def parameters(url: URL, *, wait_seconds: int) -> dict[str, Any]:
    """The parameters of a connection, except those that the address gives.

    wait_seconds: longest wait for a connection or a lock.
    """
    ours = {
        "connect_timeout": wait_seconds,
        "tcp_user_timeout": wait_seconds * 1000,  # a network that drops all packets counts as a lost connection
        "keepalives_idle": 5,
        "keepalives_interval": 1,
        "options": f"-c lock_timeout={wait_seconds}s -c synchronous_commit=on",
        "application_name": "pixelwise",
    }
    return {key: value for key, value in ours.items() if key not in url.query}


def bound(engine: Engine, answer_seconds: Callable[[], float]) -> Engine:
    """The engine, whose connections give up on a server that is silent for so long after a statement."""

    @event.listens_for(engine, "do_connect")
    def connect_bounded(dialect: object, record: object, args: Any, parameters: Any) -> _Connection:
        connection = _Connection.connect(*args, **parameters)
        connection.answer_seconds = answer_seconds()
        return connection

    return engine


class _Connection(psycopg.Connection[Any]):
    """Gives up on a server that is silent for `answer_seconds` after a statement: no thread waits for ever."""

    answer_seconds: float = math.inf

    def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:
        """Waits for any statement. A connection that is given up is closed, as its answer may still come."""
        try:
            return super().wait(_until(gen, self.answer_seconds), *args, **options)
        except _NoAnswer:
            self.close()
            raise


class _NoAnswer(psycopg.OperationalError):
    """A server that took a statement and is silent."""


def _until(gen: PQGen[RV], seconds: float) -> PQGen[RV]:
    """`gen`, resumed every tenth of a second until it ends or `seconds` are over."""
    end = time.monotonic() + seconds
    ready = None
    while True:
        try:
            wanted = gen.send(ready)  # type: ignore[arg-type]  # None starts it
        except StopIteration as done:
            return cast(RV, done.value)
        ready = yield wanted
        if not ready and time.monotonic() > end:
            raise _NoAnswer(f"no answer within {seconds:g} s")
