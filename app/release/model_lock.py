"""`model.lock`: the exact releases that are trusted. Reviewed like code; written by hand or by `pixelwise lock`."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from app.errors import only_refusals
from app.model.plain_file import NotPlain, read_needed_file
from app.release.manifest import manifest_digest, manifest_files
from app.release.models_folder import pulled, read_through
from app.release.pin import is_manifest, show_id
from app.release.record import SUMS, Release, ReleaseFile, describe, hold_against
from app.release.refusals import BadLock, BadRelease, MixedEntry, MovedTag
from app.release.sources.address import parse_address, recorded_key
from app.release.sources.source import check_version

_ENTRY = "[[release]]"
_MOST_BYTES = 4 << 20

_LOCAL_BUILD = (
    "Another clone builds this release anew and may get other bytes: commit this entry only where all share the build."
)

_PULL_ANEW = (
    "take the entry of {version} out of model.lock and remove models/{version}, then run `pixelwise pull {version}`, "
    "review what came and run `pixelwise lock {version}`"
)
_REPLACE = "review what was pulled and run `pixelwise lock {version} --replace`"


class _Lock(Struct, frozen=True, forbid_unknown_fields=True):
    release: tuple[Release, ...] = ()


def read_lock(lock_file: Path) -> tuple[Release, ...]:
    """The trusted releases; none if there is no such file.

    Raises:
        BadLock: it cannot be read, or has two entries for one release.
    """
    if not os.path.lexists(lock_file):
        return ()
    with only_refusals(lambda said: _bad_lock(lock_file, said)):
        text = read_needed_file(os.path.realpath(lock_file), limit=_MOST_BYTES).decode("utf-8")
        entries = msgspec.convert(tomllib.loads(text), _Lock).release
    named = [(entry.repository, entry.version) for entry in entries]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise _bad_lock(lock_file, f"two entries for {twice[1]} of {twice[0]}")
    return entries


def find_cover(
    entries: Sequence[Release],
    *,
    repository: str,
    version: str,
    pin: str,
    root: Path,
    manifest: str | None = None,
    accept: str = _PULL_ANEW,
) -> Release | None:
    """The entry that vouches for this release, or None if none does: then it is a first pull.

    An entry vouches for its commit and its manifest digest wherever these come from (a mirror is the same release), but
    only under its own version: if someone tags v1.0's commit as v2.0, that is not the v2.0 that was reviewed. In its
    own repository an entry vouches for its pin and nothing else: a tag counts as moved even if the new commit has the
    same files. If the entry has no commit, that pin is its manifest digest.

    Args:
        pin: the commit, or the manifest digest, that the repository names.
        manifest: the manifest digest, if known.
        accept: how to accept it where the tag has moved, with "{version}" for the version.

    Raises:
        MovedTag: an entry of the same repository and version has another pin.
    """
    for entry in entries_of(entries, repository=repository, version=version, root=root):
        by_manifest = entry.commit is None and not is_manifest(pin)
        found = manifest if by_manifest else pin
        if found is not None and found not in entry.pins:
            raise MovedTag(
                version,
                found=found,
                expected=entry.pin,
                promised_by="model.lock",
                remedy=f"Ask the owner of {repository} why; nothing was replaced. To accept the new "
                f"{show_id(found).partition(' ')[0]}, {accept.format(version=version)}.",
            )
    ids = [one for one in (pin, manifest) if one is not None]
    return next((entry for one in ids for entry in entries if entry.version == version and one in entry.pins), None)


def entries_of(entries: Sequence[Release], *, repository: str, version: str, root: Path) -> list[Release]:
    """The entries of this version of this very repository, however its address is written."""
    key = recorded_key(repository, root=root)
    return [
        entry
        for entry in entries
        if key is not None and entry.version == version and recorded_key(entry.repository, root=root) == key
    ]


def hold_to_entry(folder: Path, listed: Sequence[ReleaseFile], entry: Release) -> None:
    """Checks that the files of a release, which lie in `folder`, have those that its entry lists, and the manifest
    digest of the entry if that has one.

    Raises:
        BadRelease, ChangedFile: a listed file is missing or another one.
        MixedEntry: its manifest digest is another one, so the entry's commit and manifest are of two releases.
    """
    hold_against(listed, entry.files, promised_by="model.lock")
    if entry.manifest is not None:
        found = manifest_of(folder, listed, version=entry.version, artefact=entry.artefact)
        if found != entry.manifest:
            raise MixedEntry(entry.version, found=found, expected=entry.manifest)


def manifest_of(folder: Path, listed: Sequence[ReleaseFile], *, version: str, artefact: str) -> str:
    """The manifest digest of a release with these files, whose `SHA256SUMS` is read from `folder`.

    Raises:
        BadRelease: that `SHA256SUMS` is not the listed one, or cannot be read.
    """
    files = {file.name: file for file in listed}
    sums = None
    if SUMS in files:
        try:
            sums = read_needed_file(folder / SUMS, limit=files[SUMS].size)
        except NotPlain as error:
            raise BadRelease(
                f"file {SUMS}",
                found=error.why,
                expected="the file of its record",
                remedy=f"Run `pixelwise pull {version}` to put the released file back.",
            ) from None
        # another pull may have replaced the folder meanwhile
        hold_against([describe(SUMS, sums)], [files[SUMS]], promised_by="its record")
    return manifest_digest(manifest_files(files, sums, artefact=artefact))


def find_same_files(
    entries: Sequence[Release], *, version: str, files: Mapping[str, ReleaseFile], sums: bytes | None
) -> Release | None:
    """The entry whose manifest digest is that of these files, or None.

    Args:
        files: all that a release holds, by name.
        sums: the bytes of its `SHA256SUMS`, or None where it has none.
    """
    return next(
        (
            entry
            for entry in entries
            if entry.version == version
            and entry.manifest == manifest_digest(manifest_files(files, sums, artefact=entry.artefact))
        ),
        None,
    )


def find_vouching(entries: Sequence[Release], *, version: str, digest: str, record: Release | None) -> Release | None:
    """The entry that vouches for an artefact about to be served, or None.

    It matches the version, the artefact's digest and, if the artefact was pulled, the commit or the manifest digest.
    """
    return next(
        (
            entry
            for entry in entries
            if entry.version == version
            and entry.serves(digest)
            and (record is None or not set(record.pins).isdisjoint(entry.pins))
        ),
        None,
    )


def add_to_lock(*, models: Path, version: str, lock_file: Path, root: Path, replace: bool = False) -> str:
    """Adds the pulled release `version` to `model.lock`, and returns a sentence on what happened.

    Args:
        replace: whether to replace an entry of the same repository and version with another pin.

    Raises:
        BadRelease: it has not been pulled, or has changed since.
        MovedTag: there is an entry with another pin, and `replace` is not set.
        BadLock: `model.lock` cannot be read.
    """
    check_version(version)
    release = pulled(models, version)
    entries = read_lock(lock_file)
    name = f"{release.version} of {release.repository}"
    own = entries_of(entries, repository=release.repository, version=version, root=root)
    kept = [entry for entry in entries if not (replace and entry in own)]

    def cover_by(listed: Sequence[Release], manifest: str | None) -> Release | None:
        at = {"repository": release.repository, "version": version, "pin": release.pin}
        return find_cover(listed, **at, manifest=manifest, root=root, accept=_REPLACE)

    entry = read_through(models / version, lambda folder: _with_manifest(release, folder))
    cover = cover_by(kept, release.manifest)
    if cover is not None:
        read_through(models / version, lambda folder: hold_to_entry(folder, release.files, cover))
        return f"{name} is covered already, by the entry of {cover.repository}; nothing to do."
    if own and not replace:
        cover_by(own, entry.manifest)
        raise _unrecorded_manifest(version)
    write_lock(lock_file, [*kept, entry])
    said = "Replaced the entry of" if len(kept) < len(entries) else "Added"
    done = f"{said} {name}, {show_id(release.pin)}. Review the change of {lock_file.name} and commit it."
    return f"{done} {_LOCAL_BUILD}" if _is_local_build(release, root) else done


def write_lock(lock_file: Path, entries: Sequence[Release]) -> None:
    """Writes these entries below the file's opening comment, atomically."""
    before = lock_file.read_text(encoding="utf-8") if lock_file.exists() else ""
    header = re.split(rf"^{re.escape(_ENTRY)}", before, maxsplit=1, flags=re.MULTILINE)[0]  # comments may have it too
    draft = lock_file.with_name(f".{lock_file.name}.draft")
    draft.write_text(header + "\n".join(_entry_text(entry) for entry in entries), encoding="utf-8")
    draft.replace(lock_file)


def _entry_text(release: Release) -> str:
    lines = [_ENTRY]
    fields = ((key, getattr(release, key)) for key in ("repository", "version", "commit", "manifest", "artefact"))
    lines += [f"{key} = {_quoted(value)}" for key, value in fields if value is not None]
    for file in release.files:
        lines += [
            "",
            "[[release.files]]",
            f"name = {_quoted(file.name)}",
            f"size = {file.size}",
            f"sha256 = {_quoted(file.sha256)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string of printable characters is a TOML string


def _with_manifest(release: Release, folder: Path) -> Release:
    """The record with the manifest digest of its files, even if there are files that the digest does not cover."""
    manifest = manifest_of(folder, release.files, version=release.version, artefact=release.artefact)
    return msgspec.structs.replace(release, manifest=manifest)


def _is_local_build(release: Release, root: Path) -> bool:
    key = recorded_key(release.repository, root=root)
    folder = None if key is None else parse_address(release.repository, root=root).folder
    return folder is not None and folder.is_relative_to(root.resolve())


def _unrecorded_manifest(version: str) -> BadLock:
    return BadLock(
        f"entry of {version} in model.lock",
        found="only a manifest digest, which the record of the pulled release does not have",
        expected="a record that has it",
        remedy=f"Run `pixelwise pull {version}`, which records it and leaves out files that it does not cover, or "
        f"`pixelwise lock {version} --replace`, which lists them.",
    )


def _bad_lock(lock_file: Path, found: str) -> BadLock:
    return BadLock(
        f"{lock_file.name}",
        found=found,
        expected="one [[release]] for each trusted release, as `pixelwise lock` writes it",
        remedy=f"Restore it with `git checkout -- {lock_file.name}`, or correct the entry.",
    )
