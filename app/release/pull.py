"""A pull of one pinned release: resolved, fetched, checked against the lock, accepted, placed. If any step
refuses, nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import SystemRefused, Unreachable
from app.release.default_copies import check_room, copy_out
from app.release.manifest import manifest_digest, manifest_files
from app.release.model_lock import entries_of, find_cover, find_same_files, hold_to_entry, manifest_of, read_lock
from app.release.models_folder import clear_unlinked, incoming, only_one_pull, place, remove, take_over, write
from app.release.pin import Pin, is_manifest, show_id, show_short_id
from app.release.record import (
    RECORD,
    SUMS,
    Release,
    ReleaseFile,
    changed_file,
    describe,
    hold_against_sums,
    own_artefact,
    read_record,
    record_bytes,
)
from app.release.refusals import BadRelease, MovedTag, Unreviewed
from app.release.seen_commits import SEEN, Seen, read_seen, write_seen
from app.release.signature import is_signed, look_for_signer, with_signer
from app.release.sources.address import Address, parse_address, recorded_key
from app.release.sources.source import Listing, Source, check_version, is_reserved
from app.release.sources.table import open_source
from app.signing.model_signature import SIGNATURE
from app.signing.trust import Trust

Say = Callable[[str], None]
_SHOWN = 100
"""Most characters of a name in a notice."""
_OTHERS = "folders, odd names, and what a system adds for itself"
Files = dict[str, ReleaseFile]
"""The files of a release by their names."""


@dataclass(frozen=True)
class Pulled:
    """The result of a pull.

    Attributes:
        release: the release that is in place now.
        covered_by: the entry of `model.lock` that vouches for it; None for a first pull.
        outcome: "pulled", "copied" (it was there, and its files were copied into `models/`), "in place" (nothing
            to do) or "kept" (it was there, and its repository did not answer).
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
    trust: Trust | None = None,
    card_artefact: Callable[[Path], str | None] = lambda folder: None,
    environ: Mapping[str, str] | None = None,
) -> Pulled:
    """Puts the release `version` of `repository` at `models/<version>`, and copies the default into `models/`.

    Args:
        repository: MODEL_REPO; a relative path counts from `root`.
        frozen: take only releases that `model.lock` lists.
        accept: called with the folder of the verified files and their record, before any of it is placed; raises a
            refusal to keep the release out.
        say: called with one line of progress or notice, for a person.
        is_default: whether its files are also copied into `models/` itself.
        keep_offline: if the repository does not answer, continue with its release in `models/<version>` if that is
            intact (and, with `frozen`, listed in `model.lock`).
        trust: whose signatures count, and whether there must be one; None looks at no signature.
        card_artefact: called with the same folder; returns the artefact that its card names, or None.
        environ: the environment that the source is given; None means the process's own.

    Raises:
        Refused: the address, the tag, the lock, a file or `accept` is the reason; nothing has changed.
        Unreachable: the repository does not answer, and nothing is kept.
    """
    address = parse_address(repository, root=root)
    check_version(version)
    entries = read_lock(lock_file)
    with only_one_pull(models, say), incoming(models) as workshop:
        seen = read_seen(models)
        source = open_source(address, workshop, environ=environ)
        try:
            pin = source.resolve(version)
        except Unreachable as unreachable:
            kept = _find_kept(models / version, entries, address, root, frozen) if keep_offline else None
            if kept is None:
                raise
            if trust is not None:
                look_for_signer(models / version, kept.release, trust, card_artefact, lambda: entries)
            say(
                f"The {unreachable.subject} could not be reached ({unreachable.found}). The release in place goes on: "
                f"{version}, {show_short_id(kept.release.pin)}."
            )
            take_over(models, version)
            if is_default:
                copy_out(models, kept.release)
            return kept

        held = _record_in_place(models / version, say)
        in_place = held if held is not None and pin.id in held.pins else None
        manifest = pin.id if is_manifest(pin.id) else in_place.manifest if in_place else None
        named = entries_of(entries, repository=address.repository, version=version, root=root)

        def cover_by(listed: Sequence[Release], manifest: str | None) -> Release | None:
            at = {"repository": address.repository, "version": version, "pin": pin.id}
            return find_cover(listed, **at, manifest=manifest, root=root)

        cover = cover_by(entries, manifest)

        def check_first_pull() -> None:
            if frozen:
                raise Unreviewed(version, repository=address.repository, pin=pin.id)
            _check_not_moved(held, seen, pin, address, models, root)

        # Only the files can show whether an entry without its commit vouches for this release.
        is_open = (
            cover is None
            and manifest is None
            and (frozen or in_place is None or bool(named))
            and any(entry.version == version and entry.manifest is not None for entry in entries)
        )
        if cover is None and not is_open:
            check_first_pull()
        known = _remembering(seen, held, pin, address, root)
        folder = models / version
        is_whole = in_place is not None and not is_open and _is_intact(folder, in_place, cover, say)
        if (
            in_place is not None
            and is_whole
            and is_signed(folder, in_place, trust, card_artefact, lambda: entries, say)
        ):
            take_over(models, version)
            if known != seen:
                write_seen(models, known, workshop)
            is_copied = is_default and copy_out(models, in_place)
            clear_unlinked(models)
            return Pulled(in_place, cover, "copied" if is_copied else "in place")

        say(f"Fetching {version} of {address.repository}, {show_short_id(pin.id)}.")
        staged = workshop / version
        files, listing = _fetch(staged, source, pin, say)
        sums = (staged / SUMS).read_bytes() if SUMS in files else None
        if is_open:
            cover = find_same_files(entries, version=version, files=files, sums=sums)
            if cover is None:
                for entry in named:
                    cover_by(
                        [entry], manifest_of(staged, tuple(files.values()), version=version, artefact=entry.artefact)
                    )
                check_first_pull()
        release = _describe_release(staged, address, pin, files, sums, cover, card_artefact, say)
        release = with_signer(
            msgspec.structs.replace(release, proof=listing.proof), staged, trust, card_artefact, lambda: entries, say
        )
        write(staged / RECORD, record_bytes(release))
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
        kind = show_id(pin.id).partition(" ")[0]
        say(
            f"{version} of {address.repository} is not in {lock_file.name}: a first pull. Its {kind} and digests are "
            f"recorded in {models.name}/{version}/{RECORD}; review them, then trust them by "
            f"`pixelwise lock{'' if is_default else f' {version}'}`."
        )
    return Pulled(release, cover, "pulled")


def _fetch(folder: Path, source: Source, pin: Pin, say: Say) -> tuple[Files, Listing]:
    """Writes the source's files into the new `folder` and describes them; checks the release's own digests."""
    listing = source.list(pin)
    own = [name for name in listing.left_out if is_reserved(name.removesuffix("/"))]
    others = [name for name in listing.left_out if name not in own]
    for names, why in ((own, "names that PixelWise keeps for itself"), (others, _OTHERS)):
        if names:
            say(f"Left out of {pin.version} ({why}): {', '.join(name[:_SHOWN] for name in names[:10])}.")
    folder.mkdir()
    files: Files = {}
    for file in listing.files:
        data = source.read(pin, file.name, limit=file.size)
        files[file.name] = describe(file.name, data)
        write(folder / file.name, data)
    if SUMS in files:
        hold_against_sums(files, (folder / SUMS).read_bytes())
    return files, listing


def _describe_release(
    folder: Path,
    address: Address,
    pin: Pin,
    files: Files,
    sums: bytes | None,
    cover: Release | None,
    card_artefact: Callable[[Path], str | None],
    say: Say,
) -> Release:
    """The release of these files; files that nothing vouches for are removed.

    A commit vouches for everything in it, unless there is a `model.sig` of single files. A manifest digest vouches for
    the files that it covers, an entry of `model.lock` for those that it lists.
    """
    artefact = cover.artefact if cover is not None else own_artefact(pin.version, files, named=card_artefact(folder))
    if is_manifest(pin.id) and sums is None and artefact != own_artefact(pin.version, files):
        raise _without_sums(pin.version, artefact)
    covered = manifest_files(files, sums, artefact=artefact)
    manifest = manifest_digest(covered)
    if is_manifest(pin.id) and manifest != pin.id:
        raise _unlike_pin(pin, manifest)
    if cover is not None:
        hold_to_entry(folder, tuple(files.values()), cover)
    vouched = {file.name for file in (*covered, *(cover.files if cover else ()))}
    is_signed = SIGNATURE in files and sums is not None
    if is_manifest(pin.id) or is_signed or (cover is not None and pin.id not in cover.pins):
        files = _only(vouched, files, folder, pin, say)
        if artefact not in files:
            raise BadRelease(
                f"release {pin.version}",
                found=f"no {artefact} in its {SUMS}",
                expected="the digest of every file that is served",
                remedy="Its owner must publish the release anew; nothing was replaced.",
            )
    return Release(
        repository=address.repository,
        version=pin.version,
        commit=None if is_manifest(pin.id) else pin.id,
        manifest=manifest if files.keys() <= vouched else None,
        artefact=artefact,
        files=tuple(files.values()),
    )


def _only(names: Collection[str], files: Files, folder: Path, pin: Pin, say: Say) -> Files:
    """Removes all other files from the folder."""
    others = sorted(files.keys() - names)
    for name in others:
        remove(folder / name)
    if others:
        say(f"Left out of {pin.version} (its manifest digest does not cover them): {', '.join(others[:10])}.")
    return {name: file for name, file in files.items() if name in names}


def _unlike_pin(pin: Pin, manifest: str) -> BadRelease:
    return BadRelease(
        f"release {pin.version}",
        found=show_id(manifest),
        expected=f"{show_id(pin.id)}, by which its source pinned it",
        remedy=f"It may have changed meanwhile: run `pixelwise pull {pin.version}` again. If it stays so, its source "
        "pins what it does not have; nothing was replaced.",
    )


def _without_sums(version: str, artefact: str) -> BadRelease:
    return BadRelease(
        f"release {version}",
        found=f"a card that names {artefact}, and no {SUMS}",
        expected=f"{SUMS}, where the artefact has another name than the usual one",
        remedy=f"Its owner must add {SUMS}, which says what the release is made of; nothing was replaced.",
    )


def _record_in_place(folder: Path, say: Say) -> Release | None:
    try:
        return read_record(folder)
    except (BadRelease, SystemRefused) as error:
        say(f"{error} It is fetched anew.")
        return None


def _check_not_moved(held: Release | None, seen: Seen, pin: Pin, address: Address, models: Path, root: Path) -> None:
    """Checks a first pull against earlier pulls. Removing `models/<version>` accepts a change."""
    version = pin.version
    known = seen.get(address.key, {}).get(version, pin.id)
    if held is not None and _is_of(held, address, root):
        if pin.id not in held.pins:
            raise MovedTag(
                version,
                found=pin.id,
                expected=held.pin,
                promised_by=f"the record of what was pulled before ({models.name}/{version}/{RECORD})",
                remedy=f"Nothing was replaced. If the change is meant (a release of your own, built anew), remove "
                f"{models.name}/{version}, then run `pixelwise pull {version}`.",
            )
    elif known != pin.id and (models / version).exists():
        other = f"the {version} of {held.repository}" if held else "no readable record"
        raise MovedTag(
            version,
            found=pin.id,
            expected=known,
            promised_by=f"the ledger of what was pulled before ({models.name}/{SEEN})",
            remedy=f"Nothing was replaced. If the change of {address.repository} is meant, remove "
            f"{models.name}/{version} (it holds {other}), then run `pixelwise pull {version}`.",
        )


def _remembering(seen: Seen, held: Release | None, pin: Pin, address: Address, root: Path) -> Seen:
    """The ledger once `pin` is in place. The replaced release is noted too, in case its own pull was interrupted."""
    placed = [(address.key, pin.version, pin.id)]
    if held is not None:
        key = recorded_key(held.repository, root=root)
        placed = [*([] if key is None else [(key, held.version, held.pin)]), *placed]
    known = dict(seen)
    for key, version, pin_id in placed:
        known[key] = {**known.get(key, {}), version: pin_id}
    return known


def _find_kept(folder: Path, entries: Sequence[Release], address: Address, root: Path, frozen: bool) -> Pulled | None:
    """The release in `folder`, if it may stay in use while its repository does not answer: intact, and from there.

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

    def cover_by(listed: Sequence[Release], manifest: str | None) -> Release | None:
        at = {"repository": address.repository, "version": version, "pin": held.pin}
        return find_cover(listed, **at, manifest=manifest, root=root)

    try:
        for entry in entries_of(entries, repository=address.repository, version=version, root=root):
            cover_by([entry], manifest_of(folder, held.files, version=version, artefact=entry.artefact))
        cover = cover_by(entries, held.manifest)
    except MovedTag:  # the lock has another pin: the release in place is no longer the trusted one
        return None
    covering = [entry for entry in entries if entry.version == version and held.pin in entry.pins]
    if not any(_is_of(release, address, root) for release in (held, *covering)) or (frozen and cover is None):
        return None
    if cover is not None:
        hold_to_entry(folder, held.files, cover)
    return Pulled(held, cover, "kept")


def _is_of(release: Release, address: Address, root: Path) -> bool:
    return recorded_key(release.repository, root=root) == address.key


def _is_intact(folder: Path, held: Release, cover: Release | None, say: Say) -> bool:
    if changed := changed_file(folder, held):
        say(f"{changed} in {folder.parent.name}/{folder.name} is not what was pulled: the release is fetched anew.")
        return False
    if cover is not None:
        hold_to_entry(folder, held.files, cover)
    return True
