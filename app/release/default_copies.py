"""The default's files in `models/` itself, the course's path: copies of its release's files, and their record.

Copies, not links: writing to `models/digit_classifier_v1.pkl` changes nothing in the release's own folder.
"""

from __future__ import annotations

from pathlib import Path

from app.errors import ConfigurationError, SystemRefused
from app.model.plain_file import read_plain_file
from app.release.models_folder import COPYING, folder_of, remove, settle, write
from app.release.record import RECORD, Release, ReleaseFile, is_intact, read_record, record_bytes
from app.release.refusals import BadRelease


def check_room(models: Path, release: Release) -> None:
    """Checks that the files of `release` can replace those in `models/`.

    Raises:
        ConfigurationError: a folder, which no file can replace, has the name of one.
    """
    before = _copied(models)
    names = {file.name for one in (release, before) if one is not None for file in one.files}
    taken = next((name for name in (*sorted(names), RECORD) if _is_folder(models / name)), None)
    if taken is not None:
        raise ConfigurationError(
            f"{models.name}/{taken}",
            found="a folder",
            expected="room for the default release's file of that name",
            remedy=f"Move {models / taken} away, then run `pixelwise pull {release.version}`. Nothing was changed.",
        )


def copy_out(models: Path, release: Release) -> bool:
    """Makes the files in `models/` copies of those of `models/<version>`; True if anything had to be done.

    All are written beside their places, then each is placed by one rename, the record last. Meanwhile the waiting
    record (`NEXT_RECORD`) tells a reader that files of two releases may lie there, and it reads again. If the copying
    stops halfway, `models/` holds files that its record does not promise: a start refuses them, and the next pull
    repairs them.

    Raises:
        ConfigurationError: a folder has the name of a file; nothing was changed.
    """
    for draft in models.glob(f"{COPYING}*"):  # left by an interrupted copy
        remove(draft)
    source, before = folder_of(models, release.version), _copied(models)
    stale = [file for file in release.files if not _is_copy(models, source, file)]
    if before == release and not stale and not _is_one_file(models / RECORD, source / RECORD):
        return False
    check_room(models, release)
    copied = [file.name for file in sorted(stale, key=lambda file: file.name)]
    for file in stale:
        write(models / f"{COPYING}{file.name}", read_plain_file(source / file.name, limit=file.size))
    write(models / f"{COPYING}{RECORD}", record_bytes(release))
    names = {file.name for file in release.files}
    for old in before.files if before else ():
        if old.name not in names:
            (models / old.name).unlink(missing_ok=True)
    for name in (*copied, RECORD):
        (models / f"{COPYING}{name}").replace(models / name)
    settle(models)
    return True


def _is_copy(models: Path, source: Path, file: ReleaseFile) -> bool:
    """True if it is there with the right bytes, and is not one of the links that older installations have."""
    return is_intact(models / file.name, file) and not _is_one_file(models / file.name, source / file.name)


def _is_one_file(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _copied(models: Path) -> Release | None:
    try:
        return read_record(models)
    except (BadRelease, SystemRefused):
        return None  # about to be replaced
