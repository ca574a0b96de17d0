"""The proof of a signed tag: its objects are those of each other, of the version, and of the files."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import pytest
from msgspec import structs

from app.signing.git_objects import (
    TagProof,
    check_in_tree,
    is_signed,
    lfs_pointer,
    object_name,
    read_signed_tag,
)
from app.signing.refusals import BadSignature
from tests.release.remote import FILES, PKL, Remote

SIGNED = b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
PGP = b"-----BEGIN PGP SIGNATURE-----\nAAAA\n-----END PGP SIGNATURE-----\n"


class Made(NamedTuple):
    proof: TagProof
    commit: str


def tag(commit: str, *, version: str = "v1.0", more: bytes = SIGNED, tagger: str = "x <x> 1700000000 +0100") -> bytes:
    return f"object {commit}\ntype commit\ntag {version}\ntagger {tagger}\n\nrelease\n".encode() + more


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    return Remote(tmp_path_factory.mktemp("remote") / "remote.git")


@pytest.fixture(scope="module")
def made(remote: Remote) -> Made:
    """The objects of a release as git has them."""
    commit = remote.commit(FILES)
    text = f"{remote.git('cat-file', 'commit', commit)}\n".encode()  # `git` strips the last line break
    entries = sorted((name, remote.git("rev-parse", f"{commit}:{name}")) for name in FILES)
    tree = b"".join(b"100644 " + name.encode() + b"\0" + bytes.fromhex(sha) for name, sha in entries)
    return Made(TagProof(tag(commit), text, tree), commit)


def refused(made: Made, said: str, *, version: str = "v1.0", of: str | None = None, **changed: bytes) -> None:
    with pytest.raises(BadSignature, match=said) as caught:
        read_signed_tag(structs.replace(made.proof, **changed), version=version, commit=of or made.commit)
    assert caught.value.exit_code == 4


def test_the_objects_have_the_names_that_git_gives_them(made: Made, remote: Remote):
    assert object_name("commit", made.proof.commit) == made.commit
    assert object_name("tree", made.proof.tree) == remote.git("rev-parse", f"{made.commit}^{{tree}}")
    assert object_name("blob", FILES[PKL]) == remote.blob(FILES[PKL])


def test_a_tag_is_what_is_signed_the_signature_and_its_date(made: Made):
    signed = read_signed_tag(made.proof, version="v1.0", commit=made.commit)
    assert signed.payload + signed.signature == made.proof.tag and signed.signature == SIGNED
    assert signed.payload.endswith(b"\n\nrelease\n") and signed.second == 1_700_000_000


@pytest.mark.parametrize("date", ["soon +0000", "17000000000 +0000", "-1 +0000", "1700000000", "١٧ +0000", ""])
def test_a_date_that_cannot_be_read_is_refused(made: Made, date: str):
    """Taken for the first one there is, it would let a key sign that has expired."""
    refused(made, "a tag without a date that can be read", tag=tag(made.commit, tagger=f"x <x> {date}"))


def test_a_tag_of_another_version_is_refused_as_git_would_not(made: Made):
    refused(made, "tag object named 'v1.0'.*expected one named 'v2.0'", version="v2.0")


def test_a_tag_of_another_commit_is_refused(made: Made):
    refused(made, f"commit {made.commit}; expected commit 1111", of="1" * 40)


@pytest.mark.parametrize("change", ["commit", "tree"])
def test_objects_of_another_release_are_refused(made: Made, change: str):
    refused(made, "another commit", **{change: getattr(made.proof, change) + b"\n"})
    refused(made, "another commit", **{change: b""})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (b"", "0 signatures in one tag"),
        (SIGNED + SIGNED, "2 signatures in one tag"),
        (PGP + SIGNED, "2 signatures in one tag"),
        (PGP, "'-----BEGIN PGP SIGNATURE-----'.*by SSH"),
        (SIGNED + b"and more\n", "other bytes behind it"),
        (SIGNED.rstrip(b"\n"), "other bytes behind it"),
        (b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", "other bytes behind it"),
    ],
)
def test_a_tag_is_signed_once_by_ssh_and_at_its_end(made: Made, more: bytes, said: str):
    refused(made, said, tag=tag(made.commit, more=more))


@pytest.mark.parametrize("header", [b"", b"object\n\n", b"tag v1.0\nobject x\n\n", b"\xff\xfe\0\n\n"])
def test_a_header_that_is_none_is_refused(made: Made, header: bytes):
    refused(made, "a tag object whose header has the lines", tag=header + SIGNED)


def test_every_file_of_the_commit_is_covered_and_no_other(made: Made):
    for name, data in FILES.items():
        check_in_tree(made.proof, name, data, version="v1.0")
    with pytest.raises(BadSignature, match=r"train\.py with other bytes"):
        check_in_tree(made.proof, "train.py", b"print(1)\n", version="v1.0")
    with pytest.raises(BadSignature, match=r"more\.py, which is not in the signed commit"):
        check_in_tree(made.proof, "more.py", b"", version="v1.0")


def test_a_file_behind_a_pointer_of_lfs_is_covered_by_the_pointer():
    """As written in git-lfs's specification: version, oid, size."""
    data, digest = b"weights", hashlib.sha256(b"weights").hexdigest()
    pointer = lfs_pointer(data)
    assert pointer.decode() == f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 7\n"
    tree = b"100644 model.onnx\0" + bytes.fromhex(object_name("blob", pointer))
    check_in_tree(TagProof(b"", b"", tree), "model.onnx", data, version="v1.0")
    with pytest.raises(BadSignature, match=r"model\.onnx with other bytes"):
        check_in_tree(TagProof(b"", b"", tree), "model.onnx", b"Weights", version="v1.0")


def test_a_file_that_the_tree_does_not_name_is_covered_by_the_sums_in_it():
    """As that behind a pointer of DVC, which has a name of its own."""
    proof, digest = TagProof(b"", b"", b"100644 a\0" + bytes(20)), hashlib.sha256(b"weights").hexdigest()
    check_in_tree(proof, "model.pkl", b"weights", version="v1.0", listed=digest)
    with pytest.raises(BadSignature, match=r"model\.pkl, which is not in the signed commit"):
        check_in_tree(proof, "model.pkl", b"Weights", version="v1.0", listed=digest)
    with pytest.raises(BadSignature, match="a with other bytes"):
        check_in_tree(proof, "a", b"weights", version="v1.0", listed=digest)


@pytest.mark.parametrize(
    "tree",
    [b"junk", b"100644 a\0short", b"100644 a\0" + bytes(20) + b"100644 a\0" + bytes(20), b"100644 a\0" + bytes(21)],
)
def test_a_list_of_files_that_git_does_not_write_is_refused(tree: bytes):
    with pytest.raises(BadSignature, match="a list of files"):
        check_in_tree(TagProof(b"", b"", tree), "a", b"", version="v1.0")


@pytest.mark.parametrize("mode", [b"120000", b"160000", b"40000"])
def test_a_link_or_folder_covers_no_file(mode: bytes):
    tree = mode + b" a\0" + bytes.fromhex(object_name("blob", b"x"))
    with pytest.raises(BadSignature, match="a, which is not in the signed commit"):
        check_in_tree(TagProof(b"", b"", tree), "a", b"x", version="v1.0")


def test_a_tag_is_signed_where_git_looks_for_a_signature(made: Made):
    assert is_signed(made.proof.tag) and is_signed(tag(made.commit, more=PGP))
    assert not is_signed(tag(made.commit, more=b"see -----BEGIN SSH SIGNATURE-----\n"))
