"""The fifth view of a release: who signed it."""

from __future__ import annotations

from pathlib import Path

from app.release.model_lock import read_lock
from app.release.record import Release, read_record
from app.release.signature import find_signer, hold_artefact, look_for_signer
from app.signing.refusals import NotSigned
from app.signing.trust import Trust
from app.verify.card import artefact_named
from app.verify.checks import Check, judge, skip

NAME = "signer"


def check_required_signer(
    trust: Trust | None, folder: Path, record: Release | None, artefact: str, *, version: str, lock_file: Path
) -> list[Check]:
    """The check of the signature of the release in `folder`, before its artefact is read; none if none is required.

    Raises:
        Refused, ConfigurationError: as `find_signer` and `hold_artefact`; NotSigned for an artefact without a record.
    """
    if trust is None or not trust.required:
        return []
    if record is None:
        raise NotSigned(version, found=f"{artefact}, which no record beside it covers, so nobody can have signed it")
    signer = find_signer(folder, record, trust)
    hold_artefact(folder, record, artefact_named, lambda: read_lock(lock_file))
    return [_agrees(signer, trust)]


def check_signer(trust: Trust, folder: Path, lock_file: Path) -> Check:
    """The same where no signature is required: skipped, with the reason, unless somebody trusted signed.

    Raises:
        BadSignature: there is one, and it does not hold.
    """
    record = read_record(folder)
    if record is None:
        return _skipped("no record is beside it")
    name, said = look_for_signer(folder, record, trust, artefact_named, lambda: read_lock(lock_file))
    return _skipped(said) if name is None else _agrees(name, trust)


def _skipped(why: str) -> Check:
    return skip(NAME, "signature", "", "settings", why)


def _agrees(name: str, trust: Trust) -> Check:
    return judge(NAME, "signature", name, "settings", trust.path.name, agrees=True)
