"""The default's files in models/ itself: copies, each placed whole, the record last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.release.default_copies import copy_out
from app.release.record import RECORD, read_record
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote


def test_the_files_of_models_are_copies_so_that_writing_to_one_leaves_the_release_alone(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    for name in (*FILES, RECORD):
        assert (house.models / name).stat().st_nlink == 1
    (house.models / PKL).write_bytes(b"swapped")
    assert (house.models / "v1.0" / PKL).read_bytes() == FILES[PKL]
    assert house.pull(str(remote.folder)).outcome == "copied"
    assert (house.models / PKL).read_bytes() == FILES[PKL]
    assert len(house.accepted) == 1, "nothing was fetched again"


def test_copying_again_changes_nothing(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    release = read_record(house.models)
    assert release is not None and copy_out(house.models, release) is False


def test_copying_touches_only_files_that_a_record_names(house: House, remote: Remote):
    remote.release()
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    house.pull(str(remote.folder))
    (house.models / "by_hand.pkl").write_bytes(b"mine")
    house.pull(str(remote.folder), "v2.0")
    assert (house.models / "by_hand.pkl").read_bytes() == b"mine"


def test_the_record_is_placed_last(house: House, remote: Remote, monkeypatch: pytest.MonkeyPatch):
    remote.release()
    placed: list[str] = []
    real = os.replace

    def noted(source: Path, target: Path) -> None:
        if Path(target).parent == house.models and not Path(target).is_symlink():
            placed.append(Path(target).name)
        real(source, target)

    monkeypatch.setattr(os, "replace", noted)
    house.pull(str(remote.folder))
    assert placed[-1] == RECORD and set(placed) >= {*FILES, RECORD}


@pytest.mark.parametrize("name", ["MODELCARD.md", PKL, RECORD])
def test_a_folder_named_like_a_file_of_the_release_is_refused_before_anything_is_changed(
    house: House, remote: Remote, tmp_path: Path, name: str
):
    remote.release()
    (house.models / name).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=rf"models/{name}: a folder.*Move .*{name} away"):
        house.pull(str(remote.folder))
    assert {path.name for path in house.models.iterdir()} == {".lock", name}

    (house.models / name).rmdir()
    house.pull(str(remote.folder))
    other = Remote(tmp_path / "other.git")
    other.release("v1.0", {"digit_classifier_v1.pkl": b"other"})
    (house.models / name).unlink()
    (house.models / name).mkdir()
    before = house.contents()
    with pytest.raises(ConfigurationError, match=f"models/{name}"):
        house.pull(str(other.folder))
    assert house.contents() == before
