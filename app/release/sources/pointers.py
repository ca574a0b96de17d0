"""Pointers: small files of a repository that stand for large ones elsewhere, as git-LFS and DVC write them.

A pointer lies in the pinned commit, so its digest is as good a promise as git's own. `checked` holds the contents to
it, wherever a store got them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from app.release.record import SUMS, read_sums
from app.release.refusals import BadRelease, ChangedFile, WrongSize
from app.release.sources.source import ListedFile, Listing, bad_file

ReadCommitted = Callable[[str, int], bytes | None]
"""(path in the pinned commit, most bytes) -> the bytes of that file; None where the commit has no such plain file."""


@dataclass(frozen=True)
class Pointer:
    """The promise that a pointer makes.

    Attributes:
        version: the release's.
        name: that of the file it stands for.
        size: the bytes of that file.
        digest: hexadecimal, by `algorithm`. With md5, which can be forged, the file must be in `SHA256SUMS` too.
        system: the name of the store's system, for messages.
    """

    version: str
    name: str
    size: int
    algorithm: Literal["sha256", "md5"]
    digest: str
    system: str


class PointerStore(Protocol):
    """A system of pointers, and the place where their contents lie."""

    def may_be(self, name: str, size: int) -> bool:
        """True if a file of the release is worth reading, to see whether it is a pointer."""

    def find(self, version: str, name: str, data: bytes) -> Pointer | None:
        """The pointer that this file is, or None if it is none. A pointer under a name of its own (`NAME.dvc`) is left
        out of the release.

        Raises:
            BadRelease: it is a pointer, but a malformed one.
        """

    def read(self, pointer: Pointer, committed: ReadCommitted, *, limit: int) -> bytes:
        """Reads the contents, and never keeps more than `limit` bytes of them; the caller holds them to the pointer.

        Raises:
            BadRelease: they are not there, or longer.
            ConfigurationError: they want credentials.
            Unreachable: their place does not answer.
        """


Found = Mapping[str, tuple[PointerStore, Pointer]]
"""The store and the pointer of each file that is not in the commit itself, by the file's name."""


def follow(
    listing: Listing, read: Callable[[str, int], bytes], stores: Sequence[PointerStore]
) -> tuple[Listing, Found]:
    """The listing with the files that its pointers stand for.

    Args:
        listing: the files of the commit.
        read: reads one of them, by name and size.

    Where there is a `SHA256SUMS`, a pointer counts only for a file that it lists: others stand for data of its owner's,
    however large, and are left out.

    Raises:
        BadRelease: a pointer is malformed, stands for a file that is there already, or is of md5, which can be forged,
            where there is no `SHA256SUMS`; or the files are more than a release may hold.
    """
    pointed = {file.name: _find(listing.version, file, read, stores) for file in listing.files}
    sums = next((file for file in listing.files if file.name == SUMS and pointed[SUMS] is None), None)
    listed = None if sums is None else {name for _, name in read_sums(read(SUMS, sums.size))}
    files: list[ListedFile] = []
    left_out = list(listing.left_out)
    found: dict[str, tuple[PointerStore, Pointer]] = {}
    for file in listing.files:
        one = pointed[file.name]
        if one is None:
            files.append(file)
            continue
        pointer = one[1]
        if listed is None and pointer.algorithm == "md5":
            expected = f"{SUMS} in git, with its sha256"
            raise bad_file(listing.version, pointer.name, "only an md5 digest, which can be forged", expected)
        counts = listed is None or pointer.name in listed
        if counts:
            files.append(ListedFile(pointer.name, pointer.size))
            found[pointer.name] = one
        if not counts or pointer.name != file.name:
            left_out.append(file.name)
    return replace(listing, files=files, left_out=left_out), found


def checked(pointer: Pointer, data: bytes) -> bytes:
    """The contents, once they are what the pointer promises.

    Raises:
        WrongSize, ChangedFile: they are not.
    """
    by = f"its pointer of {pointer.system}"
    if len(data) != pointer.size:
        raise WrongSize(pointer.name, found=len(data), expected=pointer.size, promised_by=by)
    digest = hashlib.new(pointer.algorithm, data, usedforsecurity=False).hexdigest()
    if digest != pointer.digest:
        raise ChangedFile(
            pointer.name,
            found=f"{pointer.algorithm} {digest}",
            expected=f"{pointer.algorithm} {pointer.digest}",
            promised_by=by,
            remedy="Do not use this release; ask its owner. Nothing was replaced.",
        )
    return data


def _find(
    version: str, file: ListedFile, read: Callable[[str, int], bytes], stores: Sequence[PointerStore]
) -> tuple[PointerStore, Pointer] | None:
    candidates = [store for store in stores if store.may_be(file.name, file.size)]
    data = read(file.name, file.size) if candidates else b""
    for store in candidates:
        if pointer := store.find(version, file.name, data):
            return store, pointer
    return None


def no_contents(pointer: Pointer, found: str) -> BadRelease:
    """The refusal of a pointer whose contents are not there."""
    return BadRelease(
        f"release {pointer.version}, file {pointer.name}",
        found=found,
        expected=f"the {pointer.size:,} bytes that its pointer of {pointer.system} stands for",
        remedy="Its owner must upload them; nothing was replaced.",
    )
