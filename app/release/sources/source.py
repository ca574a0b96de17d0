"""A source of releases: the three verbs that a pull needs, and the bounds on what any source may offer.

A further source is a file beside `git_source.py`, and a line in the table of `table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.release.models_folder import RELEASES
from app.release.pin import Pin
from app.release.record import CARD, RECORD, SUMS, is_plain, is_version
from app.release.refusals import BadRelease
from app.release.seen_commits import SEEN
from app.signing.git_objects import TagProof
from app.signing.model_signature import MOST_BYTES as MOST_SIGNED_BYTES
from app.signing.model_signature import SIGNATURE

MOST_FILES = 100
MOST_BYTES = 128 << 20
"""Most bytes of all files of a release together."""
_FILE_LIMITS = {CARD: 64 << 10, SUMS: 64 << 10, SIGNATURE: MOST_SIGNED_BYTES, ".npz": 4 << 20, "": 64 << 20}
"""Most bytes of a file, by the end of its name; the first match counts."""
_OWNER = "Its owner must publish the release anew; nothing was replaced."


class Source(Protocol):
    """An origin of releases. A pull checks all its answers against the lock, and places the files itself."""

    def resolve(self, version: str) -> Pin:
        """Pins the release that `version` names now. None of its contents are kept.

        A source without commits pins by the manifest digest (`manifest.py`). Where there is no `SHA256SUMS`, that is
        the digest of the card and of the artefact that `own_artefact(version, names)` finds: a card, which may name
        another, is not read yet. A pull then refuses a card that does.

        Raises:
            BadRelease: there is no such version; the message names the existing ones.
            Unreachable: the source does not answer, or there is none.
        """

    def list(self, pin: Pin) -> Listing:
        """Lists the contents of exactly this release.

        Raises:
            BadRelease: it differs from the pin, or has more than a release may hold.
            Unreachable: the source does not answer.
        """

    def read(self, pin: Pin, name: str, *, limit: int) -> bytes:
        """Reads one listed file, and never keeps more than `limit` bytes of it.

        Raises:
            BadRelease: it cannot be read, or is longer.
            Unreachable: the source does not answer.
        """


@dataclass(frozen=True)
class ListedFile:
    """One file of a release, not yet read."""

    name: str
    size: int


@dataclass(frozen=True)
class Listing:
    """The files of a release: few, of bounded size, and with plain names that PixelWise does not reserve.

    Attributes:
        left_out: printable names of other entries, any that there may be: no pull reads them. That of a folder ends
            with "/".
        proof: the objects of a signed tag; None if it is not signed, or the source has no tags.

    Raises:
        BadRelease: the source offers something else.
    """

    version: str
    files: Sequence[ListedFile]
    left_out: Sequence[str] = ()
    proof: TagProof | None = None

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        for name in names:
            if is_reserved(name):
                own = f"no {RECORD}, no {SEEN}, no {RELEASES} and no name like v1.0"
                raise bad_file(self.version, name, "a name that PixelWise keeps for itself", own)
        for name in names:
            if not is_plain(name) or names.count(name) > 1:
                raise bad_file(self.version, ascii(name)[1:-1], "an odd name, or one of two files", "plain file names")
        self._check_sizes()

    def _check_sizes(self) -> None:
        if len(self.files) > MOST_FILES:
            raise _bad_release(self.version, f"{len(self.files)} files", f"at most {MOST_FILES}")
        for file in self.files:
            limit = size_limit(file.name)
            if file.size > limit:
                raise bad_file(self.version, file.name, f"{file.size:,} bytes", f"at most {limit:,}")
        total = sum(file.size for file in self.files)
        if total > MOST_BYTES:
            raise _bad_release(self.version, f"{total:,} bytes in all files", f"at most {MOST_BYTES:,}")


def is_reserved(name: str) -> bool:
    """True if a file or folder of this name would take the place of one that PixelWise has in `models/`."""
    return name.lower() in (RECORD, SEEN, RELEASES) or is_version(name)


def size_limit(name: str) -> int:
    """The most bytes that a file of this name may have."""
    return next(limit for ending, limit in _FILE_LIMITS.items() if name.endswith(ending))


def check_version(version: str) -> None:
    """Checks that `version` is vN.N; a source is never asked for anything else.

    Raises:
        BadRelease: it is not.
    """
    if not is_version(version):
        raise BadRelease(
            f"version {ascii(version)[1:-1]}",
            found="no name of a release",
            expected="a tag like v1.0",
            remedy="Correct the version, here or in .env (MODEL_VERSION, MODEL_VERSIONS).",
        )


def bad_file(version: str, shown: str, found: str, expected: str) -> BadRelease:
    """The refusal of one file of a release, by its printable name."""
    return BadRelease(f"release {version}, file {shown}", found=found, expected=expected, remedy=_OWNER)


def _bad_release(version: str, found: str, expected: str) -> BadRelease:
    return BadRelease(f"release {version}", found=found, expected=expected, remedy=_OWNER)
