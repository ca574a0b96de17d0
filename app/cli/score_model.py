"""The release that scores, as workers are handed it: opened and verified here, once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from app.model.contract import no_digit_below
from app.model.formats import MAX_BYTES
from app.model.plain_file import read_plain_file
from app.release.refusals import ChangedFile
from app.scoring.handed_model import HandedModel
from app.settings import Settings
from app.verify.comparison import open_any
from app.verify.open_model import ModelChoice


def handed_model(settings: Settings, version: str | None, say: Callable[[str], None]) -> HandedModel:
    """The verified bytes of a release, and what its card says of it.

    Args:
        version: a pulled release; None: the default one, as MODEL_VERSION and MODEL_PATH say.
        say: is told the notices to the operator.

    Raises:
        MissingModel, BadRelease: it has not been pulled. Refused: it is not what it promises.
    """
    is_default = version in (None, settings.model_version)
    choice = ModelChoice(
        version or settings.model_version,
        settings.model_path if is_default else None,
        settings.models,
        settings.lock_file,
        settings.require_lock,
        trust=settings.trust,
    )
    model = open_any(choice)
    for notice in model.notices:
        say(notice)
    data = read_plain_file(model.path, limit=MAX_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != model.sha256:
        raise ChangedFile(
            model.path.name,
            found=f"sha256 {found}",
            expected=f"sha256 {model.sha256}",
            promised_by="what was verified a moment ago",
            remedy="Run this again when nothing changes models/.",
        )
    contract = model.card.contract if model.card else None
    scale = model.card.scale if model.card else None
    profile = contract.profile if contract else None
    return HandedModel(data, model.sha256, model.version, scale, profile, no_digit_below(contract))
