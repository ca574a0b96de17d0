"""What is exported is what was stored; a file is whole or not there."""

from __future__ import annotations

import csv
import json
import math
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.errors import ConfigurationError
from app.storage import export as module
from app.storage.database import Database
from app.storage.export import Exported, all_labels, all_results, count, demand_file_or_nothing, export
from app.storage.identifiers import lowest_id, time_of
from app.storage.label_rows import Labels
from app.storage.result_rows import Result, Store
from tests.conftest import read_idx
from tests.storage.conftest import Make

KINDS = ["csv", "npz", "idx"]
RECIPES, CERTAINTIES = (1, 2, None), (0.625, None)
"""Of one result after the other, and from the beginning again."""


@pytest.fixture
def stored(store: Store, make: Make, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """25 results in chunks of 4, every fifth without its drawing; oldest first."""
    monkeypatch.setattr(module, "CHUNK", 4)
    drawings = np.random.default_rng(3).integers(0, 256, (25, 784), np.uint8)
    made = [
        make(
            prediction=str(i % 10),
            confidence=i / 25,
            pixels=None if i % 5 == 4 else drawings[i].tobytes(),
            recipe=RECIPES[i % 3],
            certainty=CERTAINTIES[i % 2],
        )
        for i in range(25)
    ]
    store.add(made)
    return made


def run(database: Database, kind, out: Path) -> Exported:
    return export(database, all_results(), kind, out, progress=lambda rows: None)


def test_a_csv_has_every_row_and_every_column_but_the_drawing(database: Database, stored, tmp_path: Path):
    out = tmp_path / "results.csv"
    assert run(database, "csv", out) == Exported(25, 0, (out,))
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, result in zip(rows, stored, strict=True):
        assert row["id"] == str(result.id)
        assert datetime.fromisoformat(row["created_at"]) == time_of(result.id)
        assert float(row["confidence"]) == result.confidence
        assert json.loads(row["scores"]) == result.scores
        assert json.loads(row["findings"]) == list(result.findings)
        assert (row["prediction"], row["source"], row["model_sha256"]) == (result.prediction, "api", "ab" * 32)
        assert row["recipe"] == ("" if result.recipe is None else str(result.recipe))
        assert row["certainty"] == ("" if result.certainty is None else str(result.certainty))
        assert "pixels" not in row


def test_an_npz_is_read_without_pickle(database: Database, stored, tmp_path: Path):
    out = tmp_path / "results.npz"
    assert run(database, "npz", out) == Exported(20, 5, (out,))
    drawn = [result for result in stored if result.pixels is not None]
    with np.load(out, allow_pickle=False) as arrays:
        assert (arrays["images"].dtype, arrays["images"].shape) == (np.uint8, (20, 28, 28))
        assert arrays["images"].tobytes() == b"".join(result.pixels for result in drawn)
        assert arrays["ids"].tolist() == [str(result.id) for result in drawn]
        assert arrays["predictions"].tolist() == [result.prediction for result in drawn]
        assert arrays["confidences"].tolist() == [result.confidence for result in drawn]
        assert arrays["recipes"].dtype == np.int16
        assert arrays["recipes"].tolist() == [-1 if result.recipe is None else result.recipe for result in drawn]
        certain = [math.nan if result.certainty is None else result.certainty for result in drawn]
        np.testing.assert_array_equal(arrays["certainties"], certain)
        times = [np.datetime64(time_of(result.id).replace(tzinfo=None), "ms") for result in drawn]
        assert arrays["created_at"].tolist() == np.array(times).tolist()
        assert set(arrays["model_versions"]) == {"v1.0"}
        assert set(arrays["sources"]) == {"api"}


def test_a_pair_of_idx_files_is_as_mnist_s_own(database: Database, stored, tmp_path: Path):
    paths = (tmp_path / "mine-images-idx3-ubyte", tmp_path / "mine-labels-idx1-ubyte")
    assert run(database, "idx", tmp_path / "mine") == Exported(20, 5, paths)
    images, labels = map(read_idx, paths)
    drawn = [result for result in stored if result.pixels is not None]
    assert images.shape == (20, 28, 28)
    assert images.tobytes() == b"".join(result.pixels for result in drawn)
    assert labels.tolist() == [int(result.prediction) for result in drawn]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stored_gives_a_file_without_rows(database: Database, kind: str, tmp_path: Path):
    done = run(database, kind, tmp_path / "none")
    assert (done.written, done.without_drawing) == (0, 0)
    if kind == "npz":
        with np.load(done.files[0]) as arrays:
            assert arrays["images"].shape == (0, 28, 28)
    if kind == "idx":
        assert read_idx(done.files[0]).shape == (0, 28, 28)


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_that_breaks_off_leaves_the_file_of_before(database: Database, stored, kind: str, tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    files = run(database, kind, folder / "results").files
    before = {file: file.read_bytes() for file in files}

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(database, all_results(), kind, folder / "results", progress=stop)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_people_drew_is_written_for_the_user_alone(database: Database, stored, kind: str, tmp_path: Path):
    for file in run(database, kind, tmp_path / "results").files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_that_cannot_be_written_is_named(sqlite: Database, kind: str, tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"--out .*No such file"):
        run(sqlite, kind, tmp_path / "nowhere" / "results")


def test_progress_counts_every_row(database: Database, stored, tmp_path: Path):
    told: list[int] = []
    export(database, all_results(), "csv", tmp_path / "results", progress=told.append)
    assert told == [4] * 6 + [1]
    assert count(database, all_results()) == 25


def test_results_that_come_in_meanwhile_do_not_keep_an_export_going(store: Store, stored, make: Make, tmp_path: Path):
    def store_another(rows: int) -> None:
        assert len(added) < 25, "the export reads what is stored meanwhile"
        store.add([make(id=lowest_id(time_of(stored[0].id) + timedelta(hours=1, milliseconds=len(added))))])
        added.append(rows)

    added: list[int] = []
    done = export(store.database, all_results(), "csv", tmp_path / "results", progress=store_another)
    assert done.written == 25


def test_results_from_before_the_clock_was_set_back_are_exported(store: Store, stored, make: Make, tmp_path: Path):
    store.add([make(id=lowest_id(time_of(stored[-1].id) + timedelta(days=1)))])
    assert run(store.database, "csv", tmp_path / "results").written == 26


def test_an_empty_table_is_exported(database: Database, tmp_path: Path):
    assert run(database, "csv", tmp_path / "results").written == 0


# -- labels ------------------------------------------------------------------------------------------------------------


SAID = {0: "7", 2: None, 3: "0", 4: "4", 5: None, 8: "8", 9: None}
"""Of some of the stored results: what people say was drawn. 4 and 9 have no drawing."""
ASKED = {2: True, 3: True, 4: True, 5: False, 8: False}
"""The others are from before anybody was asked."""


@pytest.fixture
def labelled(database: Database, store: Store, make: Make, monkeypatch: pytest.MonkeyPatch) -> dict[int, Result]:
    """The results with a label, by their place in SAID; in chunks of 2, among results without one."""
    monkeypatch.setattr(module, "CHUNK", 2)
    made = [
        make(
            prediction=str(place),
            asked=ASKED.get(place),
            pixels=None if place in (4, 9) else bytes([place]) * 784,
            recipe=RECIPES[place % 3],
        )
        for place in range(10)
    ]
    store.add(made)
    for place, label in SAID.items():
        Labels(database).say(made[place].id, label, "0f" * 16)
    return {place: made[place] for place in SAID}


def run_labels(database: Database, kind, out: Path, *, asked_only: bool = False) -> Exported:
    return export(database, all_labels(asked_only=asked_only), kind, out, progress=lambda rows: None)


def as_number(label: str | None) -> int:
    return -1 if label is None else int(label)


def test_a_csv_of_labels_has_what_was_said_beside_what_was_answered(database: Database, labelled, tmp_path: Path):
    out = tmp_path / "labels.csv"
    assert run_labels(database, "csv", out) == Exported(7, 0, (out,))
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            "id": str(result.id),
            "created_at": time_of(result.id).isoformat(timespec="milliseconds"),
            "label": str(as_number(SAID[place])),
            "prediction": str(place),
            "model_version": "v1.0",
            "asked": "true" if ASKED.get(place) else "false",
            "source": "api",
            "recipe": "" if result.recipe is None else str(result.recipe),
        }
        for place, result in labelled.items()
    ]


def test_an_npz_of_labels_has_the_drawings_also_of_what_is_no_digit(database: Database, labelled, tmp_path: Path):
    out = tmp_path / "labels.npz"
    assert run_labels(database, "npz", out) == Exported(5, 2, (out,))
    drawn = {place: result for place, result in labelled.items() if result.pixels is not None}
    with np.load(out, allow_pickle=False) as arrays:
        assert set(arrays) == {"images", "labels", "ids", "created_at", "predictions", "model_versions", "asked",
                               "sources", "recipes"}  # fmt: skip
        assert arrays["images"].tobytes() == b"".join(result.pixels or b"" for result in drawn.values())
        assert arrays["labels"].dtype == np.int8
        assert arrays["labels"].tolist() == [as_number(SAID[place]) for place in drawn]
        assert arrays["ids"].tolist() == [str(result.id) for result in drawn.values()]
        assert arrays["predictions"].tolist() == [str(place) for place in drawn]
        assert arrays["recipes"].tolist() == [result.recipe or -1 for result in drawn.values()]
        assert arrays["asked"].dtype == np.bool_
        assert arrays["asked"].tolist() == [ASKED.get(place) is True for place in drawn]


def test_idx_files_of_labels_hold_what_people_say_and_digits_only(database: Database, labelled, tmp_path: Path):
    paths = (tmp_path / "said-images-idx3-ubyte", tmp_path / "said-labels-idx1-ubyte")
    assert run_labels(database, "idx", tmp_path / "said") == Exported(3, 2, paths, no_digit=2)
    images, digits = map(read_idx, paths)
    assert [image[0, 0] for image in images] == [0, 3, 8]
    assert digits.tolist() == [7, 0, 8]


def test_the_labels_of_those_who_were_asked_can_be_had_alone(database: Database, labelled, tmp_path: Path):
    for kind, done in (("csv", (3, 0, 0)), ("npz", (2, 1, 0)), ("idx", (1, 1, 1))):
        found = run_labels(database, kind, tmp_path / "asked", asked_only=True)
        assert (found.written, found.without_drawing, found.no_digit) == done
    assert count(database, all_labels(asked_only=True)) == 3
    assert count(database, all_labels(asked_only=False)) == 7


def test_what_is_no_plain_file_keeps_its_place(tmp_path: Path):
    """As root an export once took the place of /dev/full."""
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (pipe, folder):
        with pytest.raises(ConfigurationError, match="a device, a pipe or a folder"):
            demand_file_or_nothing(path)
    demand_file_or_nothing(tmp_path / "new.csv")
    (tmp_path / "old.csv").touch()
    demand_file_or_nothing(tmp_path / "old.csv")
