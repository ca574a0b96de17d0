"""Labels that people give: one for each stored answer, the last one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import select

from app.storage.database import Database
from app.storage.statements import flat_values, insert_rows
from app.storage.tables import labels, results

DIGITS = tuple("0123456789")
Label: TypeAlias = str | None
"""One of DIGITS; None: what was drawn is not a digit."""
_LAST_WORD = (
    "ON CONFLICT (result_id) DO UPDATE "
    "SET label = excluded.label, owner = excluded.owner, updated_at = excluded.updated_at"
)


class Subject(NamedTuple):
    """The facts of a stored answer needed to label it: its prediction, and its owner (see `Access.may_label`)."""

    prediction: str
    owner: str | None


class Labels:
    """The labels in `database`. Every method may be called from any thread.

    Raises:
        DatabaseUnavailable: from every method, while the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def subject(self, result_id: UUID) -> Subject | None:
        """The answer with this id, as the subject of a label; None if there is none."""
        query = select(results.c.prediction, results.c.owner).where(results.c.id == result_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Subject(*row)

    def say(self, result_id: UUID, label: Label, owner: str) -> None:
        """Stores the label that `owner` gives, in place of any earlier one. It is on the disk on return.

        Raises:
            ValueError: neither one of DIGITS nor None.
        """
        if label is not None and label not in DIGITS:
            raise ValueError(f"label {label!r}, which is no digit")
        dialect, now = self._database.engine.dialect, datetime.now(UTC)
        row = (result_id, label, owner, now, now)
        self._database.run_alone(insert_rows(labels, 1, dialect, _LAST_WORD), flat_values([row], dialect))

    def withdraw(self, result_id: UUID) -> None:
        """Removes the label, if there is one."""
        dialect = self._database.engine.dialect
        place = "?" if dialect.name == "sqlite" else "%s"
        statement = f"DELETE FROM {labels.name} WHERE result_id = {place}"
        self._database.run_alone(statement, flat_values([[result_id]], dialect))

    def of(self, ids: Sequence[UUID]) -> dict[UUID, Label]:
        """The labels of those of these answers that have one. At most 30,000 ids."""
        query = select(labels.c.result_id, labels.c.label).where(labels.c.result_id.in_(ids))
        with self._database.reading() as connection:
            return {row.result_id: row.label for row in connection.execute(query)}
