"""By what an input is known again, without reading all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, structs

from app.errors import system_refusals
from app.scoring.refusals import ChangedInput


class Fingerprint(Struct, frozen=True, omit_defaults=True):
    """What an input was when it was planned. No digest of its contents, unless `sha256` is there.

    Attributes:
        name: its path as it was named.
        kind: "npy", "idx", "parquet", "pictures" or "stored".
        rows: digits in it.
        size: bytes; of a folder, of all its pictures.
        mtime_ns: its time of change in nanoseconds; of a folder, that of its newest picture.
        footer: the SHA-256 of a Parquet footer.
        listing: the SHA-256 over names, sizes and times of a folder's pictures, or over identifiers of stored rows.
        sha256: of all its bytes, where that was asked for.
        labels: of the file that its labels are in.
    """

    name: str
    kind: str
    rows: int
    size: int
    mtime_ns: int
    footer: str | None = None
    listing: str | None = None
    sha256: str | None = None
    labels: Fingerprint | None = None


def stamp(path: Path) -> tuple[int, int]:
    """The size and the time of change of a file.

    Raises:
        SystemRefused: it may not be looked at. ChangedInput: it is gone.
    """
    try:
        with system_refusals(path):
            status = path.stat()
    except FileNotFoundError:
        raise ChangedInput(str(path), found="it is gone") from None
    return status.st_size, status.st_mtime_ns


def check_unchanged(path: Path, planned: tuple[int, int]) -> None:
    """Raises ChangedInput if the size or the time of a file is another one than was planned."""
    found = stamp(path)
    if found != planned:
        what = f"{found[0]:,} bytes instead of {planned[0]:,}" if found[0] != planned[0] else "another time of change"
        raise ChangedInput(str(path), found=what)


def sha256_of(files: Sequence[Path]) -> str:
    """The digest of all bytes of a file; of several, that of their digests, one a line."""
    found = []
    for path in files:
        with system_refusals(path), path.open("rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()


def with_digest(fingerprint: Fingerprint, sha256: str) -> Fingerprint:
    """The same, with the digest of all bytes."""
    return structs.replace(fingerprint, sha256=sha256)
