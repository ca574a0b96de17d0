"""Joins everything into the ASGI application: `uvicorn app.main:app`, or better `pixelwise serve`.

The default model is opened and verified when this module is imported, then the other versions, and the database is
checked. A version that is refused is left out while the others serve; the default stops the start.
"""

from __future__ import annotations

import logging
import os

from app.classifier import MODEL, roster
from app.errors import MissingKey, PixelWiseError
from app.inference.certainty import unsure_below
from app.inference.strokes import draw_strokes
from app.logs import request_log, set_up_log
from app.release.agreement import Code
from app.release.opening import Model, Source, open_model
from app.settings import Settings, read_settings
from app.storage.database import Database
from app.storage.schema import prepare
from app.web.access import Access
from app.web.application import build_application
from app.web.building import build_service
from app.web.gate import Gate
from app.web.limits import RateLimits
from app.web.model_page import Card
from app.web.reporting import ReportProcess
from app.web.version import Version

READY_DIGITS = 1
"""Recorded digits that a readiness check sends through the queue."""


def open_others(settings: Settings) -> tuple[list[Model], dict[str, str]]:
    """The opened models of all versions but the default; and for each that is refused, why it is left out.

    Each is held against its own roster, card, lock and golden set, as the default is. What strangers are told has no
    path of this machine; the log has all of it.
    """
    models: list[Model] = []
    left_out: dict[str, str] = {}
    for version in settings.model_versions[1:]:
        source = Source(version, None, settings.models, settings.lock_file, settings.require_lock)
        try:
            model = open_model(source, Code(roster(version)))
        except (PixelWiseError, OSError) as error:  # OSError: files that this user may not read
            _log.error("model %s is left out: %s", version, error)
            left_out[version] = str(error).replace(f"{settings.root}/", "")
            continue
        for notice in model.notices:
            _log.warning(notice)
        models.append(model)
    return models, left_out


def served_version(model: Model) -> Version:
    """An opened model, as the service sees it."""
    contract, classes = model.card.contract if model.card else None, model.artefact.classes
    golden = model.recorded.digits() if model.recorded else None
    if golden is None:
        blank, drawn = bytes(28 * 28), draw_strokes([[(0.5, 0.0), (0.5, 1.0)]]).tobytes()
        samples: tuple[tuple[bytes, str | None], ...] = ((blank, None), (drawn, None))
    else:
        recorded = golden.scores.argmax(axis=1)
        samples = tuple((golden.images[i].tobytes(), classes[recorded[i]]) for i in range(READY_DIGITS))
    return Version(
        name=model.version,
        sha256=model.sha256,
        engine=model.engine,
        classes=classes,
        withheld=contract.withheld if contract else (),
        profile=contract.profile if contract else None,
        unsure_below=unsure_below(golden, classes) if golden else None,
        samples=samples,
    )


def served_card(model: Model) -> Card:
    """What an opened model's release says of itself."""
    card, layers = model.card, model.artefact.layers
    return Card(
        kind=model.artefact.kind,
        contract=card.contract if card else None,
        prose=card.prose if card else None,
        recorded=model.recorded.digits() if model.recorded else None,
        weights=layers[0].weights if len(layers) == 1 else None,
    )


def report_environment(settings: Settings) -> dict[str, str]:
    """For the process that makes reports: the settings as they are served, whatever `.env` says by now."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "MODEL_VERSION": settings.model_version,
        "MODEL_VERSIONS": ",".join(settings.model_versions),
        "OPENBLAS_NUM_THREADS": "1",  # it multiplies no matrices
    }


def build(settings: Settings) -> Gate:
    """The ASGI application of this installation.

    Raises:
        MissingKey: SECRET_API_KEY is empty. WrongSchema, DatabaseUnavailable: the database is not ready for this code.
    """
    if not settings.secret_api_key:
        raise MissingKey
    if settings.key_warning:
        _log.warning(settings.key_warning)
    database = Database(settings.database_url, root=settings.root)
    prepare(database)
    limits = RateLimits(
        {"key": settings.limit_per_key, "address": settings.limit_per_address, "visit": settings.limit_per_visit}
    )
    access = Access(
        settings.secret_api_key,
        limits,
        proxies=settings.trusted_proxies,
        hosts=settings.allowed_hosts,
        listens_on=settings.host,
    )
    others, left_out = open_others(settings)
    service = build_service(
        [(served_version(model), served_card(model)) for model in (MODEL, *others)],
        database,
        access,
        report=ReportProcess(settings.root, report_environment(settings)),
        flags_file=settings.flags_file,
        left_out=left_out,
        keeps_drawings=settings.keep_drawings,
        drawing_days=settings.drawing_days,
        results_public=settings.results_public,
    )
    return build_application(service, log=request_log() if settings.log_level in ("debug", "info") else None)


_log = logging.getLogger("pixelwise")
_settings = read_settings()
set_up_log(_settings.log_level)
app = build(_settings)
