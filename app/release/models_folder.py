"""`models/`: each release whole in a folder that is named by its content, and `models/<version>` a link to it.

    models/v1.0 -> releases/<sha256 of the record's bytes>      record.json holds the commit and every file's digest

A release is written and checked beside the others, placed by one rename, and linked by another: at no moment is it
missing, and if the machine stops at any point, the release served before is still whole. The order of the steps here
is essential.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from app.errors import ConfigurationError, PixelWiseError, system_refusals
from app.model.plain_file import NotPlain, read_needed_file, read_plain_file
from app.release.record import RECORD, RECORD_LIMIT, Release, changed_file, is_version, read_record
from app.release.refusals import BadRelease

RELEASES = "releases"
"""The folder of all releases, in `models/`. No file of a release may have its name."""

COPYING = ".copying-"
"""Prefix of a copy in `models/` that is written, but not yet in its place."""
NEXT_RECORD = f"{COPYING}{RECORD}"
"""Exists while the files of `models/` are those of two releases: made before the first, placed after the last."""
READS, PAUSE_SECONDS = 20, 0.05

_LOCK = ".lock"
_INCOMING = ".incoming-"
_LINKING = ".linking-"
_REPLACED = ".replaced-"
"""Prefix of folders that older installations moved aside."""

Outcome = TypeVar("Outcome")


@contextmanager
def only_one_pull(models: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds `models/` for one pull at a time; another one waits. Completes or clears an interrupted pull.

    Raises:
        SystemRefused: `models/` cannot be written, now or in the block: a full disk, no permission, and the like.
    """
    with system_refusals(models), _locked(models, say):
        _end_what_was_begun(models)
        yield


def check_lock(models: Path) -> None:
    """Checks that a pull could lock `models/`.

    Raises:
        ConfigurationError: a link, a folder or another file that is not plain has the lock's name.
    """
    lock = models / _LOCK
    if os.path.lexists(lock) and (lock.is_symlink() or not lock.is_file()):
        raise _in_the_way(lock, "a link" if lock.is_symlink() else "no plain file", "the file that pulls lock")


@contextmanager
def _locked(models: Path, say: Callable[[str], None]) -> Iterator[None]:
    models.mkdir(parents=True, exist_ok=True)
    # A link is not followed: this user's permissions are no reason to touch a file elsewhere.
    descriptor = os.open(models / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _in_the_way(models / _LOCK, "no plain file", "the file that pulls lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another pull is running: waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def incoming(models: Path) -> Iterator[Path]:
    """A fresh folder on the same file system as its destination, removed afterwards in any case."""
    with tempfile.TemporaryDirectory(prefix=_INCOMING, dir=models) as folder:
        yield Path(folder)


# -- reading -----------------------------------------------------------------------------------------------------------


def folder_of(models: Path, version: str) -> Path:
    """The folder that `models/<version>` points to now; it stays unchanged when the link is replaced."""
    return _behind(models / version)


def artefact_of(models: Path, version: str) -> Path | None:
    """The path of the artefact that `models/<version>` serves, by its record; None if no record can be read."""
    try:
        record = read_record(models / version) if is_version(version) else None
    except BadRelease:
        return None
    return None if record is None else models / version / record.artefact


def read_through(
    link: Path, read: Callable[[Path], Outcome], *, pause: Callable[[float], None] = time.sleep
) -> Outcome:
    """The result of `read`, which is given the folder behind `link`, one folder for everything it reads.

    Meanwhile a pull may replace the link, and the next one clear the folder: then a refused read is repeated from the
    new folder. In `models/` itself, which is not a link, a pull replaces files one by one: there a result counts only
    if nothing was replaced during the read. The last of `READS` counts in any case.
    """
    for _ in range(READS - 1):
        before = _identity(link)
        try:
            result = read(_behind(link))
        except PixelWiseError:
            if _is_settled(link, before):
                raise
        else:
            if link.is_symlink() or _is_settled(link, before):
                return result
        if os.path.lexists(link / NEXT_RECORD):
            pause(PAUSE_SECONDS)
    return read(_behind(link))


def _is_settled(link: Path, before: object) -> bool:
    return _identity(link) == before and not os.path.lexists(link / NEXT_RECORD)


def _behind(link: Path) -> Path:
    try:
        return link.parent / link.readlink()
    except OSError:  # a folder, as in older installations, or nothing
        return link


def _identity(link: Path) -> tuple[int, int] | None:
    """A value that changes with each replacement, even by a link to the same folder; a folder has its record's."""
    try:
        status = os.lstat(link if link.is_symlink() else link / RECORD)
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def installed(models: Path) -> list[Release]:
    """The record of every release in `models/`, by version.

    Raises:
        BadRelease: a record cannot be read.
    """
    folders = sorted(models.iterdir()) if models.is_dir() else []
    records = [read_through(folder, read_record) for folder in folders if is_version(folder.name) and folder.is_dir()]
    return [record for record in records if record is not None]


def pulled(models: Path, version: str) -> Release:
    """The record of the release `models/<version>`, whose files are unchanged since the pull.

    Raises:
        BadRelease: it has not been pulled, or has changed since.
        SystemRefused: this user may not read it.
    """
    return read_through(models / version, lambda folder: _pulled(folder, models, version))


def _pulled(folder: Path, models: Path, version: str) -> Release:
    release = read_record(folder) if is_version(version) else None
    if release is None:
        found = "nothing pulled"
    elif release.version != version:
        found = f"the record of {release.version}"
    elif changed := changed_file(folder, release, read=read_needed_file):
        found = f"{changed} missing or changed since it was pulled"
    else:
        return release
    raise BadRelease(
        f"release {version}",
        found=found,
        expected=f"the pulled release in {models / version}",
        remedy=f"Run `pixelwise pull {version}` first.",
    )


# -- placing -----------------------------------------------------------------------------------------------------------


def place(staged: Path, models: Path, version: str) -> Path | None:
    """Makes the checked folder `staged` the release `version`; returns the folder it replaces, kept for now."""
    take_over(models, version)
    _check_releases(models)
    replaced = folder_of(models, version) if (models / version).exists() else None
    folder = models / RELEASES / _content_name(staged)
    settle(staged)
    folder.parent.mkdir(exist_ok=True)
    if folder.exists():
        _mend(folder, staged)
    else:
        staged.rename(folder)
    settle(folder.parent)
    _link(models, version, folder)
    return replaced if replaced != folder else None


def take_over(models: Path, version: str) -> None:
    """Moves a release of an older installation, which lies in `models/<version>/` itself, into `releases/`."""
    old = models / version
    if old.is_symlink() or not old.is_dir():
        return
    _check_releases(models)
    folder = models / RELEASES / _content_name(old)
    folder.parent.mkdir(exist_ok=True)
    remove(folder)  # nothing points there: only this version's link could
    draft = _draft_link(models, version, folder)
    # subtle: no rename can replace a folder by a link. Between these two system calls, once in the life of an
    # installation, there is no `models/<version>`; if stopped there, the next pull makes the second call.
    old.rename(folder)
    draft.replace(old)
    settle(models)


def clear_unlinked(models: Path, *, keep: Path | None = None) -> None:
    """Removes the releases that no version points to, except `keep`: the one just replaced may still be in use."""
    folder = models / RELEASES
    if not folder.is_dir() or folder.is_symlink():
        return
    kept = {link.resolve() for link in models.iterdir() if link.is_symlink()} | ({keep.resolve()} if keep else set())
    for release in folder.iterdir():
        if release.resolve() not in kept:
            remove(release)


def discard(models: Path, version: str) -> None:
    """Removes the release from `models/` atomically; a later pull starts afresh."""
    link = models / version
    folder = folder_of(models, version)
    if link.is_symlink():
        link.unlink()
        settle(models)
        clear_unlinked(models)
        return
    aside = models / f"{_INCOMING}{version}"  # subtle: stopped right after the rename, the next pull clears it
    folder.rename(aside)
    settle(models)
    remove(aside)


def _content_name(folder: Path) -> str:
    """The sha256 of the record's bytes; of no bytes if no record can be read."""
    try:
        data = read_plain_file(folder / RECORD, limit=RECORD_LIMIT)
    except NotPlain:
        data = b""
    return hashlib.sha256(data).hexdigest()


def _link(models: Path, version: str, folder: Path) -> None:
    _draft_link(models, version, folder).replace(models / version)
    settle(models)


def _draft_link(models: Path, version: str, folder: Path) -> Path:
    draft = models / f"{_LINKING}{version}"
    draft.symlink_to(folder.relative_to(models))
    return draft


def _mend(folder: Path, staged: Path) -> None:
    """Makes `folder`, which holds or once held the release, identical to `staged`, file by file."""
    names = {path.name for path in staged.iterdir()}
    for path in folder.iterdir():
        if path.name not in names or path.is_symlink() or path.is_dir():
            remove(path)
    for name in sorted(names):
        if not _has_bytes_of(folder / name, staged / name):
            (staged / name).replace(folder / name)
    settle(folder)


def _has_bytes_of(path: Path, other: Path) -> bool:
    data = other.read_bytes()
    try:
        return read_plain_file(path, limit=len(data)) == data
    except NotPlain:
        return False


def _check_releases(models: Path) -> None:
    path = models / RELEASES
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        raise _in_the_way(path, "no folder", "the folder of all releases")


def _in_the_way(path: Path, found: str, expected: str) -> ConfigurationError:
    remedy = f"Move {path} away, then try again."
    return ConfigurationError(f"{path.parent.name}/{path.name}", found=found, expected=expected, remedy=remedy)


def _end_what_was_begun(models: Path) -> None:
    for leftover in models.glob(f"{_INCOMING}*"):
        remove(leftover)
    for draft in models.glob(f"{_LINKING}*"):
        target = models / draft.name.removeprefix(_LINKING)
        if not os.path.lexists(target) and _behind(draft).is_dir():
            draft.replace(target)
        else:
            remove(draft)
    for aside in models.glob(f"{_REPLACED}*"):
        target = models / aside.name.removeprefix(_REPLACED)
        if target.exists():
            remove(aside)
        else:
            aside.rename(target)


# -- files -------------------------------------------------------------------------------------------------------------


def write(path: Path, data: bytes) -> None:
    """Writes a new file, which is on the disk on return."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Removes a file, a link, or a folder with all that is in it; does nothing if there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """Waits until the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
