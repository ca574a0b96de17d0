"""`models/`: each release whole in `models/<version>/`, and the pinned one's files linked into `models/` itself.

A release is written and checked beside the others and placed by one rename, so that whenever the machine stops,
what was served before is still whole. The order of every step here is the point of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec

from app.errors import BadRelease
from app.inference.contract import Version
from app.inference.plain_file import NotPlain, read_plain_file
from app.release.record import RECORD, Commit, Release, changed_file, is_version, read_record

SEEN = "seen.json"
"""The ledger's file name, in `models/`. No file of a release may have it."""

Seen: TypeAlias = dict[str, dict[Version, Commit]]
"""The commit that was last placed, by the key of its repository's address and by its version.

`models/<version>/` holds one release; this remembers those of other repositories that it held before.
"""

_SEEN_LIMIT = 1 << 20
_INCOMING = ".incoming-"
_REPLACED = ".replaced-"
_LINKING = ".linking"


@contextmanager
def only_one_pull(models: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds `models/` for one pull at a time; another one waits. Clears what an interrupted one left."""
    models.mkdir(parents=True, exist_ok=True)
    with (models / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another pull is running: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _clear_leftovers(models)
        yield


@contextmanager
def incoming(models: Path) -> Iterator[Path]:
    """A fresh folder on the same file system as its destination, gone afterwards whatever happens."""
    with tempfile.TemporaryDirectory(prefix=_INCOMING, dir=models) as folder:
        yield Path(folder)


def installed(models: Path) -> list[Release]:
    """The record of every release in `models/`, by version.

    Raises:
        BadRelease: a record cannot be read.
    """
    folders = sorted(models.iterdir()) if models.is_dir() else []
    records = [read_record(folder) for folder in folders if is_version(folder.name) and folder.is_dir()]
    return [record for record in records if record is not None]


def pulled(models: Path, version: str) -> Release:
    """The record of the release in `models/<version>/`, whose files are as they were pulled.

    Raises:
        BadRelease: it has not been pulled, or is not what was pulled any more.
    """
    folder = models / version
    release = read_record(folder) if is_version(version) else None
    if release is None:
        found = "nothing pulled"
    elif release.version != version:
        found = f"the record of {release.version}"
    elif changed := changed_file(folder, release):
        found = f"{changed} missing or changed since it was pulled"
    else:
        return release
    raise BadRelease(
        f"release {version}",
        found=found,
        promised=f"the pulled release in {folder}",
        remedy=f"Run `pixelwise pull {version}` first.",
    )


def discard(models: Path, version: str) -> None:
    """Takes the release out of `models/`, at once or not at all; a pull of it starts anew."""
    aside = models / f"{_INCOMING}{version}"  # subtle: stopped right after the rename, the next pull clears it
    (models / version).rename(aside)
    _settle(models)
    _remove(aside)


def read_seen(models: Path) -> Seen:
    """The ledger of what was placed; empty when there is none.

    Raises:
        BadRelease: it is there and cannot be read.
    """
    path = models / SEEN
    if not os.path.lexists(path):
        return {}
    try:
        return msgspec.json.decode(read_plain_file(path, limit=_SEEN_LIMIT), type=Seen)
    except (NotPlain, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRelease(
            f"ledger {path}",
            found=str(error),
            promised="the commits of earlier pulls, as `pixelwise pull` wrote them",
            remedy=f"Remove {path} and run `pixelwise pull`; a tag that moved since its pull may then go unnoticed.",
        ) from error


def write_seen(models: Path, seen: Seen, workshop: Path) -> None:
    """Replaces the ledger, at once or not at all; `workshop` is a folder of `incoming`."""
    draft = workshop / SEEN
    write(draft, msgspec.json.format(msgspec.json.encode(seen, order="sorted"), indent=2) + b"\n")
    draft.replace(models / SEEN)
    _settle(models)


def write(path: Path, data: bytes) -> None:
    """Writes a new file, on the disk when this returns."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def place(staged: Path, models: Path, version: str) -> None:
    """Makes the checked folder `staged` the release `version`; one that is there gives way at the last moment."""
    target, aside = models / version, models / f"{_REPLACED}{version}"
    _settle(staged)
    if os.path.lexists(target):
        target.rename(aside)  # subtle: stopped right after this line, the next pull moves it back
    staged.rename(target)
    _settle(models)
    _remove(aside)


def link(models: Path, release: Release) -> bool:
    """Makes the files of `models/<version>/` those of `models/`; whether anything had to be done.

    The record is replaced last: stopped before that, `models/` holds files that its record does not promise,
    which a start refuses and the next pull repairs.
    """
    before = _linked(models)
    if before == release and changed_file(models, release) is None:
        return False
    names = {file.name for file in release.files}
    for file in before.files if before else ():
        if file.name not in names:
            (models / file.name).unlink(missing_ok=True)
    for name in sorted(names):
        _link_one(models / release.version / name, models / name)
    _link_one(models / release.version / RECORD, models / RECORD)
    _settle(models)
    return True


def _link_one(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return  # subtle: a rename of one name of a file over another does nothing and leaves both
    draft = target.with_name(_LINKING)
    try:
        os.link(source, draft)
    except OSError:  # a file system without hard links; a full disk fails again, below
        shutil.copyfile(source, draft)
    draft.replace(target)


def _linked(models: Path) -> Release | None:
    try:
        return read_record(models)
    except BadRelease:
        return None  # about to be replaced


def _clear_leftovers(models: Path) -> None:
    for leftover in models.glob(f"{_INCOMING}*"):
        _remove(leftover)
    for aside in models.glob(f"{_REPLACED}*"):
        target = models / aside.name.removeprefix(_REPLACED)
        if target.exists():
            _remove(aside)
        else:
            aside.rename(target)
    _remove(models / _LINKING)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Waits until the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
