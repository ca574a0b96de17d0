"""Joins everything into the ASGI application: `uvicorn app.main:app`, or better `pixelwise serve`.

The default model is opened and verified when this module is imported, then the other versions, and the database is
checked. A version that is refused is left out while the others serve; the default stops the start.
"""

from __future__ import annotations

import logging
import os

from app.answering.report_process import ReportProcess
from app.answering.served_version import ServedVersion
from app.classifier import MODEL, roster
from app.drawing.normalise import RECIPE
from app.drawing.strokes import draw_strokes
from app.errors import PixelWiseError
from app.model.contract import no_digit_below, temperature_for
from app.model.golden_set import GoldenSet
from app.model.mnist import Digits
from app.model.unsure import unsure_below
from app.server.log import request_log, set_up_log
from app.server.place import Place, place_taken
from app.settings import Settings, read_settings
from app.storage.database import Database
from app.storage.migrate import prepare
from app.verify.accuracy import mnist_for, read_here
from app.verify.checks import Code
from app.verify.open_model import Model, ModelChoice, open_model
from app.web.access import Access, visit_secret
from app.web.application import build_application
from app.web.build_service import build_service
from app.web.card_page import CardPage
from app.web.middleware import Gate
from app.web.rate_limits import Limits, RateLimits
from app.web.redis_counts import RedisCounts
from app.web.refusals import MissingKey
from app.web.shared_limits import SharedLimits

READY_DIGITS = 1
"""Number of recorded digits that a readiness check sends through the queue."""


def open_others(settings: Settings) -> tuple[list[Model], dict[str, str]]:
    """The opened models of all versions but the default; and for each refused one, the reason why it is left out.

    Each is checked against its own roster, card, lock and golden set, like the default. The reason that strangers see
    has no path of this machine; the log has the whole reason.
    """
    models: list[Model] = []
    left_out: dict[str, str] = {}
    for version in settings.model_versions[1:]:
        source = ModelChoice(
            version, None, settings.models, settings.lock_file, settings.require_lock, trust=settings.trust
        )
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


def as_served(model: Model, mnist: Digits | None) -> tuple[ServedVersion, CardPage]:
    """An opened model as the service sees it, and its release's own description.

    Args:
        mnist: a substitute for recorded digits where a release has none.
    """
    golden = model.recorded.digits() if model.recorded else None
    stand_in = read_here(model, mnist)
    return _version(model, golden, stand_in), _card(model, golden, stand_in)


def _version(model: Model, golden: GoldenSet | None, stand_in: GoldenSet | None) -> ServedVersion:
    contract, classes = model.card.contract if model.card else None, model.scorer.classes
    judged = golden or stand_in
    if golden is None:
        blank, drawn = bytes(28 * 28), draw_strokes([[(0.5, 0.0), (0.5, 1.0)]]).tobytes()
        samples: tuple[tuple[bytes, str | None], ...] = ((blank, None), (drawn, None))
    else:
        recorded = golden.scores.argmax(axis=1)
        samples = tuple((golden.images[i].tobytes(), classes[recorded[i]]) for i in range(READY_DIGITS))
    return ServedVersion(
        name=model.version,
        sha256=model.sha256,
        scorer=model.scorer,
        classes=classes,
        profile=contract.profile if contract else None,
        temperature=temperature_for(contract, RECIPE),
        unsure_below=unsure_below(judged, classes) if judged else None,
        no_digit_below=no_digit_below(contract),
        samples=samples,
    )


def _card(model: Model, golden: GoldenSet | None, stand_in: GoldenSet | None) -> CardPage:
    card, scorer = model.card, model.scorer
    return CardPage(
        kind=scorer.kind,
        features=scorer.features,
        stated=scorer.stated,
        provenance=scorer.provenance,
        contract=card.contract if card else None,
        cited_accuracy=card.cited_accuracy if card else None,
        prose=card.prose if card else None,
        recorded=golden,
        mnist=stand_in,
        weights=scorer.weights,
        first_layer=scorer.first_layer,
    )


def report_environment(settings: Settings) -> dict[str, str]:
    """The environment of the process that makes reports: the settings in use, even if `.env` has changed since."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "MODEL_VERSION": settings.model_version,
        "MODEL_VERSIONS": ",".join(settings.model_versions),
        "OPENBLAS_NUM_THREADS": "1",  # it multiplies no matrices
    }


def limits_of(settings: Settings, place: Place) -> Limits:
    """The limits of this process, which is one of several or of many machines'.

    Raises:
        ConfigurationError: LIMITS_URL needs a library that is not installed.
    """
    rates = {"key": settings.limit_per_key, "address": settings.limit_per_address, "visit": settings.limit_per_visit}
    if not settings.limits_url:
        return RateLimits(rates, number=place.number, of=place.of)
    counts = RedisCounts(settings.limits_url, secret=visit_secret(settings.secret_api_key))
    return SharedLimits(rates, counts, processes=place.of)


def build(settings: Settings) -> Gate:
    """The ASGI application of this installation.

    Raises:
        MissingKey: SECRET_API_KEY is empty. WrongSchema, DatabaseUnavailable: the database is not ready for this code.
    """
    if not settings.secret_api_key:
        raise MissingKey
    for warning in settings.warnings:
        _log.warning(warning)
    database = Database(settings.database_url, root=settings.root)
    prepare(database)
    access = Access(
        settings.secret_api_key,
        limits_of(settings, place_taken()),
        proxies=settings.trusted_proxies,
        hosts=settings.allowed_hosts,
        listens_on=settings.host,
    )
    others, left_out = open_others(settings)
    models = (MODEL, *others)
    mnist = mnist_for(models, settings.mnist_dir, warn=_log.warning)
    service = build_service(
        [as_served(model, mnist) for model in models],
        database,
        access,
        report=ReportProcess(settings.root, report_environment(settings)),
        flags_file=settings.flags_file,
        left_out=left_out,
        keeps_drawings=settings.keep_drawings,
        drawing_days=settings.drawing_days,
        results_public=settings.results_public,
        place=place_taken(),
    )
    return build_application(service, log=request_log() if settings.log_level in ("debug", "info") else None)


_log = logging.getLogger("pixelwise")
_settings = read_settings()
set_up_log(_settings.log_level)
app = build(_settings)
