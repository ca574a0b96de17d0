"""Entries of `model.lock` that are not as `pixelwise lock` writes them: contradictory, without a commit, of an unknown
address."""

from __future__ import annotations

import pytest
from msgspec import structs

from app.release.model_lock import read_lock, write_lock
from app.release.record import read_record, record_bytes
from app.release.refusals import BadLock, MixedEntry, MovedTag
from tests.release.conftest import House
from tests.release.remote import Remote
from tests.release.shop import Shop
from tests.release.sources.test_source import ANOTHER, MANIFEST, WHOLE, forget, lock

MIXED = rf"release v1\.0: manifest {MANIFEST}; promised manifest sha256:0+ by model\.lock"


def test_an_entry_whose_commit_and_manifest_are_of_two_releases_is_refused_wherever_it_is_read(
    house: House, remote: Remote
) -> None:
    commit = remote.release("v1.0", WHOLE)
    release = house.pull(str(remote.folder)).release
    write_lock(house.lock_file, [structs.replace(release, manifest=f"sha256:{'0' * 64}")])
    kept = house.contents()
    with pytest.raises(MixedEntry, match=MIXED):  # in place
        house.pull(str(remote.folder), frozen=True)
    with pytest.raises(MixedEntry, match=MIXED):
        lock(house)
    forget(house)
    with pytest.raises(MixedEntry, match=MIXED) as refusal:
        house.pull(str(remote.folder), frozen=True)
    assert "take the entry of v1.0 out of model.lock" in refusal.value.remedy
    assert {name: data for name, data in kept.items() if "v1.0/" not in name} == house.contents()
    house.lock_file.unlink()
    assert house.pull(str(remote.folder)).release.commit == commit


def test_an_entry_with_the_manifest_of_another_release_is_refused_where_its_lock_is_required(
    shop: Shop,
) -> None:
    record = read_record(shop.models / "v1.0")
    assert record is not None
    entry = structs.replace(record, manifest=f"sha256:{'0' * 64}")
    write_lock(shop.root / "model.lock", [entry])
    with pytest.raises(MixedEntry, match=r"promised manifest sha256:0+ by model\.lock"):
        shop.open(require_lock=True)


def only_manifest(house: House) -> None:
    """Takes the commit out of the one entry."""
    write_lock(house.lock_file, [structs.replace(entry, commit=None) for entry in read_lock(house.lock_file)])


@pytest.mark.parametrize("frozen", [False, True])
def test_an_entry_of_a_repository_may_have_the_manifest_alone(house: House, remote: Remote, frozen: bool) -> None:
    commit = remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    lock(house)
    only_manifest(house)
    assert house.pull(str(remote.folder), frozen=frozen).covered_by is not None
    assert "nothing to do" in lock(house)
    forget(house)
    pulled = house.pull(str(remote.folder), frozen=frozen)
    assert (pulled.outcome, pulled.release.commit) == ("pulled", commit)
    assert pulled.covered_by == read_lock(house.lock_file)[0]


@pytest.mark.parametrize("frozen", [False, True])
def test_other_files_in_the_repository_of_an_entry_with_the_manifest_alone_are_a_moved_tag(
    house: House, remote: Remote, frozen: bool
) -> None:
    remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    lock(house)
    only_manifest(house)
    forget(house)
    remote.release("v1.0", ANOTHER)
    with pytest.raises(MovedTag, match=rf"moved to manifest .*promised manifest {MANIFEST} by model\.lock"):
        house.pull(str(remote.folder), frozen=frozen)
    assert not (house.models / "v1.0").exists()


def test_a_record_without_the_manifest_of_its_entry_is_mended_as_its_refusal_says(house: House, remote: Remote) -> None:
    remote.release("v1.0", {**WHOLE, "more.txt": b"x"})
    house.pull(str(remote.folder))
    lock(house)
    only_manifest(house)
    with pytest.raises(BadLock, match="only a manifest digest") as refusal:
        lock(house)
    assert "Run `pixelwise pull v1.0`, which records it" in refusal.value.remedy
    assert house.pull(str(remote.folder)).release.manifest == MANIFEST
    assert "nothing to do" in lock(house)


@pytest.mark.parametrize("unknown", ["other://srv", "http://host/x", "", "-x"])
def test_an_entry_or_a_record_with_an_address_of_an_unknown_kind_stops_nothing(
    house: House, remote: Remote, unknown: str
) -> None:
    remote.release("v1.0", WHOLE)
    release = house.pull(str(remote.folder)).release
    write_lock(house.lock_file, [structs.replace(release, repository=unknown)])
    assert house.pull(str(remote.folder), frozen=True).covered_by is not None
    assert f"by the entry of {unknown}; nothing to do" in lock(house)
    (house.models / "v1.0/record.json").write_bytes(record_bytes(structs.replace(release, repository=unknown)))
    assert house.pull(str(remote.folder), frozen=True).outcome == "copied"  # the record alone
    house.lock_file.unlink()
    assert lock(house).startswith(f"Added v1.0 of {unknown}")
    forget(house)
    assert house.pull(str(remote.folder)).outcome == "pulled"
