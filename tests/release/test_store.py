from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from app.release.record import RECORD, read_record
from app.release.store import installed, link
from tests.release.conftest import House
from tests.release.remote import FILES, Remote


def test_installed_lists_every_pulled_release_by_version(house: House, remote: Remote) -> None:
    assert installed(house.models) == []
    remote.release("v1.1")
    remote.release()
    house.pull(str(remote.folder), "v1.1")
    house.pull(str(remote.folder))
    (house.models / "v9.9").mkdir()
    assert [release.version for release in installed(house.models)] == ["v1.0", "v1.1"]


def test_files_are_copied_where_they_cannot_be_linked(
    house: House, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    remote.release()
    assert house.pull(str(remote.folder)).outcome == "pulled"
    assert {name: (house.models / name).read_bytes() for name in FILES} == FILES
    assert (house.models / RECORD).stat().st_nlink == 1
    assert house.pull(str(remote.folder)).outcome == "in place"


def test_linking_again_changes_nothing(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    release = read_record(house.models)
    assert release is not None and link(house.models, release) is False


def test_linking_touches_only_files_that_a_record_names(house: House, remote: Remote) -> None:
    remote.release()
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    house.pull(str(remote.folder))
    (house.models / "by_hand.pkl").write_bytes(b"mine")
    house.pull(str(remote.folder), "v2.0")
    assert (house.models / "by_hand.pkl").read_bytes() == b"mine"
