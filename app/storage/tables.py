"""The tables, as this version of the code uses them; `migrations/` creates them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    Uuid,
    select,
)


class Utc(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone: values must be written in UTC, and are read as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Converts to UTC: PostgreSQL answers in the time zone of the connection."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

results = Table(
    "results",
    metadata,
    Column("id", Uuid, primary_key=True),  # UUIDv7: newest first is descending
    Column("created_at", Utc, nullable=False),
    Column("prediction", String, nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("scores", JSON, nullable=False),  # label -> probability
    Column("model_version", String, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("latency_ms", Float(53), nullable=False),
    Column("waited_ms", Float(53)),  # of latency_ms: in the queue
    Column("computed_ms", Float(53)),  # of latency_ms: the batch's computation
    Column("source", String, nullable=False),
    Column("findings", JSON, nullable=False),  # names of the skew guard
    Column("pixels", LargeBinary),  # 784 grey values, by `drawings.pack`; none: not kept, or deleted
    Column("owner", String(32)),  # the caller that may label it: a keyed digest of a key's or a visit's name
    Column("flag", String(100)),  # choice of the version: a flag's key, its variant and the reason; null: no flag
    Column("variant", String(100)),
    Column("reason", String(100)),
    Column("asked", Boolean),  # one of the random tenth whose makers are asked what they drew
    Column("recipe", SmallInteger),  # `drawing.RECIPE` that brought it to 28x28; null: it arrived so
    Column("certainty", Float(53)),  # the calibrated confidence; null: the release measured none
)

shadows = Table(
    "shadows",
    metadata,
    Column("result_id", Uuid, primary_key=True),
    Column("model_version", String, primary_key=True),
    Column("model_sha256", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("prediction", String, nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("scores", JSON, nullable=False),  # label -> probability
    Column("certainty", Float(53)),  # as in `results`
)
"""Readings of stored drawings by versions that did not answer."""

labels = Table(
    "labels",
    metadata,
    Column("result_id", Uuid, primary_key=True),  # the last label counts, whoever gave it
    Column("label", String(8)),  # the label; null: not a digit
    Column("owner", String(32), nullable=False),  # the caller that gave it last
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)
"""Labels given by people. Asked or volunteered: `results.asked`."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("sha256", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
)

probe = Table(
    "probe",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: readiness checks; others: `turns.py`
    Column("written_at", Utc, nullable=False),
)
"""The row that a readiness check writes to, and those that say when something was last done."""


def newest_id(connection: Connection) -> UUID | None:
    """The highest identifier of a result; None where there is no result."""
    return connection.scalar(select(results.c.id).order_by(results.c.id.desc()).limit(1))
