"""A repository that answers, and whose tags or objects are not what they say: what is wrong is named."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from app.release.refusals import BadRelease
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, object_file


def refused(house: House, remote: Remote) -> BadRelease:
    with pytest.raises(BadRelease) as caught:
        house.pull(str(remote.folder))
    assert caught.value.exit_code == 4 and "MODEL_REPO" not in str(caught.value)
    assert house.contents() == {}
    return caught.value


# -- the header of a tag object ----------------------------------------------------------------------------------------

HEADER = ["object {commit}", "type commit", "tag v1.0", "tagger x <x> 0 +0000"]


@pytest.mark.parametrize(
    "header",
    [
        [*HEADER[:2], "tag v2.0", "tag v1.0", HEADER[3]],
        [*HEADER[:2], "tag v1.0", "tag v2.0", HEADER[3]],
        [*HEADER, "tag v1.0"],
        [*HEADER, "tag v2.0"],
        [*HEADER, "object {commit}"],
        [*HEADER, "type commit"],
        [*HEADER, HEADER[3]],
        [HEADER[0], HEADER[0], *HEADER[1:]],
        [HEADER[0], "type tree", *HEADER[1:]],
        [HEADER[1], HEADER[0], *HEADER[2:]],
        [*HEADER[:2], HEADER[3], HEADER[2]],
        ["encoding UTF-8", *HEADER],
        HEADER[:3],
        [*HEADER[:2], "tag v2.0\rtag v1.0", HEADER[3]],
        [*HEADER[:2], "tag v2.0\u2028tag v1.0", HEADER[3]],
        [*HEADER[:2], "tag  v1.0", HEADER[3]],
        [*HEADER[:2], "tag v1.0 ", HEADER[3]],
    ],
    ids=" | ".join,
)
def test_only_the_first_four_lines_of_a_tag_object_each_once_and_in_order_count(
    house: House, remote: Remote, header: list[str]
):
    """git takes the first `tag` line; who takes the last one takes v1.0 for v2.0."""
    text = "\n".join(header).format(commit=remote.commit(FILES)) + "\n\nrelease\n"
    (remote.folder / "refs/tags").mkdir(exist_ok=True)
    (remote.folder / "refs/tags/v1.0").write_text(remote.raw("tag", text.encode()) + "\n")  # git would refuse some
    assert "tag" in refused(house, remote).subject


@pytest.mark.parametrize("message", ["tag v2.0", "release\n\ntag v2.0\ntag v3.0\n", "object x\ntype tree"])
def test_lines_of_the_message_do_not_count(house: House, remote: Remote, message: str):
    text = "\n".join(HEADER).format(commit=remote.commit(FILES)) + f"\n\n{message}\n"
    remote.point("v1.0", remote.raw("tag", text.encode()))
    assert house.pull(str(remote.folder)).outcome == "pulled"


# -- what it names -----------------------------------------------------------------------------------------------------


def tree_of(remote: Remote) -> str:
    return remote.git("rev-parse", f"{remote.commit(FILES)}^{{tree}}")


@pytest.mark.parametrize("target", [tree_of, lambda remote: remote.blob(b"x")], ids=["tree", "blob"])
@pytest.mark.parametrize("is_light", [False, True], ids=["annotated", "lightweight"])
def test_a_tag_that_names_no_commit_is_refused_as_such(
    house: House, remote: Remote, target: Callable[[Remote], str], is_light: bool
):
    if is_light:
        remote.point("v1.0", target(remote))
    else:
        remote.tag("v1.0", target(remote), kind="commit")
    error = refused(house, remote)
    assert ("tree" in error.found or "blob" in error.found) and "commit" in error.expected


# -- damaged objects ---------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-6]),
    "another": lambda path: path.write_bytes(zlib.compress(b"blob 3\0abc")),
    "missing": Path.unlink,
    "rubbish": lambda path: path.write_bytes(b"rubbish"),
}


@pytest.mark.parametrize("kind", ["blob", "tree", "commit", "tag"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_named_and_its_owner_must_mend_it(house: House, remote: Remote, kind: str, damage: str):
    commit = remote.release()
    objects = {
        "blob": remote.blob(FILES[PKL]),
        "tree": tree_of(remote),
        "commit": commit,
        "tag": remote.git("rev-parse", "refs/tags/v1.0"),
    }
    DAMAGES[damage](object_file(remote, objects[kind]))
    error = refused(house, remote)
    assert "object" in error.found and "owner must" in error.remedy


def test_a_damaged_pack_is_refused_too(house: House, remote: Remote):
    remote.release()
    remote.git("gc", "--quiet")
    pack = next((remote.folder / "objects/pack").glob("*.pack"))
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[-60] ^= 255
    pack.write_bytes(data)
    refused(house, remote)
