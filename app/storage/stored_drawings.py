"""Stored drawings, to be read again: by ranges of identifiers, which are by time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select

from app.storage.database import Database
from app.storage.drawing_bytes import PIXELS, unpack
from app.storage.tables import labels, results

CHUNK = 2000
"""Rows read at a time."""
NOT_A_DIGIT, NO_LABEL = -1, -2


class Drawings(NamedTuple):
    """Some drawings: their identifiers, (n, 784) uint8, and (n,) int8 labels of people: 0 to 9, NOT_A_DIGIT, or
    NO_LABEL."""

    ids: list[UUID]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int8]


def read_ids(database: Database, *, after: UUID, before: UUID) -> Iterator[list[UUID]]:
    """The identifiers of all drawings between two, both excluded, in their order, some at a time."""
    while True:
        query = select(results.c.id).where(_is_drawn(), results.c.id > after, results.c.id < before)
        with database.reading(patient=True) as connection:
            ids = list(connection.scalars(query.order_by(results.c.id).limit(50 * CHUNK)))
        if not ids:
            return
        yield ids
        after = ids[-1]


def read_drawings(database: Database, *, first: UUID, last: UUID) -> Iterator[Drawings]:
    """The drawings from one identifier to another, both included.

    Raises:
        ValueError: a row holds no drawing of 784 grey values.
    """
    begin = results.c.id >= first
    while True:
        query = (
            select(results.c.id, results.c.pixels, labels.c.result_id, labels.c.label)
            .select_from(results.outerjoin(labels, results.c.id == labels.c.result_id))
            .where(_is_drawn(), begin, results.c.id <= last)
            .order_by(results.c.id)
            .limit(CHUNK)
        )
        with database.reading(patient=True) as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        pixels = np.frombuffer(b"".join(unpack(row.pixels) for row in rows), np.uint8).reshape(-1, PIXELS)
        told = [NO_LABEL if row.result_id is None else _number(row.label) for row in rows]
        yield Drawings([row.id for row in rows], pixels, np.array(told, np.int8))
        begin = results.c.id > rows[-1].id


def _is_drawn() -> ColumnElement[bool]:
    return results.c.pixels.is_not(None)


def _number(label: str | None) -> int:
    return NOT_A_DIGIT if label is None else int(label)
