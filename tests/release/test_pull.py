from __future__ import annotations

from pathlib import Path

import pytest

from app.release.models_folder import RELEASES
from app.release.record import RECORD, Release, describe, read_record
from app.release.refusals import ChangedFile, Unreviewed
from app.release.seen_commits import SEEN
from tests.release.conftest import House
from tests.release.remote import FILES, Remote

# -- what a pull leaves ----------------------------------------------------------------------------------------


def test_a_release_lies_whole_in_its_folder_and_its_files_in_models(house: House, remote: Remote) -> None:
    commit = remote.release()
    pulled = house.pull(str(remote.folder))
    assert pulled.outcome == "pulled" and pulled.covered_by is None
    assert pulled.release == Release(
        repository=str(remote.folder),
        version="v1.0",
        commit=commit,
        artefact="digit_classifier_v1.pkl",
        files=tuple(describe(name, FILES[name]) for name in sorted(FILES)),
    )
    contents = house.contents()
    for name, data in FILES.items():
        assert contents[name] == contents[f"v1.0/{name}"] == data
    assert contents[RECORD] == contents[f"v1.0/{RECORD}"]
    assert len(contents) == 2 * (len(FILES) + 1) + 1 and SEEN in contents
    assert read_record(house.models) == pulled.release


def test_others_may_read_what_was_pulled(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    assert (house.models / "v1.0").stat().st_mode & 0o055
    assert (house.models / "digit_classifier_v1.pkl").stat().st_mode & 0o044


def test_a_lightweight_tag_is_a_release_too(house: House, remote: Remote) -> None:
    commit = remote.commit(FILES)
    remote.point("v1.0", commit)
    assert house.pull(str(remote.folder)).release.commit == commit


def test_a_first_pull_says_so_and_names_the_command_that_adds_it_to_the_lock(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    assert "pixelwise lock" in house.said[-1] and "first pull" in house.said[-1]


def test_the_second_pull_finds_nothing_to_do(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before, house.said[:] = house.contents(), []
    assert house.pull(str(remote.folder)).outcome == "in place"
    assert house.contents() == before and house.said == [] and len(house.accepted) == 1


def test_the_pinned_version_takes_the_place_of_the_other_in_models(house: House, remote: Remote) -> None:
    remote.release()
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    house.pull(str(remote.folder))
    assert house.pull(str(remote.folder), "v2.0").outcome == "pulled"
    names = {path.name for path in house.models.iterdir()}
    assert names == {".lock", SEEN, RELEASES, "v1.0", "v2.0", "digit_classifier_v2.pkl", RECORD}
    assert house.pull(str(remote.folder)).outcome == "copied"
    assert not (house.models / "digit_classifier_v2.pkl").exists()
    record = read_record(house.models)
    assert record is not None and record.version == "v1.0"


def test_a_changed_byte_in_place_is_said_and_fetched_anew(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    (house.models / "v1.0/digit_classifier_v1.pkl").write_bytes(b"Artefact")
    assert house.pull(str(remote.folder)).outcome == "pulled"
    assert house.contents() == before
    assert any("digit_classifier_v1.pkl in models/v1.0 is not what was pulled" in line for line in house.said)


def test_a_file_lost_or_replaced_in_models_is_copied_again(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    (house.models / "train.py").unlink()
    (house.models / "MODELCARD.md").unlink()
    (house.models / "MODELCARD.md").write_text("other")
    assert house.pull(str(remote.folder)).outcome == "copied"
    assert house.contents() == before


def test_a_record_that_cannot_be_read_is_fetched_anew(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    for folder in (house.models, house.models / "v1.0"):
        (folder / RECORD).unlink()
        (folder / RECORD).write_text("{")
    assert house.pull(str(remote.folder)).outcome == "pulled"
    assert house.contents() == before


def test_a_version_of_another_repository_replaces_the_one_in_place(
    house: House, remote: Remote, tmp_path: Path
) -> None:
    remote.release()
    fork = Remote(tmp_path / "fork.git")
    commit = fork.release("v1.0", {"digit_classifier_v1.pkl": b"fork"})
    house.pull(str(remote.folder))
    assert house.pull(str(fork.folder)).release.commit == commit
    assert set(house.contents()) - {SEEN} == {
        f"{at}{name}" for at in ("", "v1.0/") for name in ("digit_classifier_v1.pkl", RECORD)
    }


def test_subfolders_and_odd_names_are_left_out_and_named(house: House, remote: Remote) -> None:
    tree = remote.git("mktree", data=b"")
    remote.release("v1.0", {**FILES, ".gitignore": b"x", "Größe": b"x", "-x": b"x"}, more=(("40000", "docs", tree),))
    house.pull(str(remote.folder))
    assert set(FILES) | {RECORD} == {path.name for path in (house.models / "v1.0").iterdir()}
    notice = next(line for line in house.said if line.startswith("Left out"))
    assert "docs/" in notice and ".gitignore" in notice and "-x" in notice and notice.isascii()


# -- the own artefact of a version -----------------------------------------------------------------------------


def test_a_later_artefact_of_the_same_major_is_the_own_one(house: House, remote: Remote) -> None:
    names = ("digit_classifier_v1.pkl", "digit_classifier_v1_1.pkl", "digit_classifier_v2.pkl")
    remote.release("v1.1", dict.fromkeys(names, b"x"))
    assert house.pull(str(remote.folder), "v1.1").release.artefact == "digit_classifier_v1_1.pkl"


def test_the_artefact_that_the_card_names_is_the_own_one(house: House, remote: Remote) -> None:
    remote.release("v1.0", {**FILES, "mine.pkl": b"x"})
    pulled = house.pull(
        str(remote.folder), card_artefact=lambda folder: (folder / "MODELCARD.md").exists() and "mine.pkl"
    )
    assert pulled.release.artefact == "mine.pkl"


# -- the lock --------------------------------------------------------------------------------------------------


def test_a_release_that_the_lock_lists_is_covered_and_needs_no_notice(house: House, remote: Remote) -> None:
    release = house.lock(str(remote.folder), remote.release())
    assert house.pull(str(remote.folder), frozen=True).covered_by == release
    assert not any("pixelwise lock" in line for line in house.said)


def test_a_mirror_is_covered_by_its_commit(house: House, remote: Remote, tmp_path: Path) -> None:
    release = house.lock("https://elsewhere.example/x.git", remote.release())
    assert house.pull(str(remote.folder), frozen=True).covered_by == release
    mirror = tmp_path / "mirror.git"
    remote.git("clone", "--quiet", "--mirror", ".", str(mirror))
    assert house.pull(str(mirror), frozen=True).outcome == "in place"


def test_a_frozen_pull_refuses_what_the_lock_does_not_list(house: House, remote: Remote) -> None:
    remote.release()
    with pytest.raises(Unreviewed, match=r"model\.lock") as refusal:
        house.pull(str(remote.folder), frozen=True)
    assert refusal.value.exit_code == 4 and house.contents() == {}


def test_a_trusted_commit_under_another_version_is_not_covered(house: House, remote: Remote) -> None:
    """v1.0's commit, tagged v1.1 by somebody, would serve v1.0 under another name."""
    commit = remote.release()
    house.lock(str(remote.folder), commit)
    remote.tag("v1.1", commit)
    with pytest.raises(Unreviewed):
        house.pull(str(remote.folder), "v1.1", frozen=True)


def test_a_release_in_place_is_held_against_the_lock_too(house: House, remote: Remote) -> None:
    commit = remote.release()
    house.pull(str(remote.folder))
    house.lock(str(remote.folder), commit, train=describe("train.py", b"PRINT()\n"))
    with pytest.raises(ChangedFile, match=r"train.py: changed .*by model\.lock"):
        house.pull(str(remote.folder))


def test_a_reviewed_change_of_the_lock_lets_a_moved_tag_in(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    moved = remote.release("v1.0", {**FILES, "more.txt": b"x"})
    house.lock(str(remote.folder), moved)
    assert house.pull(str(remote.folder), frozen=True).release.commit == moved
