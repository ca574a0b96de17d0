"""A repository that does not answer, while a release of it is in place."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from app.errors import Unreachable
from app.release.pull import Pulled
from app.release.record import RECORD, describe
from app.release.refusals import ChangedFile
from tests.release.conftest import House
from tests.release.remote import Remote

MIRROR = "file:///gone/mirror.git"


@pytest.fixture
def commit(house: House, remote: Remote) -> str:
    """The commit of the release in place; its repository is gone."""
    commit = remote.release()
    house.pull(str(remote.folder))
    shutil.rmtree(remote.folder)
    house.said.clear()
    return commit


def keep(house: House, repository: object, **changed: object) -> Pulled:
    return house.pull(str(repository), keep_offline=True, **changed)


def test_the_release_in_place_goes_on_and_that_is_said_with_the_reason(
    house: House, remote: Remote, commit: str
) -> None:
    before = house.contents()
    kept = keep(house, remote.folder)
    assert (kept.outcome, kept.release.commit, kept.covered_by) == ("kept", commit, None)
    assert house.said == [
        f"The repository {remote.folder} could not be reached (no such folder). "
        f"The release in place goes on: v1.0, commit {commit[:12]}."
    ]
    assert house.contents() == before


def test_what_is_kept_is_copied_into_models(house: House, remote: Remote, commit: str) -> None:
    before = house.contents()
    (house.models / "train.py").unlink()
    assert keep(house, remote.folder).outcome == "kept"
    assert house.contents() == before


def test_without_being_asked_nothing_is_kept(house: House, remote: Remote, commit: str) -> None:
    with pytest.raises(Unreachable):
        house.pull(str(remote.folder))


def test_with_frozen_only_what_the_lock_lists_is_kept(house: House, remote: Remote, commit: str) -> None:
    with pytest.raises(Unreachable):
        keep(house, remote.folder, frozen=True)
    entry = house.lock(str(remote.folder), commit)
    assert keep(house, remote.folder, frozen=True).covered_by == entry


def test_the_release_of_a_mirror_is_kept_when_the_lock_has_its_commit_for_this_repository(
    house: House, commit: str
) -> None:
    with pytest.raises(Unreachable):
        keep(house, MIRROR)
    entry = house.lock(MIRROR, commit)
    assert keep(house, MIRROR).covered_by == entry


def test_a_mirrors_entry_in_the_lock_does_not_vouch_for_a_third_repository(
    house: House, remote: Remote, commit: str
) -> None:
    house.lock(str(remote.folder), commit)
    with pytest.raises(Unreachable):
        keep(house, MIRROR)


def test_a_release_whose_commit_the_lock_has_replaced_is_not_kept(house: House, remote: Remote, commit: str) -> None:
    house.lock(str(remote.folder), "0" * 40)
    with pytest.raises(Unreachable):
        keep(house, remote.folder)


def test_a_release_that_differs_from_the_lock_is_not_kept(house: House, remote: Remote, commit: str) -> None:
    house.lock(str(remote.folder), commit, train=describe("train.py", b"PRINT()\n"))
    with pytest.raises(ChangedFile, match=r"train.py: changed .*by model\.lock"):
        keep(house, remote.folder)


def remove(house: House) -> None:
    (house.models / "v1.0").unlink()


def change(house: House) -> None:
    (house.models / "v1.0/train.py").write_bytes(b"PRINT()\n")


def spoil_record(house: House) -> None:
    (house.models / "v1.0" / RECORD).write_text("{")


def put_under_another_version(house: House) -> None:
    path = house.models / "v1.0" / RECORD
    path.write_text(path.read_text().replace('"v1.0"', '"v1.1"'))


@pytest.mark.parametrize("spoil", [remove, change, spoil_record, put_under_another_version])
def test_only_an_intact_release_is_kept(
    spoil: Callable[[House], None], house: House, remote: Remote, commit: str
) -> None:
    spoil(house)
    with pytest.raises(Unreachable):
        keep(house, remote.folder)
    assert house.said == []
