from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.release.refusals import BadRelease
from app.release.sources.address import parse_address
from app.release.sources.git import Git
from app.release.sources.git_source import Tag, fetch, read, read_tree, resolve
from app.release.sources.source import Listing
from tests.release.remote import FILES, Remote

SHA = "1" * 40
TAG = Tag("v1.0", SHA, SHA)


@pytest.fixture
def git(remote: Remote, tmp_path: Path) -> Git:
    (tmp_path / "work").mkdir()
    return Git(tmp_path / "work", parse_address(str(remote.folder), root=tmp_path), size_limit=200_000)


def listing(*entries: tuple[str, str, str]) -> bytes:
    """What `git ls-tree -z --long` would write for (mode, size, name)."""
    kinds = {"040000": "tree", "160000": "commit"}
    return b"".join(
        f"{mode} {kinds.get(mode, 'blob')} {SHA} {size:>7}\t{name}\0".encode() for mode, size, name in entries
    )


def test_a_tag_is_resolved_without_fetching_anything(git: Git, remote: Remote) -> None:
    commit = remote.release()
    tag = resolve(git, "v1.0")
    assert tag.commit == commit and tag.object == remote.git("rev-parse", "refs/tags/v1.0") != commit
    assert git.run("for-each-ref") == b""


def test_a_branch_that_is_named_like_a_tag_is_none(git: Git, remote: Remote) -> None:
    remote.git("update-ref", "refs/heads/refs/tags/v1.0", remote.commit(FILES))
    with pytest.raises(BadRelease, match=r": no tag like v1.0"):
        resolve(git, "v1.0")


def test_only_the_tag_comes_without_history(git: Git, remote: Remote) -> None:
    first = remote.commit({"old.txt": b"old"})
    tree = remote.git("rev-parse", f"{remote.commit(FILES)}^{{tree}}")
    commit = remote.git("commit-tree", tree, "-p", first, "-m", "x")
    remote.tag("v1.0", commit)
    remote.tag("v1.1", commit)
    listing, objects = fetch(git, resolve(git, "v1.0"))
    assert {
        file.name: read(git, TAG, file.name, objects[file.name], limit=file.size) for file in listing.files
    } == FILES
    assert git.run("for-each-ref", "--format=%(refname)") == b"refs/tags/v1.0\n"
    assert git.run("rev-list", "--all", "--count") == b"1\n"


def test_a_tag_that_moves_while_it_is_fetched_is_refused(git: Git, remote: Remote) -> None:
    remote.release()
    tag = resolve(git, "v1.0")
    remote.release("v1.0", {"digit_classifier_v1.pkl": b"moved"})
    with pytest.raises(BadRelease, match="as the repository announced a moment ago"):
        fetch(git, tag)


def test_a_commit_other_than_the_announced_one_is_refused(git: Git, remote: Remote) -> None:
    remote.release()
    tag = resolve(git, "v1.0")
    with pytest.raises(BadRelease, match=rf"expected commit {SHA}, as announced"):
        fetch(git, Tag("v1.0", tag.object, SHA))


def test_a_release_that_would_fill_the_disk_is_stopped(git: Git, remote: Remote) -> None:
    remote.release("v1.0", {"digit_classifier_v1.pkl": random.Random(1).randbytes(400_000)})
    with pytest.raises(BadRelease, match="more bytes than a release may have"):
        fetch(git, resolve(git, "v1.0"))


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_a_tag_with_a_huge_message_is_refused_unread(
    more: int, refused: bool, git: Git, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"object {remote.commit(FILES)}\ntype commit\ntag v1.0\ntagger x <x> 0 +0000\n\n".encode()
    remote.point("v1.0", remote.raw("tag", header.ljust((64 << 10) + more, b"x")))
    ran: list[tuple[str, ...]] = []
    run = git.run
    monkeypatch.setattr(git, "run", lambda *arguments, **options: ran.append(arguments) or run(*arguments, **options))
    tag = resolve(git, "v1.0")
    if refused:
        with pytest.raises(BadRelease, match="a tag object of 65,537 bytes; expected at most 65,536"):
            fetch(git, tag)
    else:
        fetch(git, tag)
    assert (("cat-file", "tag", tag.object) in ran) != refused


def test_an_object_that_memory_cannot_hold_is_refused_not_tried_again(
    git: Git, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = remote.commit(FILES)
    tag = f"object {commit}\ntype commit\ntag v1.0\ntagger x <x> 0 +0000\n\n".encode().ljust(80 << 20, b"x")
    remote.point("v1.0", remote.raw("tag", tag))
    resolved = resolve(git, "v1.0")
    monkeypatch.setattr("app.release.sources.git._MOST_MEMORY", 64 << 20)
    with pytest.raises(BadRelease, match=r"objects too large to be read .*Out of memory"):
        fetch(git, resolved)


def test_a_listing_longer_than_any_release_needs_is_refused(git: Git, remote: Remote) -> None:
    commit = remote.commit(FILES)
    tags = "".join(f"create refs/tags/v{'x' * 200}{number} {commit}\n" for number in range(5000))
    remote.git("update-ref", "--stdin", data=tags.encode())
    with pytest.raises(BadRelease, match=r"more than 1,048,576 bytes in one answer of git"):
        resolve(git, "v1.0")


def test_a_file_longer_than_its_listing_said_is_refused(git: Git, remote: Remote) -> None:
    remote.release()
    listing, objects = fetch(git, resolve(git, "v1.0"))
    name, size = listing.files[0].name, listing.files[0].size
    assert len(read(git, TAG, name, objects[name], limit=size)) == size
    with pytest.raises(BadRelease, match=f"more than {size - 1} bytes"):
        read(git, TAG, name, objects[name], limit=size - 1)


def test_all_files_together_have_a_limit(git: Git) -> None:
    each = str(60 << 20)
    with pytest.raises(BadRelease, match="188,743,680 bytes in all files; expected at most 134,217,728"):
        read_tree("v1.0", listing(*[("100644", each, f"{name}.pkl") for name in "abc"]))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (("100644", "1", "../evil"), "a path that leads elsewhere"),
        (("100644", "1", ".."), "a path that leads elsewhere"),
        (("040000", "-", ".GIT"), "a path that leads elsewhere"),
        (("120000", "1", "link"), "a symbolic link"),
        (("160000", "-", "vendor"), "a submodule"),
        (("100644", "1", "RECORD.JSON"), "a name that PixelWise keeps"),
        (("100644", "1", "v2.0"), "a name that PixelWise keeps"),
        (("100644", str((64 << 20) + 1), "big.pkl"), "67,108,865 bytes"),
    ],
)
def test_a_tree_is_judged_here_even_where_git_would_let_it_pass(entry: tuple[str, str, str], why: str) -> None:
    with pytest.raises(BadRelease, match=why):
        read_tree("v1.0", listing(entry))


def test_a_listing_of_another_form_is_refused() -> None:
    with pytest.raises(BadRelease, match="an entry that git does not write"):
        read_tree("v1.0", b"100644 blob 12\tx\0")


def test_a_name_with_a_line_break_is_left_out_and_shown_harmless() -> None:
    assert read_tree("v1.0", listing(("100644", "1", "a.pkl\n"))) == (Listing("v1.0", [], ["a.pkl\\n"]), {})
