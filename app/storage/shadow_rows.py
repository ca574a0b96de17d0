"""Readings of a drawing by the versions that did not answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import select

from app.storage.database import Database
from app.storage.statements import flat_values, in_order, insert_rows, most_rows
from app.storage.tables import shadows

MAX_BATCH = most_rows(shadows)
_ONCE = "ON CONFLICT (result_id, model_version) DO NOTHING"


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """One version's reading of the drawing of a stored result.

    Attributes:
        result_id: of the answer that was given, by another version.
        model_sha256: of the artefact, as hex digits.
        confidence: the score of `prediction`, in [0, 1].
        scores: label -> probability.
        certainty: how often such an answer is right, in (0, 1]; None where the release measured no temperature.
    """

    result_id: UUID
    model_version: str
    model_sha256: str
    prediction: str
    confidence: float
    scores: dict[str, float]
    certainty: float | None = None


_in_order = in_order(shadows)
_SHADOW = [shadows.c[name] for name in Shadow.__struct_fields__]


class Shadows:
    """The shadow answers in `database`. Every method may be called from any thread.

    Raises:
        DatabaseUnavailable: from every method, while the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, batch: Sequence[Shadow]) -> None:
        """Stores all of `batch` in one transaction; rows already there for the same result and version stay.

        A batch whose outcome is unknown may therefore be added again.

        Raises:
            ValueError: more than MAX_BATCH.
        """
        if len(batch) > MAX_BATCH:
            raise ValueError(f"{len(batch):,} shadows at once, the limit is {MAX_BATCH:,}")
        if batch:
            dialect, now = self._database.engine.dialect, datetime.now(UTC)
            rows = [_in_order({**msgspec.structs.asdict(one), "created_at": now}) for one in batch]
            self._database.run_alone(insert_rows(shadows, len(batch), dialect, _ONCE), flat_values(rows, dialect))

    def of(self, result_id: UUID) -> list[Shadow]:
        """The shadows of a result, in order of version name."""
        query = select(*_SHADOW).where(shadows.c.result_id == result_id).order_by(shadows.c.model_version)
        with self._database.reading() as connection:
            return [Shadow(**row) for row in connection.execute(query).mappings()]
