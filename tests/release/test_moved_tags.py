"""A tag that moves while the release of another repository lies in its folder: the ledger remembers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.release.model_lock import add_to_lock
from app.release.record import RECORD
from app.release.refusals import BadRelease, MovedTag
from app.release.seen_commits import SEEN
from tests.release.conftest import House
from tests.release.remote import FILES, Remote

OTHER = {**FILES, "more.txt": b"x"}


@pytest.fixture
def fork(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "fork.git")


def seen(house: House) -> dict[str, str]:
    """The ledger's commit of v1.0, by the name of the repository's folder."""
    return {Path(key).name: commits["v1.0"] for key, commits in json.loads((house.models / SEEN).read_text()).items()}


def test_a_tag_that_moved_while_another_repositorys_release_was_in_place_is_refused(
    house: House, remote: Remote, fork: Remote
) -> None:
    first, forked = remote.release(), fork.release("v1.0", {"digit_classifier_v1.pkl": b"fork"})
    house.pull(str(remote.folder))
    house.pull(str(fork.folder))
    assert seen(house) == {"remote.git": first, "fork.git": forked}
    before = house.contents()
    moved = remote.release("v1.0", OTHER)
    message = rf": moved to commit {moved}; promised commit {first} .*models/seen\.json"
    with pytest.raises(MovedTag, match=message) as refusal:
        house.pull(str(remote.folder))
    assert f"{remote.folder} is meant, remove models/v1.0 (it holds the v1.0 of {fork.folder})" in refusal.value.remedy
    assert house.contents() == before


def test_a_tag_that_did_not_move_comes_back_from_another_repositorys_release(
    house: House, remote: Remote, fork: Remote
) -> None:
    commit = remote.release()
    fork.release("v1.0", OTHER)
    for repository in (remote, fork, remote):
        pulled = house.pull(str(repository.folder))
    assert pulled.outcome == "pulled" and pulled.release.commit == commit


def test_removing_the_release_accepts_the_moved_tag(house: House, remote: Remote, fork: Remote) -> None:
    remote.release()
    forked = fork.release("v1.0", {"digit_classifier_v1.pkl": b"fork"})
    house.pull(str(remote.folder))
    house.pull(str(fork.folder))
    moved = remote.release("v1.0", OTHER)
    (house.models / "v1.0").unlink()
    assert house.pull(str(remote.folder)).release.commit == moved
    assert seen(house) == {"remote.git": moved, "fork.git": forked}


def test_a_tag_that_moved_since_it_was_locked_comes_in_by_the_way_its_refusal_names(
    house: House, remote: Remote
) -> None:
    remote.release()
    house.pull(str(remote.folder))
    lock = {"models": house.models, "version": "v1.0", "lock_file": house.lock_file, "root": house.root}
    add_to_lock(**lock)
    moved = remote.release("v1.0", OTHER)
    way = "take the entry of v1.0 out of model.lock and remove models/v1.0, then run `pixelwise pull v1.0`, review"
    for _ in range(2):  # also where nothing is in place
        with pytest.raises(MovedTag, match=rf"nothing was replaced\. To accept the new commit, {way}"):
            house.pull(str(remote.folder))
        (house.models / "v1.0").unlink(missing_ok=True)
    house.lock_file.unlink()
    assert house.pull(str(remote.folder)).release.commit == moved
    add_to_lock(**lock)
    assert house.pull(str(remote.folder), frozen=True).release.commit == moved


def test_a_moved_tag_that_is_in_place_already_is_locked_by_the_option_that_its_refusal_names(
    house: House, remote: Remote
) -> None:
    house.lock(str(remote.folder), "0" * 40)
    moved = remote.release()
    house.pull(str(remote.folder), lock_file=house.root / "no.lock")
    lock = {"models": house.models, "version": "v1.0", "lock_file": house.lock_file, "root": house.root}
    with pytest.raises(MovedTag, match=r"run `pixelwise lock v1\.0 --replace`\.$"):
        add_to_lock(**lock)
    assert moved in add_to_lock(**lock, replace=True)


def test_an_unreadable_record_is_no_acceptance(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    (house.models / "v1.0" / RECORD).unlink()
    remote.release("v1.0", OTHER)
    with pytest.raises(MovedTag, match=r"seen\.json.*it holds no readable record"):
        house.pull(str(remote.folder))


def test_the_lock_lets_a_moved_tag_in_and_the_ledger_follows(house: House, remote: Remote, fork: Remote) -> None:
    remote.release()
    forked = fork.release("v1.0", {"digit_classifier_v1.pkl": b"fork"})
    house.pull(str(remote.folder))
    house.pull(str(fork.folder))
    moved = remote.release("v1.0", OTHER)
    house.lock(str(remote.folder), moved)
    assert house.pull(str(remote.folder), frozen=True).release.commit == moved
    assert seen(house) == {"remote.git": moved, "fork.git": forked}


def test_a_release_placed_before_there_was_a_ledger_is_noted_when_it_is_replaced(
    house: House, remote: Remote, fork: Remote
) -> None:
    commit = remote.release()
    fork.release("v1.0", OTHER)
    house.pull(str(remote.folder))
    (house.models / SEEN).unlink()
    house.pull(str(fork.folder))
    assert seen(house)["remote.git"] == commit


def test_a_release_in_place_is_noted_too(house: House, remote: Remote) -> None:
    commit = remote.release()
    house.pull(str(remote.folder))
    (house.models / SEEN).unlink()
    assert house.pull(str(remote.folder)).outcome == "in place"
    assert seen(house) == {"remote.git": commit}


@pytest.mark.parametrize("text", ["{", "[]", '{"key": {"v1.0": "abc"}}', '{"key": {"latest": "abc"}}', "\udcff"])
def test_a_ledger_that_cannot_be_read_is_refused_not_ignored(house: House, remote: Remote, text: str) -> None:
    remote.release()
    house.pull(str(remote.folder))
    (house.models / SEEN).write_bytes(text.encode("utf-8", "surrogateescape"))
    before = house.contents()
    with pytest.raises(BadRelease, match=r"ledger .*seen\.json: .*Remove .*seen\.json and run"):
        house.pull(str(remote.folder))
    assert house.contents() == before
