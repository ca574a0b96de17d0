"""Answers that were given: stored in batches, read newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, null, select, text, update

from app.storage.database import Database
from app.storage.drawing_bytes import pack
from app.storage.identifiers import lowest_id
from app.storage.migrate import check_schema
from app.storage.statements import in_order, insert_rows, most_rows
from app.storage.tables import probe, results

AnswerSource: TypeAlias = Literal["api", "page", "protocol"]
DELETED_AT_ONCE = 200
"""Drawings deleted in one transaction: the writers behind it wait for a few milliseconds."""
MAX_BATCH = most_rows(results)
_WRITE_PROBE = text(
    f"INSERT INTO {probe.name} (id, written_at) VALUES (1, :now) "
    "ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at"
).bindparams(bindparam("now", type_=probe.c.written_at.type))
"""One statement, so that any number of checks may run at once."""
_json = msgspec.json.Encoder().encode


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, and the drawing it was given to.

    Attributes:
        id: from `new_id`, which also contains the time it was made.
        confidence: the score of `prediction`, in [0, 1].
        scores: label -> probability.
        model_sha256: of the artefact, as hex digits.
        latency_ms: from the request's headers to the beginning of its batch's commit, in milliseconds; an explanation
            that was asked for with it is a part of that.
        findings: names of the skew guard.
        pixels: 784 grey values, row by row, 0 paper to 255 ink; None where drawings are not kept.
        waited_ms, computed_ms: the parts of `latency_ms` in the queue and in the batch's computation.
        owner: the caller that may label it, see `app/web/access.py`; None: only the holder of SECRET_API_KEY may.
        flag, variant, reason: the choice of the version; None where no flag made it.
        asked: whether its maker was asked what it was.
        recipe: the version of the recipe that brought it to 28x28; None for pixels that arrived so.
        certainty: how often such an answer is right, in (0, 1]; None where the release measured no temperature.
    """

    id: UUID
    prediction: str
    confidence: float
    scores: dict[str, float]
    model_version: str
    model_sha256: str
    latency_ms: float
    source: AnswerSource
    findings: Sequence[str] = ()
    pixels: bytes | None = None
    waited_ms: float | None = None
    computed_ms: float | None = None
    owner: str | None = None
    flag: str | None = None
    variant: str | None = None
    reason: str | None = None
    asked: bool = False
    recipe: int | None = None
    certainty: float | None = None


class Summary(msgspec.Struct, frozen=True):
    """One answer, as the list of results shows it; `created_at` is in UTC."""

    id: UUID
    prediction: str
    confidence: float
    model_version: str
    created_at: datetime


_SUMMARY = [results.c[name] for name in Summary.__struct_fields__]


class Store:
    """The results in `database`. Every method may be called from any thread.

    Raises:
        DatabaseUnavailable: from every method, while the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, batch: Sequence[Result]) -> None:
        """Stores all of `batch` in one transaction, which is on the disk on return; on an error, none of it is stored.

        Raises:
            ValueError: more than MAX_BATCH results.
        """
        if len(batch) > MAX_BATCH:
            raise ValueError(f"{len(batch):,} results at once, the limit is {MAX_BATCH:,}")
        if batch:
            dialect = self.database.engine.dialect
            rows = _rows(batch, sqlite=dialect.name == "sqlite")
            self.database.run_alone(insert_rows(results, len(batch), dialect), tuple(chain.from_iterable(rows)))

    def latest(self, limit: int, *, before: UUID | None = None) -> list[Summary]:
        """At most `limit` results, newest first; with `before`, only those older than that one."""
        query = select(*_SUMMARY).order_by(results.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(results.c.id < before)
        with self.database.reading() as connection:
            return [Summary(*row) for row in connection.execute(query)]

    def delete_drawings(self, older_than: datetime) -> int:
        """Deletes the drawings made before `older_than` (timezone aware), and keeps their answers.

        Returns:
            How many it deleted.
        """
        end, deleted = lowest_id(older_than), 0
        found = select(results.c.id).where(results.c.pixels.is_not(None)).order_by(results.c.id).limit(DELETED_AT_ONCE)
        after = UUID(int=0)
        while True:
            # Found outside the transaction that deletes, so that the search holds up no writer.
            with self.database.reading(patient=True) as connection:
                ids = connection.scalars(found.where(results.c.id > after, results.c.id < end)).all()
            if not ids:
                return deleted
            with self.database.writing() as connection:
                connection.execute(update(results).where(results.c.id.in_(ids)).values(pixels=null()))
            after, deleted = ids[-1], deleted + len(ids)

    def check(self) -> None:
        """Checks that the database answers, has the schema of this code, and takes a write.

        Raises:
            WrongSchema: its tables are not those of this code.
        """
        now = datetime.now(UTC)
        self.database.check_file()
        check_schema(self.database)
        with self.database.writing() as connection:
            connection.execute(_WRITE_PROBE, {"now": now})


def _rows(batch: Sequence[Result], *, sqlite: bool) -> list[tuple[Any, ...]]:
    """The values of each row, in the order of the columns, as the driver takes them."""
    drawings = iter(pack([result.pixels for result in batch if result.pixels is not None]))
    return [
        _in_order(
            {
                "id": result.id.hex if sqlite else result.id,
                "created_at": _created_at(result.id.int >> 80, sqlite=sqlite),
                "prediction": result.prediction,
                "confidence": result.confidence,
                "scores": _json(result.scores).decode(),
                "model_version": result.model_version,
                "model_sha256": result.model_sha256,
                "latency_ms": result.latency_ms,
                "waited_ms": result.waited_ms,
                "computed_ms": result.computed_ms,
                "source": result.source,
                "findings": _json(result.findings).decode() if result.findings else "[]",
                "pixels": None if result.pixels is None else next(drawings),
                "owner": result.owner,
                "flag": result.flag,
                "variant": result.variant,
                "reason": result.reason,
                "asked": result.asked,
                "recipe": result.recipe,
                "certainty": result.certainty,
            }
        )
        for result in batch
    ]


_in_order = in_order(results)


@lru_cache(maxsize=16)
def _created_at(milliseconds: int, *, sqlite: bool) -> datetime | str:
    """The time as the driver takes it; computed once per millisecond, as a batch is made in one or two."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    # SQLite has no time zones: UTC, as `tables.Utc` reads it.
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds") if sqlite else moment
