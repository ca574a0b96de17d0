from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from msgspec import structs

from app.release.manifest import manifest_digest
from app.release.model_lock import add_to_lock, find_cover, find_same_files, find_vouching, read_lock, write_lock
from app.release.record import CARD, RECORD, SUMS, Release, describe, record_bytes
from app.release.refusals import BadLock, BadRelease, MovedTag
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums

ROOT = Path(__file__).parents[2]
COURSE = "https://github.com/schutera/pixelwise-model.git"
FILE = describe("digit_classifier_v1.pkl", b"artefact")
ENTRY = Release(repository="https://host/x.git", version="v1.0", commit="1" * 40, artefact=FILE.name, files=(FILE,))
MANIFEST = manifest_digest(describe(name, FILES[name]) for name in (PKL, CARD))


def test_the_lock_of_this_project_lists_the_public_releases_of_the_course() -> None:
    entries = read_lock(ROOT / "model.lock")
    course = {entry.version: entry for entry in entries if entry.repository == COURSE}
    assert {version: (entry.commit[:7], entry.artefact) for version, entry in course.items()} == {
        "v1.0": ("7b54a7e", "digit_classifier_v1.pkl"),
        "v1.1": ("510b786", "digit_classifier_v1_1.pkl"),
        "v2.0": ("3ba8efc", "digit_classifier_v2.pkl"),
    }
    assert [course["v1.0"].files[0].size, course["v1.0"].files[0].sha256[:8]] == [57585, "2f634166"]


def test_the_lock_of_this_project_holds_no_path_of_a_machine() -> None:
    assert not [entry for entry in read_lock(ROOT / "model.lock") if entry.repository.startswith(("/", "file:"))]


def test_what_is_written_is_read_back_below_the_comment_of_the_file(tmp_path: Path) -> None:
    odd = Release(repository='/a "b" \\ ü', version="v2.0", commit="2" * 40, artefact=FILE.name, files=(FILE,))
    other = structs.replace(odd, version="v2.1", commit=None, manifest=MANIFEST)
    lock = tmp_path / "model.lock"
    lock.write_text("# Reviewed.\n\n")
    write_lock(lock, [ENTRY, odd, other])
    assert read_lock(lock) == (ENTRY, odd, other)
    assert lock.read_text().startswith("# Reviewed.\n\n[[release]]\n")
    assert [path.name for path in tmp_path.iterdir()] == ["model.lock"]


def test_our_own_lock_is_written_as_it_stands(tmp_path: Path) -> None:
    lock = tmp_path / "model.lock"
    lock.write_text((ROOT / "model.lock").read_text())
    write_lock(lock, read_lock(lock))
    assert lock.read_text() == (ROOT / "model.lock").read_text()
    assert set(tomllib.loads(lock.read_text())) == {"release"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[release]", "line 1"),
        ("[[releases]]\n", "releases"),
        ('[[release]]\nversion = "v1.0"\n', "missing required field"),
        ("\udcff", "utf-8"),
        (
            '[[release]]\nrepository = "x"\nversion = "v1.0"\nartefact = "a"\n'
            f'[[release.files]]\nname = "a"\nsize = 1\nsha256 = "{"1" * 64}"\n',
            "neither a commit nor a manifest",
        ),
    ],
)
def test_a_lock_that_cannot_be_read_is_refused_not_ignored(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "model.lock").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadLock, match=why) as refusal:
        read_lock(tmp_path / "model.lock")
    assert refusal.value.exit_code == 4


def test_two_entries_for_one_release_are_refused(tmp_path: Path) -> None:
    lock = tmp_path / "model.lock"
    write_lock(
        lock,
        [
            ENTRY,
            Release(repository=ENTRY.repository, version="v1.0", commit="2" * 40, artefact=FILE.name, files=(FILE,)),
        ],
    )
    with pytest.raises(BadLock, match=r"two entries for v1.0 of https://host/x.git"):
        read_lock(lock)


def test_a_commit_is_covered_whatever_the_address() -> None:
    cover = find_cover([ENTRY], repository="git@mirror:y", version="v1.0", pin="1" * 40, root=ROOT)
    assert cover is ENTRY


@pytest.mark.parametrize("address", ["https://host/x.git", "git@host:x", "https://host/X/"])
def test_the_same_repository_with_another_commit_is_a_moved_tag_however_it_is_written(address: str) -> None:
    with pytest.raises(MovedTag, match=r"by model\.lock"):
        find_cover([ENTRY], repository=address, version="v1.0", pin="2" * 40, root=ROOT)


def test_a_moved_tag_is_not_covered_by_the_entry_of_a_mirror() -> None:
    mirror = Release(
        repository="https://mirror/x.git", version="v1.0", commit="2" * 40, artefact=FILE.name, files=(FILE,)
    )
    with pytest.raises(MovedTag):
        find_cover([mirror, ENTRY], repository="https://host/x", version="v1.0", pin="2" * 40, root=ROOT)


@pytest.mark.parametrize(("repository", "version"), [("https://other/x", "v1.0"), ("https://host/x", "v1.1")])
def test_another_repository_or_version_is_a_first_pull(repository: str, version: str) -> None:
    assert find_cover([ENTRY], repository=repository, version=version, pin="2" * 40, root=ROOT) is None


def test_a_manifest_is_covered_whatever_the_address_and_the_commit_before_it() -> None:
    entry = structs.replace(ENTRY, manifest=MANIFEST)
    other = structs.replace(entry, repository="https://other/x", commit="2" * 40)
    for pin, manifest, found in (
        (MANIFEST, None, entry),
        ("3" * 40, MANIFEST, entry),
        ("2" * 40, MANIFEST, other),
        ("3" * 40, None, None),
    ):
        cover = find_cover(
            [entry, other], repository="https://mirror/y", version="v1.0", pin=pin, manifest=manifest, root=ROOT
        )
        assert cover is found
    with pytest.raises(MovedTag):
        find_cover([entry], repository="https://host/x", version="v1.0", pin="3" * 40, manifest=MANIFEST, root=ROOT)


def test_the_files_of_a_release_are_found_by_their_manifest_under_its_own_version_only() -> None:
    files = {FILE.name: FILE}
    entry = structs.replace(ENTRY, manifest=manifest_digest([FILE]))
    for version, found in (("v1.0", entry), ("v1.1", None)):
        assert find_same_files([ENTRY, entry], version=version, files=files, sums=None) is found
    assert find_same_files([ENTRY], version="v1.0", files=files, sums=None) is None


def test_an_entry_vouches_for_a_record_of_its_commit_or_of_its_manifest() -> None:
    entry = structs.replace(ENTRY, manifest=MANIFEST)
    for commit, manifest, found in (
        (None, MANIFEST, entry),
        (entry.commit, None, entry),
        ("2" * 40, MANIFEST, entry),
        ("2" * 40, None, None),
    ):
        record = structs.replace(entry, commit=commit, manifest=manifest)
        assert find_vouching([entry], version="v1.0", digest=FILE.sha256, record=record) is found
    other, record = (structs.replace(entry, commit=None, manifest=f"sha256:{digit * 64}") for digit in "12")
    assert find_vouching([other], version="v1.0", digest=FILE.sha256, record=record) is None


# -- adding ----------------------------------------------------------------------------------------------------


def add(house: House, *, replace: bool = False) -> str:
    return add_to_lock(models=house.models, version="v1.0", lock_file=house.lock_file, root=house.root, replace=replace)


def test_the_pulled_release_is_added_and_then_covered(house: House, remote: Remote) -> None:
    commit = remote.release()
    release = house.pull(str(remote.folder)).release
    assert (
        add(house) == f"Added v1.0 of {remote.folder}, commit {commit}. Review the change of model.lock and commit it."
    )
    entry = structs.replace(release, manifest=MANIFEST)
    assert read_lock(house.lock_file) == (entry,)
    assert "nothing to do" in add(house)
    assert house.pull(str(remote.folder), frozen=True).covered_by == entry


def test_the_entry_of_a_local_build_comes_with_a_warning_for_other_clones(house: House) -> None:
    Remote(house.root / "releases.git").release()
    house.pull("releases.git")
    said = add(house)
    assert "commit it. Another clone builds this release anew and may get other bytes" in said
    assert "Another clone" not in add(house)  # nothing was added


def test_an_entry_is_never_changed_in_passing(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    old = Release(repository=str(remote.folder), version="v1.0", commit="0" * 40, artefact=FILE.name, files=(FILE,))
    write_lock(house.lock_file, [ENTRY, old])
    with pytest.raises(MovedTag, match=r"by model\.lock"):
        add(house)
    assert read_lock(house.lock_file) == (ENTRY, old)
    assert add(house, replace=True).startswith("Replaced the entry of v1.0")
    assert [entry.commit == "0" * 40 for entry in read_lock(house.lock_file)] == [False, False]


def test_a_release_that_changed_since_it_was_pulled_is_not_added(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    (house.models / "v1.0/MODELCARD.md").write_text("x")
    with pytest.raises(BadRelease, match=r"MODELCARD.md missing or changed.*pixelwise pull"):
        add(house)
    assert not house.lock_file.exists()


def test_a_release_that_was_never_pulled_is_not_added(house: House) -> None:
    with pytest.raises(BadRelease, match=r"nothing pulled.*pixelwise pull"):
        add(house)


def test_every_pulled_file_is_listed(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    add(house)
    assert {file.name for file in read_lock(house.lock_file)[0].files} == set(FILES)


def test_a_comment_that_names_an_entry_s_heading_is_kept_whole(tmp_path: Path):
    lock_file = tmp_path / "model.lock"
    lock_file.write_text("# each [[release]] below is trusted\n\n")
    write_lock(lock_file, read_lock(ROOT / "model.lock"))
    assert lock_file.read_text().startswith("# each [[release]] below is trusted\n\n[[release]]\n")
    assert read_lock(lock_file) == read_lock(ROOT / "model.lock")


def test_a_release_whose_record_is_of_the_last_version_is_listed_with_its_manifest(
    house: House, remote: Remote
) -> None:
    whole = {**FILES, SUMS: sums(FILES)}
    remote.release("v1.0", whole)
    release = house.pull(str(remote.folder)).release
    old = structs.replace(release, manifest=None)
    (house.models / "v1.0" / RECORD).write_bytes(record_bytes(old))
    add(house)
    assert read_lock(house.lock_file) == (release,)
    assert release.manifest == manifest_digest(release.files)
