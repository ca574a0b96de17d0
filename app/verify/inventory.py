"""Contents of `models/`: its releases, any changes since they were pulled, and the facts on their cards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from app.errors import Refused, SystemRefused
from app.model.contract import Contract
from app.model.plain_file import NotPlain, read_plain_file
from app.release.models_folder import pulled
from app.release.record import CARD, Release, ReleaseFile, is_version
from app.verify.card import MAX_BYTES, read_card


class Held(NamedTuple):
    """One version.

    Attributes:
        release: its record; None if it is not complete, and `fault` gives the reason.
        artefact: the file that it serves.
        contract: of its card; None where the card has none.
        cited_accuracy: the accuracy that a card without contract states in words.
    """

    version: str
    release: Release | None
    fault: str
    artefact: ReleaseFile | None = None
    contract: Contract | None = None
    cited_accuracy: float | None = None


def versions_in(models: Path) -> list[str]:
    """All versions that have a folder there, by number."""
    names = [folder.name for folder in models.iterdir() if folder.is_dir()] if models.is_dir() else []
    return sorted(filter(is_version, names), key=lambda name: tuple(map(int, name[1:].split("."))))


def take_stock(models: Path, versions: Iterable[str]) -> list[Held]:
    """Looks at each version, in order. Artefacts are not read as models here."""
    return [_look_at(models, version) for version in versions]


def _look_at(models: Path, version: str) -> Held:
    try:
        release = pulled(models, version)
        artefact = next(file for file in release.files if file.name == release.artefact)
        card = None
        if any(file.name == CARD for file in release.files):
            card = read_card(read_plain_file(models / version / CARD, limit=MAX_BYTES))
    except (Refused, SystemRefused, NotPlain) as error:
        return Held(version, None, str(error))
    if card is None:
        return Held(version, release, "", artefact)
    return Held(version, release, "", artefact, card.contract, card.cited_accuracy)
