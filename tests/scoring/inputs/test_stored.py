"""The service's own store as an input: what people drew, read again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.scoring.executors import in_this_process
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.stored import open_stored
from app.scoring.plan import plan
from app.scoring.refusals import BadInput
from app.scoring.run import run
from app.storage.database import Database
from app.storage.identifiers import time_of
from app.storage.label_rows import Labels
from app.storage.migrate import upgrade
from app.storage.result_rows import Result, Store
from tests.scoring.conftest import columns
from tests.storage.conftest import Make, make

__all__ = ["make"]

ADDRESS = "sqlite:///pixelwise.db"


@pytest.fixture
def stored(tmp_path: Path, digits: NDArray[np.uint8], make: Make) -> list[Result]:
    """30 answers, every sixth without its drawing; the first two are labelled."""
    database = Database(ADDRESS, root=tmp_path)
    upgrade(database)
    made = [make(pixels=None if i % 6 == 5 else digits[i].tobytes()) for i in range(30)]
    Store(database).add(made)
    labels = Labels(database)
    labels.say(made[0].id, "7", "a" * 32)
    labels.say(made[1].id, None, "a" * 32)
    database.close()
    return made


def test_every_kept_drawing_is_read_again_under_its_own_id(
    tmp_path: Path, stored: list[Result], digits: NDArray[np.uint8], model: HandedModel
):
    source = open_stored(ADDRESS, root=tmp_path, since=None, until=None)
    done = run(plan([source], model, rows=7), tmp_path / "out", model, in_this_process)
    kept = [one for one in stored if one.pixels is not None]
    found = columns(tmp_path / "out", "id", "prediction", "label")
    assert found["id"] == [str(one.id) for one in kept]
    assert found["label"] == [7, -1, *[None] * 23]
    scores = model.scorer().scores(np.frombuffer(b"".join(one.pixels for one in kept), np.uint8).reshape(-1, 28, 28))
    assert found["prediction"] == [model.scorer().classes[place] for place in scores.argmax(axis=1)]
    assert done.manifest is not None and done.manifest.shards == 4


def test_a_range_of_time_begins_with_its_first_moment_and_ends_before_its_last(tmp_path: Path, stored: list[Result]):
    first = time_of(stored[0].id)
    everything = open_stored(ADDRESS, root=tmp_path, since=first, until=first + timedelta(days=1))
    assert everything.fingerprint.rows == 25
    assert open_stored(ADDRESS, root=tmp_path, since=None, until=first).fingerprint.rows == 0
    later = open_stored(ADDRESS, root=tmp_path, since=first + timedelta(days=1), until=None)
    assert later.fingerprint.rows == 0


def test_no_password_is_written_or_shown(tmp_path: Path, stored: list[Result]):
    source = open_stored(ADDRESS, root=tmp_path, since=None, until=None)
    assert ADDRESS not in repr(source)


def test_drawings_that_were_deleted_meanwhile_end_the_job(tmp_path: Path, stored: list[Result], model: HandedModel):
    source = open_stored(ADDRESS, root=tmp_path, since=None, until=None)
    planned = plan([source], model, rows=7)
    database = Database(ADDRESS, root=tmp_path)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE results SET pixels = NULL")
    database.close()
    with pytest.raises(BadInput, match="0 rows"):
        run(planned, tmp_path / "out", model, in_this_process)
