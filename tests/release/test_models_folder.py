"""The folders of models/: what a version is a link to, and what becomes of what it was."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from app.errors import ConfigurationError, SystemRefused
from app.release.models_folder import (
    NEXT_RECORD,
    READS,
    RELEASES,
    discard,
    folder_of,
    installed,
    only_one_pull,
    pulled,
    read_through,
)
from app.release.record import RECORD, Release, read_record
from app.release.refusals import BadRelease
from app.release.seen_commits import SEEN
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote

OTHER = {**FILES, "train.py": b"print(2)\n"}


@pytest.fixture
def other(tmp_path: Path) -> Remote:
    """Another repository, whose v1.0 has other files."""
    repository = Remote(tmp_path / "other.git")
    repository.release("v1.0", OTHER)
    return repository


def content_name(folder: Path) -> str:
    return hashlib.sha256((folder / RECORD).read_bytes()).hexdigest()


def as_before(house: House, version: str = "v1.0") -> None:
    """Lays a release out as older installations have it: a folder of its own, and hard links in models/."""
    folder = folder_of(house.models, version)
    (house.models / version).unlink()
    folder.rename(house.models / version)
    for path in (house.models / version).iterdir():
        (house.models / path.name).unlink()
        os.link(path, house.models / path.name)


# -- the layout --------------------------------------------------------------------------------------------------------


def test_a_version_is_a_relative_link_to_a_folder_named_by_the_bytes_of_its_record(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    link = house.models / "v1.0"
    assert link.readlink() == Path(RELEASES) / content_name(link)
    assert {path.name for path in link.iterdir()} == {*FILES, RECORD}
    house.models.rename(house.root / "moved")
    assert (house.root / "moved/v1.0" / PKL).read_bytes() == FILES[PKL]


def test_installed_lists_every_pulled_release_by_version(house: House, remote: Remote):
    assert installed(house.models) == []
    remote.release("v1.1")
    remote.release()
    house.pull(str(remote.folder), "v1.1")
    house.pull(str(remote.folder))
    (house.models / "v9.9").mkdir()
    assert [release.version for release in installed(house.models)] == ["v1.0", "v1.1"]


def test_what_was_replaced_is_kept_until_the_next_pull(house: House, remote: Remote, other: Remote):
    remote.release()
    house.pull(str(remote.folder))
    first = folder_of(house.models, "v1.0")
    house.pull(str(other.folder))
    second = folder_of(house.models, "v1.0")
    assert house.releases() == {first.name, second.name}
    assert (first / "train.py").read_bytes() == FILES["train.py"]
    house.pull(str(other.folder))
    assert house.releases() == {second.name}


def test_a_release_that_comes_back_is_the_folder_that_was_kept(house: House, remote: Remote, other: Remote):
    remote.release()
    house.pull(str(remote.folder))
    folder = folder_of(house.models, "v1.0")
    was = folder.stat().st_ino
    house.pull(str(other.folder))
    house.pull(str(remote.folder))
    assert folder_of(house.models, "v1.0") == folder and folder.stat().st_ino == was


def test_no_pull_clears_what_another_version_leads_to(house: House, remote: Remote, other: Remote):
    remote.release()
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    house.pull(str(remote.folder), "v2.0", is_default=False)
    for repository in (remote, other, other):
        house.pull(str(repository.folder))
    assert pulled(house.models, "v2.0").version == "v2.0"
    assert len(house.releases()) == 2


def test_a_changed_file_a_missing_one_and_one_too_many_are_mended_in_the_folder_that_holds_the_release(
    house: House, remote: Remote
):
    remote.release()
    house.pull(str(remote.folder))
    before, folder = house.contents(), folder_of(house.models, "v1.0")
    untouched = (folder / RECORD).stat().st_ino
    (folder / PKL).write_bytes(b"Artefact")
    (folder / "train.py").unlink()
    (folder / "train.py").mkdir()
    (folder / "MODELCARD.md").unlink()
    (folder / "more").symlink_to("train.py")
    assert house.pull(str(remote.folder)).outcome == "pulled"
    assert house.contents() == before and folder_of(house.models, "v1.0") == folder
    assert {path.name for path in folder.iterdir()} == {*FILES, RECORD}
    assert (folder / RECORD).stat().st_ino == untouched


# -- reading while it is replaced --------------------------------------------------------------------------------------


def test_a_reader_goes_on_in_the_folder_it_began_in(house: House, remote: Remote, other: Remote):
    remote.release()
    house.pull(str(remote.folder))

    def read(folder: Path) -> bytes:
        house.pull(str(other.folder))
        return (folder / "train.py").read_bytes()

    assert read_through(house.models / "v1.0", read) == FILES["train.py"]


def test_a_reader_whose_folder_is_cleared_begins_anew_in_the_new_one(house: House, remote: Remote, other: Remote):
    remote.release()
    house.pull(str(remote.folder))
    begun: list[Path] = []

    def read(folder: Path) -> bytes:
        begun.append(folder)
        if len(begun) == 1:
            house.pull(str(other.folder))
            house.pull(str(other.folder))
        if not folder.exists():
            raise BadRelease("x", found="x", expected="x", remedy="x.")
        return (folder / "train.py").read_bytes()

    assert read_through(house.models / "v1.0", read) == OTHER["train.py"]
    assert len(begun) == 2 and begun[0] != begun[1]


@pytest.mark.parametrize("when", [1, 2], ids=["before the record", "between record and file"])
def test_a_reader_of_models_itself_reads_again_what_a_pull_replaced_meanwhile(
    house: House, remote: Remote, other: Remote, when: int
):
    remote.release()
    house.pull(str(remote.folder))
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        if len(steps) == when:
            house.pull(str(other.folder))

    def read(folder: Path) -> tuple[Release | None, bytes]:
        step()
        record = read_record(folder)
        step()
        return record, (folder / "train.py").read_bytes()

    record, data = read_through(house.models, read)
    assert data == OTHER["train.py"]
    assert record == read_record(house.models / "v1.0")
    assert len(steps) == 4, "read twice, since the record is another one"


def test_a_reader_who_meets_files_of_two_releases_waits_for_the_record_that_is_placed_last(
    house: House, remote: Remote
):
    remote.release()
    house.pull(str(remote.folder))
    (house.models / NEXT_RECORD).write_bytes(b"{}")
    pauses: list[float] = []

    def read(folder: Path) -> str:
        if (folder / NEXT_RECORD).exists():
            raise BadRelease("x", found="a mix", expected="x", remedy="x.")
        return "whole"

    def placed(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            (house.models / NEXT_RECORD).replace(house.models / RECORD)

    assert read_through(house.models, read, pause=placed) == "whole"
    assert len(pauses) == 3


def test_what_a_stopped_pull_left_is_refused_after_a_bounded_number_of_reads(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    (house.models / NEXT_RECORD).write_bytes(b"{}")
    reads: list[Path] = []

    def read(folder: Path) -> str:
        reads.append(folder)
        raise BadRelease("x", found="a mix", expected="x", remedy="x.")

    with pytest.raises(BadRelease):
        read_through(house.models, read, pause=lambda seconds: None)
    assert len(reads) == READS
    house.pull(str(remote.folder), "v1.0")
    assert not (house.models / NEXT_RECORD).exists()


def test_what_is_refused_in_a_folder_that_stays_is_refused(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    (folder_of(house.models, "v1.0") / PKL).unlink()
    with pytest.raises(BadRelease, match=PKL):
        pulled(house.models, "v1.0")


# -- installations of before -------------------------------------------------------------------------------------------


def test_a_release_of_an_older_installation_is_taken_over_by_the_next_pull(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    as_before(house)
    assert pulled(house.models, "v1.0").version == "v1.0"
    assert house.contents() == before
    assert house.pull(str(remote.folder)).outcome == "copied"
    assert (house.models / "v1.0").is_symlink() and house.contents() == before
    assert not (house.models / PKL).samefile(house.models / "v1.0" / PKL)
    assert house.pull(str(remote.folder)).outcome == "in place"
    assert len(house.accepted) == 1, "nothing was fetched again"


def test_a_release_of_an_older_installation_is_replaced_and_kept_like_any_other(
    house: House, remote: Remote, other: Remote
):
    remote.release()
    house.pull(str(remote.folder))
    as_before(house)
    name = content_name(house.models / "v1.0")
    house.pull(str(other.folder))
    assert name in house.releases() and (house.models / "v1.0/train.py").read_bytes() == OTHER["train.py"]


def test_a_release_of_an_older_installation_is_taken_over_offline_too(house: House, remote: Remote):
    remote.release()
    house.pull(str(remote.folder))
    as_before(house)
    remote.folder.rename(remote.folder.with_name("away.git"))
    assert house.pull(str(remote.folder), keep_offline=True).outcome == "kept"
    assert (house.models / "v1.0").is_symlink() and pulled(house.models, "v1.0").version == "v1.0"


def test_a_folder_without_a_record_gives_way(house: House, remote: Remote):
    remote.release()
    (house.models / "v1.0").mkdir(parents=True)
    (house.models / "v1.0/mine").write_bytes(b"x")
    assert house.pull(str(remote.folder)).outcome == "pulled"
    assert pulled(house.models, "v1.0").version == "v1.0"


# -- leaving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lay_out", [lambda house: None, as_before], ids=["link", "folder"])
def test_a_discarded_release_is_gone_and_the_others_stay(house: House, remote: Remote, lay_out):
    remote.release()
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    house.pull(str(remote.folder), "v2.0", is_default=False)
    house.pull(str(remote.folder))
    lay_out(house)
    discard(house.models, "v1.0")
    assert not os.path.lexists(house.models / "v1.0")
    assert [release.version for release in installed(house.models)] == ["v2.0"]
    assert house.releases() == {content_name(house.models / "v2.0")}
    assert not list(house.models.glob(".incoming-*"))


# -- what stands in the way --------------------------------------------------------------------------------------------


def test_the_lock_is_not_opened_through_a_link(house: House, remote: Remote, tmp_path: Path):
    remote.release()
    house.models.mkdir()
    target = tmp_path / "elsewhere"
    (house.models / ".lock").symlink_to(target)
    with pytest.raises(SystemRefused, match=r"models/\.lock: a link.*Move that link away"):
        house.pull(str(remote.folder))
    assert not target.exists()
    target.write_bytes(b"mine")
    with pytest.raises(SystemRefused, match=r"\.lock"):
        house.pull(str(remote.folder))
    assert target.read_bytes() == b"mine" and {path.name for path in house.models.iterdir()} == {".lock"}


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["fifo", "folder"])
def test_a_lock_that_is_no_plain_file_is_refused_by_name(house: House, make):
    house.models.mkdir()
    make(house.models / ".lock")
    with pytest.raises(ConfigurationError, match=r"models/\.lock.*[Mm]ove.* away"), only_one_pull(house.models, print):
        pass


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"x"), lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_folder_in_the_place_of_the_releases_is_refused_by_name(house: House, remote: Remote, make):
    remote.release()
    house.models.mkdir()
    make(house.models / RELEASES)
    with pytest.raises(ConfigurationError, match=r"models/releases: no folder.*Move .*releases away"):
        house.pull(str(remote.folder))
    assert {path.name for path in house.models.iterdir()} == {".lock", RELEASES}


@pytest.mark.parametrize("name", [RELEASES, "Releases", SEEN, RECORD, "v1.0"])
def test_no_file_of_a_release_has_a_name_that_models_keeps_for_itself(house: House, remote: Remote, name: str):
    remote.release("v1.0", {**FILES, name: b"x"})
    with pytest.raises(BadRelease, match="keeps for itself"):
        house.pull(str(remote.folder))
    assert house.contents() == {}


@pytest.mark.parametrize("name", [RELEASES, "Releases", SEEN, RECORD, "v1.0"])
def test_a_folder_of_a_release_with_such_a_name_is_left_out_and_said(house: House, remote: Remote, name: str):
    folder = remote.raw("tree", b"100644 x\0" + bytes.fromhex(remote.blob(b"x")))
    remote.release(more=(("40000", name, folder),))
    house.pull(str(remote.folder))
    assert f"Left out of v1.0 (names that PixelWise keeps for itself): {name}/." in house.said
    assert {path.name for path in (house.models / "v1.0").iterdir()} == {*FILES, RECORD}


def test_a_link_of_the_user_to_a_release_elsewhere_is_followed_and_never_cleared(
    house: House, remote: Remote, tmp_path: Path
):
    remote.release()
    house.pull(str(remote.folder))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder_of(house.models, "v1.0"), elsewhere)
    (house.models / "v1.0").unlink()
    (house.models / "v1.0").symlink_to(elsewhere)
    assert house.pull(str(remote.folder)).outcome == "in place"
    assert read_record(house.models / "v1.0") is not None and (elsewhere / PKL).exists()
