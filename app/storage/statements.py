"""Statements of many rows, as the drivers take them: a text and its values, for `Database.run_alone`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Dialect, Table

MAX_VALUES = 32_766
"""Most values of one statement in SQLite; PostgreSQL takes more."""
_json = msgspec.json.Encoder().encode


def most_rows(table: Table) -> int:
    """The most rows of all columns one statement can insert."""
    return MAX_VALUES // len(table.columns)


def in_order(table: Table) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """A function from a row, by all its column names, to its values in their order."""
    return itemgetter(*table.columns.keys())


@lru_cache(maxsize=64)
def insert_rows(table: Table, count: int, dialect: Dialect, ending: str = "") -> str:
    """INSERT for `count` rows, each with all columns of `table` in their order; `ending` may say ON CONFLICT ...."""
    if dialect.name == "sqlite":
        one = ["?"] * len(table.columns)
    else:
        one = [f"%s::{column.type.compile(dialect)}" for column in table.columns]
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join(one)})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * count)} {ending}".rstrip()


def flat_values(rows: Iterable[Sequence[object]], dialect: Dialect) -> tuple[Any, ...]:
    """The values of all rows, one after the other, as the driver takes them.

    Identifiers are UUIDs, moments datetimes in UTC, dictionaries become JSON; all else is passed on.
    """
    is_sqlite = dialect.name == "sqlite"
    return tuple(_value(value, is_sqlite=is_sqlite) for row in rows for value in row)


def _value(value: object, *, is_sqlite: bool) -> object:
    if isinstance(value, dict):
        return _json(value).decode()
    if is_sqlite and isinstance(value, UUID):
        return value.hex
    if is_sqlite and isinstance(value, datetime):  # SQLite has no time zones: UTC, as `tables.Utc` reads it
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return value
