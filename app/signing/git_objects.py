"""The proof of a signed tag, as git objects: the tag names a commit, that names a tree, and that names each file.

Every step is git's own: an object's name is the SHA-1 of its kind, its size and its bytes. So whoever has the three
objects can check the signature and the files without git, the repository or a network.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from app.signing.refusals import BadSignature, OtherSignature

MOST_BYTES = 64 << 10
"""Most bytes of each object; a release has few files."""

GitObject = Annotated[bytes, Meta(max_length=MOST_BYTES)]
_HEADER = ("object", "type", "tag", "tagger")
_SSH = b"-----BEGIN SSH SIGNATURE-----"
_SSH_END = b"-----END SSH SIGNATURE-----\n"
_BEGINS = re.compile(rb"^-----BEGIN (?:SSH SIGNATURE|PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE)-----", re.MULTILINE)
"""The lines at which git looks for a signature."""
_TAGGER = re.compile(r".*> ([0-9]{1,10}) [+-][0-9]{4}", re.DOTALL)
_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
_PLAIN = (b"100644", b"100755", b"100664")


class TagProof(Struct, frozen=True, forbid_unknown_fields=True):
    """The bytes of a signed tag, of its commit and of that commit's top folder, without git's own header."""

    tag: GitObject
    commit: GitObject
    tree: GitObject


class SignedTag(NamedTuple):
    """A tag object, taken apart.

    Attributes:
        payload: the signed bytes.
        signature: in ssh-keygen's armour.
        second: of its date, since 1970 in UTC.
    """

    payload: bytes
    signature: bytes
    second: int


class OddTag(Exception):
    """A tag object that is not the one expected; the refusal is the caller's."""

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(found)


def is_signed(tag: bytes) -> bool:
    """True if the tag object has a line at which git looks for a signature."""
    return _BEGINS.search(tag) is not None


def check_tag(tag: bytes, *, version: str, commit: str) -> int | None:
    """Checks that a tag object calls itself `version` and names `commit`; returns the second of its date, or None if
    that cannot be read.

    git itself never compares a tag object's own name with the ref: a v1.0 served as v2.0 would pass.

    Raises:
        OddTag: it does not.
    """
    header = tag.decode("utf-8", "replace").partition("\n\n")[0]
    lines = header.split("\n")  # git recognises no other line break
    names = [line.partition(" ")[0] for line in lines]
    if tuple(names[:4]) != _HEADER or any(name in _HEADER for name in names[4:]):
        found = f"a tag object whose header has the lines {' '.join(names[:10])!a}"
        raise OddTag(found, f"the lines {' '.join(_HEADER)}, each once and in this order")
    named, kind, name, tagger = (line.partition(" ")[2] for line in lines[:4])
    if name != version:
        raise OddTag(f"a tag object named {name!a}", f"one named '{version}'")
    if kind != "commit":
        raise OddTag(f"a tag of a {ascii(kind)[1:-1]}", "a tag of a commit")
    if named != commit:
        raise OddTag(f"commit {ascii(named)[1:-1]}", f"commit {commit}, as announced")
    date = _TAGGER.fullmatch(tagger)
    return int(date[1]) if date else None


def read_signed_tag(proof: TagProof, *, version: str, commit: str) -> SignedTag:
    """The payload and the signature of the proof's tag, which is one of `version` and of `commit`.

    Raises:
        BadSignature: the objects are not of each other, or the tag is not signed once, by SSH, at its end.
        OtherSignature: it is signed in another form.
    """
    try:
        second = check_tag(proof.tag, version=version, commit=commit)
    except OddTag as odd:
        raise BadSignature(version, found=odd.found, expected=odd.expected) from None
    if second is None:  # a key counts at this date: with one of our own, a key that has expired could sign
        found = "a tag without a date that can be read"
        raise BadSignature(version, found=found, expected="seconds of at most 10 digits, and a time zone")
    if object_name("commit", proof.commit) != commit:
        raise BadSignature(version, found="the bytes of another commit", expected=f"those of commit {commit}")
    if proof.commit[:46] != f"tree {object_name('tree', proof.tree)}\n".encode():
        raise BadSignature(version, found="the list of another commit's files", expected=f"that of commit {commit}")
    begins = list(_BEGINS.finditer(proof.tag))
    if len(begins) != 1:
        raise BadSignature(version, found=f"{len(begins)} signatures in one tag", expected="one")
    if begins[0].group() != _SSH:
        found = f"one that begins {begins[0].group().decode()!a}"
        raise OtherSignature(version, found=found, expected="one by SSH (`git tag -s` with gpg.format=ssh)")
    payload, signature = proof.tag[: begins[0].start()], proof.tag[begins[0].start() :]
    if not signature.endswith(_SSH_END) or signature.count(_SSH_END) != 1:
        raise BadSignature(version, found="a signature with other bytes behind it", expected="nothing behind it")
    return SignedTag(payload, signature, second)


def check_in_tree(proof: TagProof, name: str, data: bytes, *, version: str, listed: str | None = None) -> None:
    """Checks that the file is one of the proof's top folder: itself, or the pointer that git-LFS has for it.

    Args:
        listed: its sha256 in a `SHA256SUMS` that is one of that folder, for a file that is not there itself: DVC's
            pointers have names of their own.

    Raises:
        BadSignature: it is not.
    """
    named = plain_files(proof.tree, version).get(name)
    if named is None and listed == hashlib.sha256(data).hexdigest():
        return
    if named not in (object_name("blob", data), object_name("blob", lfs_pointer(data))):
        found = f"{name} with other bytes" if named else f"{name}, which is not in the signed commit"
        raise BadSignature(version, found=found, expected="every file as it was signed")


def lfs_pointer(data: bytes) -> bytes:
    """The canonical git-LFS pointer to these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()


def object_name(kind: str, data: bytes) -> str:
    """The name that git gives to an object of these bytes: 40 hexadecimal digits."""
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def plain_files(tree: bytes, version: str) -> dict[str, str]:
    """The plain files of a tree object, each with the name of its blob.

    Raises:
        BadSignature: git does not write such a tree.
    """
    entries: dict[bytes, str] = {}
    position = 0
    while position < len(tree):
        entry = _ENTRY.match(tree, position)
        if entry is None or entry[2] in entries:
            raise BadSignature(version, found="a list of files that git does not write", expected="git's own")
        entries[entry[2]] = entry[3].hex() if entry[1] in _PLAIN else ""
        position = entry.end()
    return {name.decode("utf-8", "surrogateescape"): blob for name, blob in entries.items() if blob}
