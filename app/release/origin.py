"""Origin of bytes: the releases that records and `model.lock` give for a file's digest, wherever the file lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from app.model.formats import MAX_BYTES
from app.model.plain_file import NotPlain, read_needed_file
from app.release.model_lock import read_lock
from app.release.models_folder import installed, read_through
from app.release.record import Release, read_record
from app.release.refusals import BadRelease


def pull_again(version: str) -> str:
    """The beginning of a remedy: what brings a file of this release back, in `models/` too if it is the default."""
    return f"Run `pixelwise pull {version}` to put the released file back"


def put_back(path: Path, version: str) -> str:
    """The remedy that brings the released file back to `path`, where something else lies; no pull removes a folder."""
    is_folder = path.is_dir() and not path.is_symlink()
    return f"Move {path} away, then run `pixelwise pull {version}`." if is_folder else f"{pull_again(version)}."


class ByteOrigin(NamedTuple):
    """The releases that have a file of these bytes.

    Attributes:
        digest: the sha256 of the bytes.
        serving: the releases whose artefact has these bytes.
        holding: the releases that merely have such a file.
    """

    digest: str
    serving: tuple[Release, ...]
    holding: tuple[Release, ...]

    @property
    def is_known(self) -> bool:
        return bool(self.serving or self.holding)

    @property
    def versions(self) -> list[str]:
        """The versions of the releases that serve these bytes or, if none does, of those that hold them."""
        return sorted({release.version for release in self.serving or self.holding})

    @property
    def shown(self) -> str:
        """For messages: "sha256 … (v2.0 of pixelwise-model/releases.git)"."""
        first = next(iter(self.serving or self.holding), None)
        return f"sha256 {self.digest}" + (f" ({first.version} of {first.repository})" if first else "")


class Swapped(NamedTuple):
    """A file in `models/` that is neither the pinned release's nor what the record there promises.

    Attributes:
        data: its bytes; None if it is not a plain file.
        origin: the releases that have these bytes.
        found: for messages.
    """

    path: Path
    data: bytes | None
    origin: ByteOrigin
    found: str


def known_releases(models: Path, lock_file: Path, *, only_locked: bool = False) -> tuple[Release, ...]:
    """Every recorded release: those in `models/`, and the entries of `model.lock`.

    Raises:
        BadRelease, BadLock: a record, or the lock, cannot be read.
    """
    locked = read_lock(lock_file)
    return locked if only_locked else (*installed(models), *locked)


def find_origin(digest: str, releases: Sequence[Release]) -> ByteOrigin:
    """Finds the releases that have bytes with this digest."""
    serving = tuple(release for release in releases if release.serves(digest))
    holding = tuple(release for release in releases if any(file.sha256 == digest for file in release.files))
    return ByteOrigin(digest, serving, holding)


def find_swapped(models: Path, pinned: Release, lock_file: Path, *, only_locked: bool = False) -> Swapped | None:
    """The file at the course's path, `models/<the pinned release's artefact>`, if it is a different one.

    None if there is no file, if it is the pinned release's, or if `models/record.json` promises it (a replacement is
    under way, or the files of another version are there).
    """
    return read_through(models, lambda folder: _find_swapped(folder, pinned, lock_file, only_locked=only_locked))


def _find_swapped(models: Path, pinned: Release, lock_file: Path, *, only_locked: bool) -> Swapped | None:
    path = models / pinned.artefact
    try:
        record = read_record(models)  # subtle: before the file, because a pull places it after the file
    except BadRelease:
        record = None
    if not os.path.lexists(path):
        return None
    try:
        data = read_needed_file(path, limit=MAX_BYTES)
    except NotPlain as error:
        return Swapped(path, None, ByteOrigin("", (), ()), error.why)
    digest = hashlib.sha256(data).hexdigest()
    promised = {file.sha256 for release in (pinned, record) if release for file in release.files
                if file.name == pinned.artefact}  # fmt: skip
    if digest in promised:
        return None
    origin = find_origin(digest, known_releases(models, lock_file, only_locked=only_locked))
    return Swapped(path, data, origin, origin.shown)
