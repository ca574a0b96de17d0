"""Each release that is not what was promised: refused with its own message, the model in place untouched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import PixelWiseError, Refused, Unreachable
from app.release.record import RECORD, ReleaseFile, describe
from app.release.refusals import BadRelease, ChangedFile, MissingFile, MovedTag, WrongSize
from app.release.sources.source import MOST_FILES
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums

Hostile = Callable[[House, Remote], object]


def moved_by_lock(house: House, remote: Remote) -> None:
    house.lock(str(remote.folder), "0" * 40, "v2.0")
    remote.release("v2.0")


def moved_since_the_pull(house: House, remote: Remote) -> None:
    house.pull(str(remote.folder), "v2.0")
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"moved"})


def locked_otherwise(**files: ReleaseFile) -> Hostile:
    return lambda house, remote: house.lock(str(remote.folder), remote.release("v2.0"), "v2.0", **files)


def files_of(files: dict[str, bytes]) -> Hostile:
    return lambda house, remote: remote.release("v2.0", {**FILES, **files})


def entry_of(mode: str, name: str, data: bytes = b"/etc/passwd") -> Hostile:
    return lambda house, remote: remote.release("v2.0", more=((mode, name, remote.blob(data)),))


def malformed_commit(house: House, remote: Remote) -> None:
    remote.git("mktree", data=b"")
    remote.point("v2.0", remote.raw("commit", f"tree {EMPTY_TREE}\n\nno author\n".encode()))


def submodule(house: House, remote: Remote) -> None:
    remote.release("v2.0", more=(("160000", "vendor", "1" * 40),))


def folder_named_dotdot(house: House, remote: Remote) -> None:
    tree = remote.git("mktree", data=b"")
    remote.release("v2.0", more=(("40000", "..", tree),))


def tag_object_of_another_tag(house: House, remote: Remote) -> None:
    remote.tag("v2.0", remote.commit(FILES), named="v1.0")


def tag_of_a_tag(house: House, remote: Remote) -> None:
    inner = remote.tag("v2.0", remote.commit(FILES))
    remote.tag("v2.0", inner, kind="tag")


def tag_of_a_tree(house: House, remote: Remote) -> None:
    remote.point("v2.0", remote.git("mktree", data=b""))


def tag_of_a_blob(house: House, remote: Remote) -> None:
    remote.tag("v2.0", remote.blob(b"x"), kind="blob")


def listed(name: str, data: bytes = b"x") -> Hostile:
    return files_of({"SHA256SUMS": sums({name: data})})


EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SIZE = describe(PKL, b"artefact!")
DIGEST = describe(PKL, b"Artefact")

REFUSALS: dict[str, tuple[Hostile, type[PixelWiseError], str]] = {
    "moved by lock": (
        moved_by_lock,
        MovedTag,
        r"tag v2.0: moved to commit [0-9a-f]{40}; promised commit 0{40} by model.lock",
    ),
    "moved since": (moved_since_the_pull, MovedTag, r"tag v2.0: moved to .*pulled before.*remove models/v2.0"),
    "changed byte, by lock": (
        locked_otherwise(digit_classifier_v1=DIGEST),
        ChangedFile,
        rf"{PKL}: changed .*; promised .*by model.lock",
    ),
    "changed byte, by sums": (listed(PKL, b"Artefact"), ChangedFile, rf"{PKL}: changed .*; promised .*by SHA256SUMS"),
    "wrong size": (
        locked_otherwise(digit_classifier_v1=SIZE),
        WrongSize,
        rf"{PKL}: 8 bytes; promised 9 bytes by model\.lock",
    ),
    "missing file, by lock": (
        locked_otherwise(train=describe("golden_v1.npz", b"")),
        MissingFile,
        "golden_v1.npz: missing from the release; promised by model.lock",
    ),
    "missing file, by sums": (
        listed("gone.npz"),
        MissingFile,
        "gone.npz: missing from the release; promised by SHA256SUMS",
    ),
    "no artefact": (
        lambda house, remote: remote.release("v2.0", {"a.pkl": b"x"}),
        BadRelease,
        ": artefacts a.pkl; expected digit_classifier_v2.pkl",
    ),
    "another tag's object": (tag_object_of_another_tag, BadRelease, "named 'v1.0'; expected one named 'v2.0'"),
    "tag of a tag": (tag_of_a_tag, BadRelease, ": a tag of a tag"),
    "tag of a tree": (tag_of_a_tree, BadRelease, ": a tree; expected a commit"),
    "tag of a blob": (tag_of_a_blob, BadRelease, ": a tag of a blob"),
    "symlink": (entry_of("120000", "weights.npz"), BadRelease, "weights.npz: a symbolic link"),
    "submodule": (submodule, BadRelease, "vendor: a submodule"),
    "path traversal, name": (entry_of("100644", "../evil"), BadRelease, "a path that leads elsewhere"),
    "path traversal, folder": (folder_named_dotdot, BadRelease, "a path that leads elsewhere"),
    "path traversal, .git": (entry_of("100644", ".git"), BadRelease, "a path that leads elsewhere"),
    "path traversal, sums": (listed("../evil"), BadRelease, "SHA256SUMS, '../evil': a path that leads elsewhere"),
    "absolute path, sums": (listed("/etc/passwd"), BadRelease, "'/etc/passwd': a path that leads elsewhere"),
    "sums of no kind": (files_of({"SHA256SUMS": b"hello\n"}), BadRelease, "'hello': a line that is no digest"),
    "reserved name": (files_of({"Record.json": b"{}"}), BadRelease, "Record.json: a name that PixelWise keeps"),
    "name of the ledger": (files_of({"Seen.json": b"{}"}), BadRelease, "Seen.json: a name that PixelWise keeps"),
    "version as a name": (files_of({"v1.0": b"x"}), BadRelease, "file v1.0: a name that PixelWise keeps"),
    "malformed commit": (malformed_commit, BadRelease, "objects that git refuses"),
    "too many files": (
        files_of({f"f{number}": b"" for number in range(MOST_FILES)}),
        BadRelease,
        f"{MOST_FILES + 3} files; expected at most {MOST_FILES}",
    ),
    "large card": (files_of({"MODELCARD.md": bytes((64 << 10) + 1)}), BadRelease, "expected at most 65,536"),
    "large golden set": (files_of({"golden.npz": bytes((4 << 20) + 1)}), BadRelease, "at most 4,194,304"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_release_that_is_not_what_was_promised_is_refused_and_the_model_in_place_stays(
    name: str, house: House, remote: Remote
) -> None:
    make, kind, message = REFUSALS[name]
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    remote.release()
    house.pull(str(remote.folder))
    if make is not moved_since_the_pull:
        remote.git("update-ref", "-d", "refs/tags/v2.0")
    make(house, remote)
    before, house.accepted[:] = house.contents(), []
    with pytest.raises(kind, match=message) as refusal:
        house.pull(str(remote.folder), "v2.0")
    assert refusal.value.exit_code == 4 and str(refusal.value).isprintable()
    assert house.contents() == before and house.accepted == []


@pytest.mark.parametrize(
    "version",
    ["--upload-pack=touch canary", "-v1.0", "v1", "v1.0\n", "v1.0^{}", "v01.0", "../v1.0", "v1.0:x", "main", ""],
)
def test_a_tag_that_is_no_version_is_never_handed_to_git(version: str, house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before = house.contents()
    with pytest.raises(BadRelease, match=": no name of a release") as refusal:
        house.pull(str(remote.folder), version)
    assert refusal.value.exit_code == 4 and house.contents() == before


@pytest.mark.parametrize(
    "address", ["ext::sh -c touch% {canary}", "--upload-pack=touch {canary}", "-x", "http://host/x"]
)
def test_an_address_that_could_run_something_is_refused_and_runs_nothing(
    address: str, house: House, remote: Remote, tmp_path: Path
) -> None:
    remote.release()
    house.pull(str(remote.folder))
    before, canary = house.contents(), tmp_path / "canary"
    with pytest.raises(BadRelease, match="MODEL_REPO=") as refusal:
        house.pull(address.format(canary=canary))
    assert refusal.value.exit_code == 4 and house.contents() == before and not canary.exists()


def test_a_missing_tag_is_refused_by_naming_those_that_exist(house: House, remote: Remote) -> None:
    remote.release()
    remote.release("v1.1")
    remote.tag("vacation", remote.commit(FILES))
    with pytest.raises(BadRelease, match=r": the tags v1.0, v1.1; expected the tag v3.0") as refusal:
        house.pull(str(remote.folder), "v3.0")
    assert refusal.value.exit_code == 4 and "MODEL_VERSION" in str(refusal.value)


@pytest.mark.parametrize("is_of_this_tree", [True, False])
def test_a_missing_tag_is_published_by_this_tree_s_command_only_where_that_would_publish_it(
    house: House, tmp_path: Path, is_of_this_tree: bool
) -> None:
    remote = Remote(house.root / "pixelwise-model/releases.git" if is_of_this_tree else tmp_path / "fork.git")
    remote.release()
    remote.folder.with_name("train.py").write_text('    "v3.0": Recipe(\n')
    with pytest.raises(BadRelease, match=r"expected the tag v3.0") as refusal:
        house.pull(str(remote.folder), "v3.0")
    assert ("`bash setup-server.sh --releases v3.0`" in refusal.value.remedy) == is_of_this_tree
    assert ("MODEL_REPO" in refusal.value.remedy) != is_of_this_tree


def test_a_missing_tag_that_nobody_can_train_is_not_said_to_be_built_by_a_command(house: House) -> None:
    remote = Remote(house.root / "pixelwise-model/releases.git")
    remote.release()
    with pytest.raises(BadRelease, match=r"or write its recipe in pixelwise-model/train\.py first\.") as refusal:
        house.pull(str(remote.folder), "v9.9")
    assert "setup-server" not in refusal.value.remedy


@pytest.mark.parametrize("address", ["gone.git", ".", "file:///gone.git"])
def test_a_folder_that_is_no_repository_is_unreachable_and_the_remedy_builds_one(address: str, house: House) -> None:
    with pytest.raises(Unreachable, match=r"setup-server.sh --releases v1.0") as refusal:
        house.pull(address)
    assert refusal.value.exit_code == 6


def test_what_accept_refuses_is_not_placed(house: House, remote: Remote) -> None:
    remote.release()
    house.pull(str(remote.folder))
    remote.release("v2.0", {"digit_classifier_v2.pkl": b"two"})
    before = house.contents()
    staged: list[dict[str, bytes]] = []

    def refuse(folder: Path) -> None:
        staged.append({path.name: path.read_bytes() for path in folder.iterdir()})
        raise Refused("x", found="y", expected="z", remedy="w")

    with pytest.raises(Refused):
        house.pull(str(remote.folder), "v2.0", accept=refuse)
    assert staged[0]["digit_classifier_v2.pkl"] == b"two" and RECORD in staged[0]
    assert house.contents() == before and not list(house.models.glob(".incoming-*"))
