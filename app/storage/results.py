"""Answers that were given: stored in batches, read newest first."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy import insert, null, select, update

from app.storage.database import Database
from app.storage.identifiers import lowest_id, time_of
from app.storage.schema import check_schema
from app.storage.tables import probe, results

Source: TypeAlias = Literal["api", "page", "protocol"]
DELETED_AT_ONCE = 200
"""Drawings that one transaction deletes: the writers behind it wait for a few milliseconds."""
_INSERT = insert(results)


class Result(msgspec.Struct, frozen=True):
    """One answer, and the drawing it was given to.

    Attributes:
        id: from `new_id`, which says when it was made too.
        confidence: the score of `prediction`, in [0, 1].
        scores: label -> probability.
        model_sha256: of the artefact, as hex digits.
        latency_ms: from the request's last byte to the answer's computation, in milliseconds.
        findings: names of the skew guard.
        pixels: 784 grey values, row by row, 0 paper to 255 ink; None where drawings are not kept.
    """

    id: UUID
    prediction: str
    confidence: float
    scores: dict[str, float]
    model_version: str
    model_sha256: str
    latency_ms: float
    source: Source
    findings: Sequence[str] = ()
    pixels: bytes | None = None


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
        """Stores all of `batch` in one transaction, which is on the disk on return; on an error, none of it is."""
        if batch:
            rows = [_row(result) for result in batch]
            with self.database.writing() as connection:
                connection.execute(_INSERT, rows)

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
            # Found outside of the transaction that deletes: a search holds no writer up.
            with self.database.reading() as connection:
                ids = connection.scalars(found.where(results.c.id > after, results.c.id < end)).all()
            if not ids:
                return deleted
            with self.database.writing() as connection:
                connection.execute(update(results).where(results.c.id.in_(ids)).values(pixels=null()))
            after, deleted = ids[-1], deleted + len(ids)

    def check(self) -> None:
        """Returns when the database answers, has the schema of this code, and takes a write.

        Raises:
            WrongSchema: its tables are not those of this code.
        """
        now = datetime.now(UTC)
        self.database.check_file()
        check_schema(self.database)
        with self.database.writing() as connection:
            if not connection.execute(update(probe).values(written_at=now)).rowcount:
                connection.execute(insert(probe).values(id=1, written_at=now))


def compress(pixels: bytes) -> bytes:
    """What `zlib.decompress` turns back into `pixels`.

    Runs of one grey value are all there is to find in a drawing: Z_RLE takes two thirds of the time of the default
    strategy and gives as few bytes; a small memory is cheaper to make ready.
    """
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 5, zlib.Z_RLE)
    return packer.compress(pixels) + packer.flush()


def _row(result: Result) -> dict[str, Any]:
    return {
        "id": result.id,
        "created_at": time_of(result.id),
        "prediction": result.prediction,
        "confidence": result.confidence,
        "scores": result.scores,
        "model_version": result.model_version,
        "model_sha256": result.model_sha256,
        "latency_ms": result.latency_ms,
        "source": result.source,
        "findings": result.findings,
        "pixels": None if result.pixels is None else compress(result.pixels),
    }
