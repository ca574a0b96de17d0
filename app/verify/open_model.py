"""Opens a model for serving. Nothing is used before it is checked, in this order: the digest of its bytes (unread), the
bytes read as data, its classes, its version, its card, a slice of its golden set.

Bytes that differ from the record beside them but are another recorded release's are read as that release: the refusal
of a swapped-in v2 names its classes. Where a record promises other bytes, bytes that no record knows are not read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from app.errors import ConfigurationError, Refused, system_refusals
from app.model.contract import Accuracy, GoldenPromise
from app.model.formats import MAX_BYTES, read_model
from app.model.golden_set import MAX_BYTES as GOLDEN_BYTES
from app.model.golden_set import GoldenSet, read_golden, replay
from app.model.plain_file import NotPlain, read_needed_file
from app.model.refusals import ArtefactRefused
from app.model.scorer import Scorer, StatedScale, no_card
from app.release.model_lock import find_vouching, hold_to_entry, read_lock
from app.release.models_folder import read_through
from app.release.origin import ByteOrigin, find_origin, find_swapped, known_releases, pull_again, put_back
from app.release.record import CARD, Release, read_record
from app.release.refusals import BadRelease, ChangedFile
from app.signing.trust import Trust
from app.verify.card import MAX_BYTES as CARD_BYTES
from app.verify.card import Card, read_card
from app.verify.check_signer import check_required_signer
from app.verify.checks import (
    Check,
    Code,
    check_artefact,
    check_card,
    check_golden,
    refuse_differences,
    show_labels,
    skip,
)
from app.verify.refusals import MissingModel, OriginUnknown, RosterMismatch, VersionMismatch

GOLDEN_SLICE = 32
"""Recorded answers replayed at every start; `pixelwise verify` replays all of them."""

UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True)
class ModelChoice:
    """A model to open, and the promises to check it against.

    Attributes:
        version: the pinned MODEL_VERSION.
        path: MODEL_PATH; None means the pinned release's own artefact in `models`.
        models: the folder of pulled releases.
        lock_file: `model.lock`.
        require_lock: refuse artefacts that `model.lock` does not list.
        is_default: also check the course's path, `models/<artefact>`, if `path` is None. A version served beside the
            default has no files there.
        trust: whose signatures count, if one is required.
    """

    version: str
    path: Path | None
    models: Path
    lock_file: Path
    require_lock: bool
    is_default: bool = False
    trust: Trust | None = None


@dataclass(frozen=True)
class Recorded:
    """A release's golden set: the card's promises on it and on all test digits, and the verified bytes."""

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
        version: from the record of its digest; "unknown" for a file that no record covers.
        card: the card beside it; None if there is none, or it is about another artefact.
        recorded: its recorded answers; None if there are none.
        checks: all comparisons made; none differs.
        notices: sentences for the operator.
    """

    path: Path
    sha256: str
    version: str
    scorer: Scorer
    card: Card | None
    recorded: Recorded | None
    checks: tuple[Check, ...]
    notices: tuple[str, ...]


class Promise(NamedTuple):
    """The digest that a file has by its release, and by whom; a pull of that `version` puts the file back."""

    sha256: str
    by: str
    version: str


Promised = Mapping[str, Promise]
"""What each file is promised to be, by its name."""


def open_model(source: ModelChoice, code: Code) -> Model:
    """The model, after every check.

    Raises:
        MissingModel, VersionMismatch: the settings name a missing file, or a different version.
        SystemRefused: this user may not read a file, or the disk fails.
        Refused: a file is not what was promised; RosterMismatch (an AssertionError) if it has other classes.
    """
    link = source.models / source.version if source.path is None else source.path.parent
    with system_refusals(source.models):
        return read_through(link, lambda folder: _open(source, code, link, folder))


def _open(source: ModelChoice, code: Code, link: Path, folder: Path) -> Model:
    """The model from a single `folder`, even if `link`, which names it, is replaced meanwhile."""
    record = _pinned(source, folder) if source.path is None else read_record(folder)
    path = source.path or link / (record.artefact if record else "")
    files = {} if record is None else _promises(record, "the record of its pull")
    data = _read(folder / path.name, path, source=source, promise=files.get(path.name))
    digest = hashlib.sha256(data).hexdigest()
    is_foreign = path.name in files and files[path.name].sha256 != digest
    notices = _check_foreign_bytes(source, code, path, data, files[path.name]) if is_foreign else []
    if is_foreign:  # record, card and golden set here are about other bytes
        record, files = None, {}
    elif source.path is None and source.is_default and record is not None:
        _check_course_path(source, code, record)
    if source.require_lock:
        entry = _vouching_entry(source, path, digest, record)
        if record is not None:
            hold_to_entry(folder, record.files, entry)
        files |= _promises(entry, source.lock_file.name)
        _hold_against(files, path.name, digest)

    covering = record if path.name in files else None  # a record says nothing of a file that it does not name
    signed = check_required_signer(
        source.trust, folder, covering, path.name, version=source.version, lock_file=source.lock_file
    )
    # The card and golden set of a folder are about its release's own artefact, not about others that lie there.
    own = not is_foreign and (record is None or record.artefact == path.name)
    own = own and (not signed or CARD in files)  # nobody signed a card that is not among the files
    card_beside = cache(lambda: _read_card(folder, files) if own else None)
    scorer = _read_of_roster(path.name, data, code, scale=lambda: card.scale if (card := card_beside()) else None)
    version, unknown = _served_version(source, path, digest, record)

    card = card_beside()
    checks = [*check_artefact(scorer, code), *signed]
    checks += check_card(card, scorer, file=path.name, sha256=digest, version=source.version, code=code)
    recorded = _read_golden(folder, files, card, scorer)
    checks += _replay_slice(recorded, scorer, code)
    refuse_differences(path.name, checks)
    notices += [*unknown, *_recipe_notice(card, version, code), *_scale_notice(card, recorded, version)]
    return Model(path, digest, version, scorer, card, recorded, tuple(checks), tuple(notices))


def _pinned(source: ModelChoice, folder: Path) -> Release:
    named, record = source.models / source.version, read_record(folder)
    if record is None:
        raise MissingModel(named, version=source.version)
    if record.version != source.version:
        raise BadRelease(
            f"record of {source.models.name}/{source.version}",
            found=f"release {record.version}",
            expected=f"release {source.version}",
            remedy=f"Remove {named} and run `pixelwise pull {source.version}`.",
        )
    return record


def _read_of_roster(
    name: str, data: bytes, code: Code, *, scale: StatedScale = no_card, remedy: str | None = None
) -> Scorer:
    """The model in these bytes, checked to have the classes of this code."""
    try:
        scorer = read_model(data, scale)
    except ArtefactRefused as error:
        raise error.anew(file=name) from None
    if scorer.labels != code.classes:
        known = tuple(check_artefact(scorer, code))
        found, expected = show_labels(scorer.labels), show_labels(code.classes)
        remedy = scorer.relabel or remedy
        raise RosterMismatch(name, found=found, expected=expected, checks=known, remedy=remedy)
    return scorer


def _check_foreign_bytes(source: ModelChoice, code: Code, path: Path, data: bytes, promise: Promise) -> list[str]:
    """Notices about bytes that the record beside them does not promise, but that are of the pinned version.

    Raises:
        ChangedFile: no record has them, or none has them as its own artefact. RosterMismatch, VersionMismatch: they are
            another release's.
    """
    known = known_releases(source.models, source.lock_file, only_locked=source.require_lock)
    origin = find_origin(hashlib.sha256(data).hexdigest(), known)
    _check_origin(source, code, path.name, data, origin, promise)
    if not origin.serving:
        raise _unlike_record(path.name, origin, promise)
    back = f"`pixelwise pull {promise.version}` puts that back"
    return [f"{path} is {origin.shown}, not what the record beside it promises: {back}."]


def _check_course_path(source: ModelChoice, code: Code, pinned: Release) -> None:
    """Checks that the file at the course's path, which is not the served one, is not a different model."""
    swapped = find_swapped(source.models, pinned, source.lock_file, only_locked=source.require_lock)
    if swapped is None:
        return
    own = next(file.sha256 for file in pinned.files if file.name == pinned.artefact)
    promise = Promise(own, f"the record of {source.models.name}/{pinned.version}", pinned.version)
    name = f"{source.models.name}/{swapped.path.name}"
    if swapped.data is None:
        remedy = put_back(swapped.path, pinned.version)
        raise ChangedFile(name, found=swapped.found, expected=f"sha256 {own}", promised_by=promise.by, remedy=remedy)
    _check_origin(source, code, name, swapped.data, swapped.origin, promise)
    raise _unlike_record(name, swapped.origin, promise)


def _check_origin(
    source: ModelChoice, code: Code, name: str, data: bytes, origin: ByteOrigin, promise: Promise
) -> None:
    """Checks that bytes that a record does not promise belong to a release of the pinned version, or to none."""
    if not origin.is_known:
        raise _unlike_record(name, origin, promise)
    version = origin.versions[0]
    remedy = f"{pull_again(promise.version)}, or set MODEL_VERSION={version} to serve {version}."
    try:
        _read_of_roster(name, data, code, remedy=remedy)
    except ArtefactRefused as error:
        if error.code != "scale":  # the card that states it lies beside the other release
            raise
    if origin.serving and source.version not in origin.versions:
        raise VersionMismatch(name, found=version, expected=source.version, remedy=remedy)


def _unlike_record(name: str, origin: ByteOrigin, promise: Promise) -> ChangedFile:
    remedy = f"{pull_again(promise.version)}; a model of your own goes under another path, which MODEL_PATH names."
    expected = f"sha256 {promise.sha256}"
    return ChangedFile(name, found=origin.shown, expected=expected, promised_by=promise.by, remedy=remedy)


def _read(file: Path, path: Path, *, source: ModelChoice, promise: Promise | None) -> bytes:
    """The bytes of `file`, which settings and messages call `path`; if promised, a pull can put it back."""
    try:
        return read_needed_file(file, limit=MAX_BYTES)
    except NotPlain as error:
        if error.is_missing:
            raise MissingModel(path, version=None if source.path else source.version) from None
        raise ConfigurationError(
            f"model file {path}",
            found=error.why,
            expected="a plain file",
            remedy=put_back(path, promise.version)
            if promise is not None
            else "Point MODEL_PATH at the artefact itself (not at a link or folder), or leave it empty.",
        ) from None


def _promises(release: Release, by: str) -> dict[str, Promise]:
    return {file.name: Promise(file.sha256, by, release.version) for file in release.files}


def _hold_against(files: Promised, name: str, digest: str) -> None:
    promise = files.get(name)
    if promise is not None and promise.sha256 != digest:
        raise ChangedFile(
            name,
            found=f"sha256 {digest}",
            expected=f"sha256 {promise.sha256}",
            promised_by=promise.by,
            remedy=f"Fetch the release again with `pixelwise pull {promise.version}`.",
        )


def _vouching_entry(source: ModelChoice, path: Path, digest: str, record: Release | None) -> Release:
    entry = find_vouching(read_lock(source.lock_file), version=source.version, digest=digest, record=record)
    if entry is None:
        raise OriginUnknown(
            f"model {path.name}",
            found=f"sha256 {digest}, in no entry of {source.lock_file.name} for {source.version}",
            expected="a reviewed release (REQUIRE_LOCK=true)",
            remedy=f"Review the release and add it by `pixelwise lock {source.version}`, or pin one that is listed.",
        )
    return entry


def _served_version(source: ModelChoice, path: Path, digest: str, record: Release | None) -> tuple[str, list[str]]:
    """The version that records and `model.lock` give for these bytes, whatever a setting claims."""
    if record is not None and record.version == source.version and record.serves(digest):
        return source.version, []
    others = (*known_releases(source.models, source.lock_file), *([record] if record else []))
    known = {release.version for release in find_origin(digest, others).serving}
    if source.version in known:
        return source.version, []
    if known:
        raise VersionMismatch(path.name, found=min(known), expected=source.version)
    return UNKNOWN_VERSION, [
        f"The origin of {path} is unknown: no pulled release and no entry of {source.lock_file.name} has these bytes. "
        f"Its version is shown as {UNKNOWN_VERSION!r}; REQUIRE_LOCK=true refuses such files."
    ]


def _beside(folder: Path, name: str, files: Promised, *, limit: int) -> bytes | None:
    """A file beside the artefact, as promised; None if it is missing and none was promised."""
    recorded = name in files
    if not recorded and not (folder / name).exists():
        return None
    try:
        data = read_needed_file(folder / name, limit=limit)
    except NotPlain as error:
        raise Refused(
            f"file {name}",
            found=error.why,
            expected="a plain file of bounded size" + (", as it was pulled" if recorded else ""),
            remedy=put_back(folder / name, files[name].version)
            if recorded
            else "Put a plain file there, or take it away.",
        ) from None
    _hold_against(files, name, hashlib.sha256(data).hexdigest())
    return data


def _read_card(folder: Path, files: Promised) -> Card | None:
    data = _beside(folder, CARD, files, limit=CARD_BYTES)
    return None if data is None else read_card(data)


def _recipe_notice(card: Card | None, version: str, code: Code) -> list[str]:
    drawn = card.contract.drawn if card and card.contract else None
    if drawn is None or drawn.recipe == code.recipe:
        return []
    return [
        f"{version} was measured with version {drawn.recipe} of the recipe, and drawings come by version {code.recipe} "
        "here: its answers have no certainty, and are called unsure by their confidence."
    ]


def _scale_notice(card: Card | None, recorded: Recorded | None, version: str) -> list[str]:
    scale = card.scale if card else None
    if scale is None or recorded is not None:
        return []
    return [
        f"{version} takes pixels by the scale {scale} because its card says so, and no recorded answers show that this "
        "is right: a wrong one gives plausible wrong answers. `pixelwise verify --mnist` tells; a golden set beside it "
        "would, at every start."
    ]


def _read_golden(folder: Path, files: Promised, card: Card | None, scorer: Scorer) -> Recorded | None:
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
            promise.file,
            found=f"sha256 {digest}",
            expected=f"sha256 {promise.sha256}",
            promised_by="its card",
            remedy="Its owner must publish card and golden set that belong together, or pin another version.",
        )
    return Recorded(promise, contract.accuracy, data, len(scorer.classes))


def _replay_slice(recorded: Recorded | None, scorer: Scorer, code: Code) -> list[Check]:
    if scorer.features != math.prod(code.shape):
        return [skip("recorded answers", "here", "", "golden", "the model takes images of another size")]
    if recorded is None:
        return [skip("recorded answers", "here", "", "golden", "no golden set of this artefact lies beside it")]
    return check_golden(replay(recorded.digits(first=GOLDEN_SLICE), scorer), recorded.promise, whole=False)
