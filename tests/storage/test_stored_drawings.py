"""Stored drawings are read again in the order of their identifiers, whole, and with the last word of people."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from app.storage import stored_drawings as module
from app.storage.database import Database
from app.storage.label_rows import Labels
from app.storage.result_rows import Result, Store
from app.storage.stored_drawings import NO_LABEL, NOT_A_DIGIT, read_drawings, read_ids
from tests.storage.conftest import Make

BEFORE, AFTER = UUID(int=0), UUID(int=(1 << 128) - 1)


@pytest.fixture
def stored(store: Store, make: Make, database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """11 results in chunks of 2, every fifth without its drawing; the first is a 3, the second no digit."""
    monkeypatch.setattr(module, "CHUNK", 2)
    drawings = np.random.default_rng(3).integers(0, 256, (11, 784), np.uint8)
    made = [make(pixels=None if i % 5 == 4 else drawings[i].tobytes()) for i in range(11)]
    store.add(made)
    labels = Labels(database)
    labels.say(made[0].id, "3", "a" * 32)
    labels.say(made[1].id, None, "a" * 32)
    return made


def test_every_drawing_is_read_once_with_its_label(database: Database, stored: list[Result]):
    kept = [one for one in stored if one.pixels is not None]
    ids = [one for some in read_ids(database, after=BEFORE, before=AFTER) for one in some]
    assert ids == [one.id for one in kept]
    parts = list(read_drawings(database, first=ids[0], last=ids[-1]))
    assert [len(part.ids) for part in parts] == [2, 2, 2, 2, 1]
    assert [one for part in parts for one in part.ids] == ids
    assert b"".join(part.pixels.tobytes() for part in parts) == b"".join(one.pixels or b"" for one in kept)
    assert np.concatenate([part.labels for part in parts]).tolist() == [3, NOT_A_DIGIT, *[NO_LABEL] * 7]


def test_ranges_of_drawings_hold_both_their_ends_and_ranges_of_ids_neither(database: Database, stored: list[Result]):
    first, last = stored[1].id, stored[3].id
    assert [one.id for one in stored[1:4]] == [
        one for part in read_drawings(database, first=first, last=last) for one in part.ids
    ]
    assert list(read_ids(database, after=first, before=last)) == [[stored[2].id]]
    assert list(read_ids(database, after=last, before=last)) == []
