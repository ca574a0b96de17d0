"""One pinned release: asked for, fetched, held against the lock, accepted, placed. If any step refuses,
nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.errors import SystemRefused, Unreachable
from app.release.address import Address, parse_address
from app.release.default_copies import check_room, copy_out
from app.release.git import Git
from app.release.lock import find_cover, read_lock
from app.release.record import (
    RECORD,
    SUMS,
    Release,
    ReleaseFile,
    changed_file,
    describe,
    hold_against,
    hold_against_sums,
    own_artefact,
    read_record,
    record_bytes,
)
from app.release.refusals import BadRelease, MovedTag, Unreviewed
from app.release.repository import Tag, fetch, read, resolve
from app.release.seen import SEEN, Seen, read_seen, write_seen
from app.release.store import clear_unlinked, incoming, only_one_pull, place, take_over, write

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pulled:
    """The result of a pull.

    Attributes:
        release: the release that is in place now.
        covered_by: the entry of `model.lock` that vouches for it; None for a first pull.
        outcome: "pulled", "copied" (it was there, and its files are those of `models/` now), "in place" (nothing to
            do) or "kept" (it was there, and its repository did not answer).
    """

    release: Release
    covered_by: Release | None
    outcome: Literal["pulled", "copied", "in place", "kept"]


def pull(
    *,
    repository: str,
    version: str,
    models: Path,
    lock_file: Path,
    root: Path,
    frozen: bool,
    accept: Callable[[Path], None],
    say: Say,
    is_default: bool = True,
    keep_offline: bool = False,
    card_artefact: Callable[[Path], str | None] = lambda folder: None,
    environ: Mapping[str, str] | None = None,
) -> Pulled:
    """Makes the release `version` of `repository` that of `models/<version>`, and copies the default into `models/`.

    Args:
        repository: MODEL_REPO; a relative path counts from `root`.
        frozen: take only what `model.lock` lists.
        accept: handed the folder with the verified files and their record, before any of it is placed; raises a
            refusal to keep it out.
        say: one line of progress or notice, for a person.
        is_default: whether its files are those of `models/` itself.
        keep_offline: when the repository does not answer, go on with its release in `models/<version>` if that
            is intact (and, with `frozen`, listed in `model.lock`).
        card_artefact: handed the same folder; the artefact that its card names, or None.
        environ: the environment for git; None means the process's own.

    Raises:
        Refused: the address, the tag, the lock, a file or `accept` says no; what was there before is as it was.
        Unreachable: the repository does not answer, and nothing is kept.
    """
    address = parse_address(repository, root=root)
    entries = read_lock(lock_file)
    with only_one_pull(models, say), incoming(models) as workshop:
        seen = read_seen(models)
        git = Git(workshop, address, environ=environ)
        try:
            tag = resolve(git, version)
        except Unreachable as unreachable:
            kept = _find_kept(models / version, entries, address, root, frozen) if keep_offline else None
            if kept is None:
                raise
            say(
                f"The {unreachable.subject} could not be reached ({unreachable.found}). The release in place goes on: "
                f"{version}, commit {kept.release.commit[:12]}."
            )
            take_over(models, version)
            if is_default:
                copy_out(models, kept.release)
            return kept
        cover = find_cover(entries, repository=address.repository, version=version, commit=tag.commit, root=root)
        if cover is None and frozen:
            raise Unreviewed(version, repository=address.repository, commit=tag.commit)

        held = _record_in_place(models / version, say)
        if cover is None:
            _check_not_moved(held, seen, tag, address, models, root)
        known = _remembering(seen, held, tag, address, root)
        if held is not None and held.commit == tag.commit and _is_intact(models / version, held, cover, say):
            take_over(models, version)
            if known != seen:
                write_seen(models, known, workshop)
            is_copied = is_default and copy_out(models, held)
            clear_unlinked(models)
            return Pulled(held, cover, "copied" if is_copied else "in place")

        say(f"Fetching {version} of {address.repository}, commit {tag.commit[:12]}.")
        staged = workshop / version
        release = _stage(staged, git, tag, cover, card_artefact, say)
        if is_default:
            check_room(models, release)
        accept(staged)
        replaced = place(staged, models, version)
        if known != seen:
            write_seen(models, known, workshop)
        if is_default:
            copy_out(models, release)
        clear_unlinked(models, keep=replaced)
    if cover is None:
        say(
            f"{version} of {address.repository} is not in {lock_file.name}: a first pull. Its commit and digests are "
            f"recorded in {models.name}/{version}/{RECORD}; review them, then trust them by "
            f"`pixelwise lock{'' if is_default else f' {version}'}`."
        )
    return Pulled(release, cover, "pulled")


def _stage(
    folder: Path,
    git: Git,
    tag: Tag,
    cover: Release | None,
    card_artefact: Callable[[Path], str | None],
    say: Say,
) -> Release:
    """Writes the release and its record into the new `folder`; every byte is verified before one is read."""
    blobs, left_out = fetch(git, tag)
    if left_out:
        say(f"Left out of {tag.version} (only plain files of the top folder are taken): {', '.join(left_out[:10])}.")
    folder.mkdir()
    files: dict[str, ReleaseFile] = {}
    for blob in blobs:
        data = read(git, tag, blob)
        files[blob.name] = describe(blob.name, data)
        write(folder / blob.name, data)
    if SUMS in files:
        hold_against_sums(files, (folder / SUMS).read_bytes())
    if cover is not None:
        hold_against(files.values(), cover.files, promised_by="model.lock")
        artefact = cover.artefact
    else:
        artefact = own_artefact(tag.version, files, named=card_artefact(folder))
    release = Release(git.address.repository, tag.version, tag.commit, artefact, tuple(files.values()))
    write(folder / RECORD, record_bytes(release))
    return release


def _record_in_place(folder: Path, say: Say) -> Release | None:
    try:
        return read_record(folder)
    except (BadRelease, SystemRefused) as error:
        say(f"{error} It is fetched anew.")
        return None


def _check_not_moved(held: Release | None, seen: Seen, tag: Tag, address: Address, models: Path, root: Path) -> None:
    """Holds a first pull against what was pulled before. Removing `models/<version>` is the acceptance."""
    version = tag.version
    known = seen.get(address.key, {}).get(version, tag.commit)
    if held is not None and _is_of(held, address, root):
        if held.commit != tag.commit:
            raise MovedTag(
                version,
                found=tag.commit,
                promised=held.commit,
                promised_by=f"the record of what was pulled before ({models.name}/{version}/{RECORD})",
                remedy=f"Nothing was replaced. If the change is meant (a release of your own, built anew), remove "
                f"{models.name}/{version}, then run `pixelwise pull {version}`.",
            )
    elif known != tag.commit and (models / version).exists():
        other = f"the {version} of {held.repository}" if held else "no readable record"
        raise MovedTag(
            version,
            found=tag.commit,
            promised=known,
            promised_by=f"the ledger of what was pulled before ({models.name}/{SEEN})",
            remedy=f"Nothing was replaced. If the change of {address.repository} is meant, remove "
            f"{models.name}/{version} (it holds {other}), then run `pixelwise pull {version}`.",
        )


def _remembering(seen: Seen, held: Release | None, tag: Tag, address: Address, root: Path) -> Seen:
    """The ledger once `tag` is in place. What it replaces is noted too: a stopped pull may not have come to that."""
    placed = [(address.key, tag.version, tag.commit)]
    if held is not None:
        placed.insert(0, (parse_address(held.repository, root=root).key, held.version, held.commit))
    known = dict(seen)
    for key, version, commit in placed:
        known[key] = {**known.get(key, {}), version: commit}
    return known


def _find_kept(folder: Path, entries: Sequence[Release], address: Address, root: Path, frozen: bool) -> Pulled | None:
    """The release in `folder`, if it can go on while its repository does not answer: intact, and of that repository.

    Raises:
        Refused: `model.lock` has other files for this very commit.
    """
    version = folder.name
    try:
        held = read_record(folder)
    except BadRelease:
        return None
    if held is None or held.version != version or changed_file(folder, held):
        return None
    try:
        cover = find_cover(entries, repository=address.repository, version=version, commit=held.commit, root=root)
    except MovedTag:  # the lock has another commit: what is in place is no longer the trusted one
        return None
    covering = [entry for entry in entries if (entry.version, entry.commit) == (version, held.commit)]
    if not any(_is_of(release, address, root) for release in (held, *covering)) or (frozen and cover is None):
        return None
    if cover is not None:
        hold_against(held.files, cover.files, promised_by="model.lock")
    return Pulled(held, cover, "kept")


def _is_of(release: Release, address: Address, root: Path) -> bool:
    return parse_address(release.repository, root=root).key == address.key


def _is_intact(folder: Path, held: Release, cover: Release | None, say: Say) -> bool:
    if changed := changed_file(folder, held):
        say(f"{changed} in {folder.parent.name}/{folder.name} is not what was pulled: the release is fetched anew.")
        return False
    if cover is not None:
        hold_against(held.files, cover.files, promised_by="model.lock")
    return True
