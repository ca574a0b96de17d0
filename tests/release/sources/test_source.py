"""The seam: a release of another source than git is pulled, locked, placed and opened by the same code."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from app.errors import Unreachable
from app.release import pull as pull_module
from app.release.manifest import manifest_digest
from app.release.model_lock import add_to_lock, read_lock, write_lock
from app.release.pin import Pin
from app.release.record import CARD, SUMS, describe, read_record
from app.release.refusals import BadRelease, ChangedFile, MovedTag, Unreviewed
from app.release.sources.address import SCHEMES
from app.release.sources.source import MOST_FILES, ListedFile, Listing, check_version
from app.release.sources.table import SOURCES
from app.verify.refusals import OriginUnknown
from tests.installation import Published
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums
from tests.release.shelf import Shelf, parse_shelf, put
from tests.release.shop import Shop

WHOLE = {**FILES, SUMS: sums(FILES)}
MANIFEST = manifest_digest(describe(name, data) for name, data in WHOLE.items())
OTHER = {**FILES, PKL: b"another"}
ANOTHER = {**OTHER, SUMS: sums(OTHER)}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a source, known to the tables."""
    monkeypatch.setitem(SCHEMES, "shelf", parse_shelf)
    monkeypatch.setitem(SOURCES, "shelf", Shelf)
    put(tmp_path / "shelf/v1.0", WHOLE)
    return tmp_path / "shelf"


@pytest.fixture
def address(shelf: Path) -> str:
    return f"shelf://{shelf}"


def lock(house: House) -> str:
    return add_to_lock(models=house.models, version="v1.0", lock_file=house.lock_file, root=house.root)


def forget(house: House) -> None:
    """Takes the release out of models/, so that the next pull is a first one."""
    (house.models / "v1.0").unlink()


def test_a_pull_names_no_git() -> None:
    text = Path(pull_module.__file__).read_text()
    names = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in names if name and "git" in name]
    assert not re.search(r"\bgit", text, re.IGNORECASE)


# -- pulled to the end -------------------------------------------------------------------------------------------------


def test_a_release_of_another_source_is_placed_with_its_manifest_digest_for_a_pin(house: House, address: str) -> None:
    pulled = house.pull(address)
    assert (pulled.outcome, pulled.covered_by) == ("pulled", None)
    assert (pulled.release.commit, pulled.release.manifest) == (None, MANIFEST)
    assert read_record(house.models / "v1.0") == read_record(house.models) == pulled.release
    contents = house.contents()
    assert {name: contents[f"v1.0/{name}"] for name in WHOLE} == WHOLE
    assert MANIFEST.encode() in contents["seen.json"]
    assert "Its manifest and digests are recorded" in house.said[-1]
    assert house.pull(address).outcome == "in place"


def test_what_is_locked_from_another_source_opens_where_the_lock_is_required(
    shop: Shop, v1: Published, shelf: Path, address: str
) -> None:
    house = House(shop.root)
    put(shelf / "v1.0", v1.files)
    for path in (shelf / "v1.0").iterdir():
        if path.name not in v1.files:
            path.unlink()
    house.pull(address, card_artefact=lambda folder: v1.record.artefact)
    with pytest.raises(OriginUnknown):
        shop.open(require_lock=True)
    assert ", manifest sha256:" in lock(house)
    assert read_lock(house.lock_file)[0].commit is None
    assert shop.open(require_lock=True).version == "v1.0"


def test_a_source_that_does_not_answer_leaves_its_release_in_place(house: House, shelf: Path, address: str) -> None:
    house.pull(address)
    lock(house)
    shelf.rename(shelf.with_name("gone"))
    with pytest.raises(Unreachable):
        house.pull(address)
    kept = house.pull(address, keep_offline=True, frozen=True)
    assert (kept.outcome, kept.covered_by) == ("kept", kept.release)
    assert house.said[-1].endswith(f"v1.0, manifest {MANIFEST[:19]}.")


def test_a_source_that_does_not_answer_is_done_without_where_an_entry_of_it_covers_what_is_in_place(
    house: House, shelf: Path, address: str
) -> None:
    release = house.pull(address).release
    mirror = f"shelf://{shelf.with_name('mirror')}"
    with pytest.raises(Unreachable):
        house.pull(mirror, keep_offline=True)
    write_lock(house.lock_file, [structs.replace(release, repository=mirror)])
    assert house.pull(mirror, keep_offline=True, frozen=True).outcome == "kept"


# -- one entry for a release from any source ---------------------------------------------------------------------------


def test_an_entry_from_git_covers_the_same_release_of_another_source(
    house: House, remote: Remote, address: str
) -> None:
    commit = remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    lock(house)
    forget(house)
    cover = house.pull(address, frozen=True).covered_by
    assert cover is not None
    assert (cover.repository, cover.commit, cover.manifest) == (str(remote.folder), commit, MANIFEST)
    assert "nothing to do" in lock(house)


def test_an_entry_from_another_source_covers_the_same_release_of_git(
    house: House, remote: Remote, address: str
) -> None:
    house.pull(address)
    lock(house)
    forget(house)
    commit = remote.release("v1.0", WHOLE)
    pulled = house.pull(str(remote.folder), frozen=True)
    assert (pulled.release.commit, pulled.release.manifest) == (commit, MANIFEST)
    assert pulled.covered_by == read_lock(house.lock_file)[0]
    again = house.pull(str(remote.folder), frozen=True)
    assert (again.outcome, again.covered_by) == ("in place", pulled.covered_by)


def test_what_is_in_place_serves_for_the_same_release_of_another_source(
    house: House, remote: Remote, address: str
) -> None:
    remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    assert house.pull(address).outcome == "in place"


def test_the_entry_of_another_version_covers_nothing(house: House, shelf: Path, address: str) -> None:
    put(shelf / "v1.1", WHOLE)
    house.pull(address)
    lock(house)
    with pytest.raises(Unreviewed, match=rf": manifest {MANIFEST}, which no entry"):
        house.pull(address, "v1.1", frozen=True)


def test_frozen_other_files_of_another_source_are_refused_unread(
    house: House, shelf: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.pull(address)
    lock(house)
    forget(house)
    put(shelf.with_name("other") / "v1.0", ANOTHER)
    monkeypatch.setattr(Shelf, "list", None)
    with pytest.raises(Unreviewed):
        house.pull(f"shelf://{shelf.with_name('other')}", frozen=True)


@pytest.mark.parametrize("files", [ANOTHER, {**WHOLE, SUMS: WHOLE[SUMS] + b"\n"}], ids=["file", "sums"])
def test_frozen_a_repository_with_other_files_is_refused_and_nothing_is_placed(
    house: House, remote: Remote, address: str, files: dict[str, bytes]
) -> None:
    house.pull(address)
    lock(house)
    remote.release("v1.0", files)
    before = house.contents()
    with pytest.raises((Unreviewed, BadRelease)):
        house.pull(str(remote.folder), frozen=True, card_artefact=lambda folder: pytest.fail("read before trusted"))
    assert house.contents() == before and len(house.accepted) == 1


def test_frozen_nothing_is_fetched_where_no_entry_has_a_manifest(house: House, remote: Remote) -> None:
    house.lock("https://elsewhere.example/x.git", "1" * 40)
    remote.release("v1.0", WHOLE)
    with pytest.raises(Unreviewed):
        house.pull(str(remote.folder), frozen=True)
    assert not house.said


def test_a_release_that_was_pulled_before_there_were_manifests_is_fetched_anew_to_be_covered_by_one(
    house: House, remote: Remote, address: str
) -> None:
    house.pull(address)
    lock(house)
    forget(house)
    remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    record = house.models / "v1.0/record.json"
    record.write_text(record.read_text().replace(f'  "manifest": "{MANIFEST}",\n', ""))
    assert house.pull(str(remote.folder)).outcome != "pulled"  # nobody asked for the lock
    pulled = house.pull(str(remote.folder), frozen=True)
    assert (pulled.outcome, pulled.release.manifest) == ("pulled", MANIFEST)


# -- moved -------------------------------------------------------------------------------------------------------------


def test_other_files_under_a_known_version_of_another_source_are_a_moved_tag(
    house: House, shelf: Path, address: str
) -> None:
    house.pull(address)
    put(shelf / "v1.0", ANOTHER)
    with pytest.raises(MovedTag, match=rf"promised manifest {MANIFEST} by the record"):
        house.pull(address)
    lock(house)
    forget(house)
    with pytest.raises(MovedTag, match=rf"promised manifest {MANIFEST} by model\.lock"):
        house.pull(address)


def test_a_tag_that_moved_to_a_commit_of_the_same_files_has_moved(house: House, remote: Remote) -> None:
    remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    moved = remote.git("commit-tree", f"{remote.git('rev-parse', 'v1.0^{tree}')}", "-m", "again")
    remote.tag("v1.0", moved)
    with pytest.raises(MovedTag, match="by the record"):
        house.pull(str(remote.folder))
    lock(house)
    with pytest.raises(MovedTag, match=r"by model\.lock"):
        house.pull(str(remote.folder))


def test_a_moved_tag_comes_in_where_an_entry_of_another_source_vouches_for_its_files(
    house: House, remote: Remote, address: str
) -> None:
    house.pull(address)
    lock(house)
    remote.release("v1.0", OTHER)
    forget(house)
    house.pull(str(remote.folder))
    moved = remote.release("v1.0", WHOLE)
    assert house.pull(str(remote.folder)).release.commit == moved
    remote.release("v1.0", {**WHOLE, "more.txt": b"x"})
    assert house.pull(str(remote.folder)).covered_by is not None
    remote.release("v1.0", OTHER)
    with pytest.raises(MovedTag, match="by the record"):
        house.pull(str(remote.folder))


# -- what a source may say ---------------------------------------------------------------------------------------------


def test_files_that_are_not_what_the_source_pinned_are_refused(
    house: House, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    promised = f"sha256:{'0' * 64}"
    monkeypatch.setattr(Shelf, "resolve", lambda self, version: Pin(version, promised))
    with pytest.raises(BadRelease, match=rf": manifest {MANIFEST}; expected manifest {promised}") as caught:
        house.pull(address)
    assert "run `pixelwise pull v1.0` again" in str(caught.value) and "owner" not in str(caught.value)
    assert not house.accepted and "v1.0/record.json" not in house.contents()


def test_a_file_that_differs_from_its_sums_is_refused(house: House, shelf: Path, address: str) -> None:
    put(shelf / "v1.0", {PKL: b"another"})
    with pytest.raises(ChangedFile, match="by SHA256SUMS"):
        house.pull(address)


def test_what_no_manifest_covers_is_left_out(house: House, shelf: Path, remote: Remote, address: str) -> None:
    put(shelf / "v1.0", {"more.txt": b"x"})
    release = house.pull(address).release
    assert {file.name for file in release.files} == set(WHOLE) == house.accepted[0] - {"record.json"}
    assert any("does not cover them): more.txt." in said for said in house.said)
    lock(house)
    forget(house)
    remote.release("v1.0", {**WHOLE, "more.txt": b"x"})
    assert house.pull(str(remote.folder)).release.files == release.files


def test_the_record_of_a_commit_names_no_manifest_that_does_not_cover_all_of_its_files(
    house: House, remote: Remote, address: str
) -> None:
    remote.release("v1.0", {**WHOLE, "more.txt": b"x"})
    assert house.pull(str(remote.folder)).release.manifest is None
    lock(house)
    assert read_lock(house.lock_file)[0].manifest == MANIFEST
    assert house.pull(str(remote.folder), frozen=True).outcome == "in place"


def test_an_artefact_that_the_sums_do_not_name_is_refused(house: House, shelf: Path, address: str) -> None:
    put(shelf / "v1.0", {SUMS: sums({CARD: FILES[CARD]})})
    with pytest.raises(BadRelease, match=f": no {PKL} in its SHA256SUMS"):
        house.pull(address)


def test_without_sums_artefact_and_card_are_the_release(house: House, shelf: Path, address: str) -> None:
    (shelf / "v1.0" / SUMS).unlink()
    assert {file.name for file in house.pull(address).release.files} == {PKL, CARD}


def test_without_sums_a_card_that_names_another_artefact_than_was_pinned_is_refused_by_what_is_missing(
    house: House, shelf: Path, address: str
) -> None:
    (shelf / "v1.0" / SUMS).unlink()
    put(shelf / "v1.0", {"other.pkl": b"other"})
    with pytest.raises(BadRelease, match=r"a card that names other\.pkl, and no SHA256SUMS") as refusal:
        house.pull(address, card_artefact=lambda folder: "other.pkl")
    assert "must add SHA256SUMS" in refusal.value.remedy
    put(shelf / "v1.0", {SUMS: sums({**FILES, "other.pkl": b"other"})})
    assert house.pull(address, card_artefact=lambda folder: "other.pkl").release.artefact == "other.pkl"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([ListedFile("../evil", 1)], "an odd name"),
        ([ListedFile("a.pkl", 1), ListedFile("a.pkl", 2)], "one of two files"),
        ([ListedFile("Record.json", 1)], "a name that PixelWise keeps"),
        ([ListedFile("v2.0", 1)], "a name that PixelWise keeps"),
        ([ListedFile("big.pkl", (64 << 20) + 1)], "67,108,865 bytes"),
        ([ListedFile(CARD, (64 << 10) + 1)], "65,537 bytes"),
        ([ListedFile(f"{name}.pkl", 60 << 20) for name in "abc"], "188,743,680 bytes in all files"),
        ([ListedFile(f"{number}.txt", 1) for number in range(MOST_FILES + 1)], "101 files"),
    ],
)
def test_no_source_can_list_more_than_a_release_may_hold(files: list[ListedFile], why: str) -> None:
    with pytest.raises(BadRelease, match=why):
        Listing("v1.0", files)


def test_what_is_left_out_may_have_any_name_and_what_is_placed_none_that_is_kept() -> None:
    names = ["docs/", "a\\n", "v2.0/", "releases/", "record.json"]
    assert Listing("v1.0", [], names).left_out == names
    for name in ("v2.0", "releases", "Record.json", "seen.json"):
        with pytest.raises(BadRelease, match="a name that PixelWise keeps"):
            Listing("v1.0", [ListedFile(name, 1)])


@pytest.mark.parametrize("version", ["v1", "latest", "../v1.0", "v1.0\n"])
def test_no_source_is_asked_for_a_version_of_another_form(version: str) -> None:
    with pytest.raises(BadRelease, match="no name of a release"):
        check_version(version)


@pytest.mark.parametrize("pin_id", ["", "1" * 39, "1" * 41, "A" * 40, "sha256:" + "1" * 63, "1" * 64, "1" * 40 + "\n"])
def test_a_pin_has_one_of_two_forms(pin_id: str) -> None:
    with pytest.raises(ValueError, match="neither a commit nor a manifest digest"):
        Pin("v1.0", pin_id)
    assert replace(Pin("v1.0", "1" * 40), id=MANIFEST).id == MANIFEST
