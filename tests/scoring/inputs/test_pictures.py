"""Folders of pictures, by the one recipe."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.cli.image_files import read_images
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.pictures import PICTURE_ROWS, list_pictures, open_pictures
from app.scoring.refusals import ChangedInput
from tests.scoring.conftest import columns, score


@pytest.fixture
def folder(tmp_path: Path, digits: NDArray[np.uint8]) -> Path:
    """Pictures of several kinds, in two folders, and a file that is none."""
    found = tmp_path / "pictures"
    (found / "below").mkdir(parents=True)
    for place in range(6):
        large = Image.fromarray(255 - digits[place]).resize((200, 200))
        large.save(found / f"{place}.png")
        large.save(found / "below" / f"{place}.JPG", format="JPEG")
    (found / "a.png").write_bytes(b"no picture")
    (found / "b.heic").write_bytes(b"\0\0\0\x18ftypheic")
    os.mkfifo(found / "fifo.png")
    (found / "notes.txt").write_text("none")
    return found


def test_pictures_go_through_the_recipe_as_those_of_predict_do(folder: Path, model: HandedModel, tmp_path: Path):
    done = score(folder, tmp_path / "out", model, rows=5)
    found = columns(tmp_path / "out")
    assert found["id"] == sorted(found["id"]) == [name for name, _, _ in list_pictures(folder)]
    assert done.manifest is not None and (done.manifest.rows, done.manifest.unread) == (15, 3)
    for name, said in zip(found["id"], found["prediction"], strict=True):
        if name in ("a.png", "b.heic", "fifo.png"):
            assert said is None
            continue
        scores = model.scorer().scores(read_images(folder / name).pixels)
        assert said == model.scorer().classes[int(scores.argmax())]


def test_a_bad_picture_has_its_reason(folder: Path, model: HandedModel, tmp_path: Path):
    score(folder, tmp_path / "out", model)
    found = columns(tmp_path / "out")
    reasons = dict(zip(found["id"], found["reason"], strict=True))
    assert "HEIC" in reasons["b.heic"]
    assert reasons["fifo.png"] == "The file is no plain file."
    assert reasons["0.png"] is None
    assert set(np.array(found["findings"])[[one is not None for one in found["reason"]]]) == {"unreadable"}


def test_labels_are_in_the_order_of_names(folder: Path, model: HandedModel, tmp_path: Path):
    np.save(tmp_path / "labels.npy", np.arange(15) % 10)
    score(folder, tmp_path / "out", model, rows=4, labels=tmp_path / "labels.npy")
    assert columns(tmp_path / "out", "label")["label"] == [place % 10 for place in range(15)]


def test_a_folder_is_known_again_by_each_name_size_and_time(folder: Path):
    before = open_pictures(folder, "p", None)
    assert open_pictures(folder, "p", None).fingerprint == before.fingerprint
    pieces = before.pieces(100, 0)
    os.utime(folder / "0.png", ns=(1, 1))
    assert open_pictures(folder, "p", None).fingerprint.listing != before.fingerprint.listing
    with pytest.raises(ChangedInput):
        list(before.read(pieces[0]))


def test_no_shard_has_more_pictures_than_a_restart_should_repeat(folder: Path):
    assert PICTURE_ROWS <= 1000
    source = open_pictures(folder, "p", None)
    assert [piece.rows for piece in source.pieces(4, 0)] == [4, 4, 4, 3]
