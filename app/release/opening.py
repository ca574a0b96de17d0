"""Opens a model for serving. Nothing is used before it is checked, in this order: the digest of its bytes (unread), the
bytes read as data, its classes, its version, its card, a slice of its golden set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import (
    BadRelease,
    ChangedFile,
    ConfigurationError,
    MissingModel,
    OriginUnknown,
    Refused,
    RosterMismatch,
    VersionMismatch,
)
from app.inference.artefact import MAX_BYTES, Artefact, read_artefact
from app.inference.contract import Accuracy, GoldenPromise
from app.inference.engine import Engine
from app.inference.golden import MAX_BYTES as GOLDEN_BYTES
from app.inference.golden import GoldenSet, read_golden, replay
from app.inference.plain_file import NotPlain, read_plain_file
from app.release.agreement import Check, Code, check_artefact, check_card, check_golden, refuse_differences, skip
from app.release.card import CARD, Card, read_card
from app.release.card import MAX_BYTES as CARD_BYTES
from app.release.lock import find_vouching, read_lock
from app.release.record import Release, read_record
from app.release.store import installed

GOLDEN_SLICE = 32
"""Recorded answers that are replayed at every start; all of them by `pixelwise verify`."""

UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True)
class Source:
    """What to open, and what it is held against.

    Attributes:
        version: the pinned MODEL_VERSION.
        path: MODEL_PATH; None means the pinned release's own artefact in `models`.
        models: the folder of pulled releases.
        lock_file: `model.lock`.
        require_lock: refuse what `model.lock` does not list.
    """

    version: str
    path: Path | None
    models: Path
    lock_file: Path
    require_lock: bool


@dataclass(frozen=True)
class Recorded:
    """A release's golden set: what its card promises of it and of all test digits, and the verified bytes."""

    promise: GoldenPromise
    accuracy: Accuracy
    data: bytes
    classes: int

    def digits(self, *, first: int | None = None) -> GoldenSet:
        """All recorded digits, or only the first ones (milliseconds instead of tens of them)."""
        return read_golden(self.data, classes=self.classes, name=self.promise.file, first=first)


@dataclass(frozen=True)
class Model:
    """An opened model.

    Attributes:
        path: of the artefact.
        sha256: of its bytes, as hex digits.
        version: by the record of its digest; "unknown" for a file that no record covers.
        card: what lies beside it; None when there is none, or it speaks of another artefact.
        recorded: its recorded answers; None when there are none.
        checks: everything that was compared; nothing differs.
        notices: sentences for the operator.
    """

    path: Path
    sha256: str
    version: str
    artefact: Artefact
    engine: Engine
    card: Card | None
    recorded: Recorded | None
    checks: tuple[Check, ...]
    notices: tuple[str, ...]


def open_model(source: Source, code: Code) -> Model:
    """The model, with every check made.

    Raises:
        MissingModel, VersionMismatch: the settings name what is not there, or is another version.
        Refused: a file is not what was promised; RosterMismatch (an AssertionError) when it has other classes.
    """
    path = source.path or _pinned_artefact(source.models, source.version)
    data = _read(path, asked_by="MODEL_PATH" if source.path else "MODEL_VERSION")
    digest = hashlib.sha256(data).hexdigest()
    folder = path.parent
    record = read_record(folder)
    files = {} if record is None else {file.name: (file.sha256, "the record of its pull") for file in record.files}
    _hold_against(files, path.name, digest)
    if source.require_lock:
        entry = _vouching_entry(source, path, digest, record)
        files |= {file.name: (file.sha256, source.lock_file.name) for file in entry.files}
        _hold_against(files, path.name, digest)

    artefact = read_artefact(data)
    if artefact.classes != code.classes:
        known = tuple(check_artefact(artefact, code))
        raise RosterMismatch(path.name, found=artefact.classes, promised=code.classes, checks=known)
    version, notices = _served_version(source, path, digest, record)

    # The card and golden set of a folder speak of its release's own artefact, not of others that lie there.
    own = record is None or record.artefact == path.name
    card = _read_card(folder, files) if own else None
    engine = Engine(artefact)
    checks = check_artefact(artefact, code)
    checks += check_card(card, artefact, file=path.name, version=source.version, code=code)
    recorded = _read_golden(folder, files, card, artefact)
    checks += _replay_slice(recorded, engine)
    refuse_differences(path.name, checks)
    return Model(path, digest, version, artefact, engine, card, recorded, tuple(checks), tuple(notices))


def _pinned_artefact(models: Path, version: str) -> Path:
    record = read_record(models / version)
    if record is None:
        raise MissingModel(models / version, asked_by=f"MODEL_VERSION={version}")
    if record.version != version:
        raise BadRelease(
            f"record of {models.name}/{version}",
            found=f"release {record.version}",
            promised=f"release {version}",
            remedy=f"Remove {models / version} and run `pixelwise pull`.",
        )
    return models / version / record.artefact


def _read(path: Path, *, asked_by: str) -> bytes:
    try:
        return read_plain_file(path, limit=MAX_BYTES)
    except NotPlain as error:
        if not os.path.lexists(path):
            raise MissingModel(path, asked_by=asked_by) from None
        raise ConfigurationError(
            f"model file {path}",
            found=str(error),
            promised="a plain file",
            remedy="Point MODEL_PATH at the artefact itself (not at a link or folder), or leave it empty.",
        ) from None


Promised = Mapping[str, tuple[str, str]]
"""File name -> its digest, and what promises it."""


def _hold_against(files: Promised, name: str, digest: str) -> None:
    promised, promised_by = files.get(name, (digest, ""))
    if promised != digest:
        raise ChangedFile(name, found=f"sha256 {digest}", promised=f"sha256 {promised}", promised_by=promised_by)


def _vouching_entry(source: Source, path: Path, digest: str, record: Release | None) -> Release:
    entry = find_vouching(read_lock(source.lock_file), version=source.version, digest=digest, record=record)
    if entry is None:
        raise OriginUnknown(
            f"model {path.name}",
            found=f"sha256 {digest}, in no entry of {source.lock_file.name} for {source.version}",
            promised="a reviewed release (REQUIRE_LOCK=true)",
            remedy="Review the release and add it by `pixelwise lock`, or pin one that is listed.",
        )
    return entry


def _served_version(source: Source, path: Path, digest: str, record: Release | None) -> tuple[str, list[str]]:
    """The version that records and `model.lock` give for these bytes, not the one that a setting claims."""
    if record is not None and record.version == source.version and record.serves(digest):
        return source.version, []
    others = (*installed(source.models), *read_lock(source.lock_file), *([record] if record else []))
    known = {release.version for release in others if release.serves(digest)}
    if source.version in known:
        return source.version, []
    if known:
        raise VersionMismatch(path.name, found=min(known), promised=source.version)
    return UNKNOWN_VERSION, [
        f"The origin of {path} is unknown: no pulled release and no entry of {source.lock_file.name} has these bytes. "
        f"Its version is shown as {UNKNOWN_VERSION!r}; REQUIRE_LOCK=true refuses such files."
    ]


def _beside(folder: Path, name: str, files: Promised, *, limit: int) -> bytes | None:
    """A file beside the artefact, as it was promised; None when there is none and none was promised."""
    recorded = name in files
    if not recorded and not (folder / name).exists():
        return None
    try:
        data = read_plain_file(folder / name, limit=limit)
    except NotPlain as error:
        raise Refused(
            f"file {name}",
            found=str(error),
            promised="a plain file of bounded size" + (", as it was pulled" if recorded else ""),
            remedy="Fetch the release again with `pixelwise pull`.",
        ) from None
    _hold_against(files, name, hashlib.sha256(data).hexdigest())
    return data


def _read_card(folder: Path, files: Promised) -> Card | None:
    data = _beside(folder, CARD, files, limit=CARD_BYTES)
    return None if data is None else read_card(data)


def _read_golden(folder: Path, files: Promised, card: Card | None, artefact: Artefact) -> Recorded | None:
    contract = card.contract if card else None
    if contract is None or contract.golden is None:
        return None
    promise = contract.golden
    data = _beside(folder, promise.file, files, limit=GOLDEN_BYTES)
    if data is None:
        return None
    digest = hashlib.sha256(data).hexdigest()
    if digest != promise.sha256:
        raise ChangedFile(
            promise.file, found=f"sha256 {digest}", promised=f"sha256 {promise.sha256}", promised_by="its card"
        )
    return Recorded(promise, contract.accuracy, data, len(artefact.classes))


def _replay_slice(recorded: Recorded | None, engine: Engine) -> list[Check]:
    if recorded is None:
        return [skip("recorded answers", "here", "", "golden", "no golden set of this artefact lies beside it")]
    return check_golden(replay(recorded.digits(first=GOLDEN_SLICE), engine), recorded.promise, whole=False)
