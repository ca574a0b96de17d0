"""Joins everything into the ASGI application: `uvicorn app.main:app`, or better `pixelwise serve`.

The model is opened and verified when this module is imported, and the database is checked.
"""

from __future__ import annotations

from app.classifier import CLASSES, MODEL
from app.errors import MissingKey
from app.inference.certainty import unsure_below
from app.inference.strokes import draw_strokes
from app.logs import request_log, set_up_log
from app.settings import Settings, read_settings
from app.storage.database import Database
from app.storage.keys import Keys
from app.storage.results import Store
from app.storage.schema import prepare
from app.web.access import Access
from app.web.application import build_application
from app.web.gate import Gate
from app.web.limits import RateLimits
from app.web.metrics import Metrics
from app.web.model_page import Card
from app.web.reading import Reader, Version
from app.web.service import Service
from app.web.watch import DatabaseWatch

READY_DIGITS = 1
"""Recorded digits that a readiness check sends through the queue."""


def served_version() -> Version:
    """The opened model, as the service sees it."""
    contract = MODEL.card.contract if MODEL.card else None
    golden = MODEL.recorded.digits() if MODEL.recorded else None
    if golden is None:
        blank, drawn = bytes(28 * 28), draw_strokes([[(0.5, 0.0), (0.5, 1.0)]]).tobytes()
        samples: tuple[tuple[bytes, str | None], ...] = ((blank, None), (drawn, None))
    else:
        recorded = golden.scores.argmax(axis=1)
        samples = tuple((golden.images[i].tobytes(), CLASSES[recorded[i]]) for i in range(READY_DIGITS))
    return Version(
        name=MODEL.version,
        sha256=MODEL.sha256,
        engine=MODEL.engine,
        classes=CLASSES,
        withheld=contract.withheld if contract else (),
        profile=contract.profile if contract else None,
        unsure_below=unsure_below(golden, CLASSES) if golden else None,
        samples=samples,
    )


def served_card() -> Card:
    """What the opened model's release says of itself."""
    card, layers = MODEL.card, MODEL.artefact.layers
    return Card(
        kind=MODEL.artefact.kind,
        contract=card.contract if card else None,
        prose=card.prose if card else None,
        recorded=MODEL.recorded.digits() if MODEL.recorded else None,
        weights=layers[0].weights if len(layers) == 1 else None,
    )


def build(settings: Settings) -> Gate:
    """The ASGI application of this installation.

    Raises:
        MissingKey: SECRET_API_KEY is empty. WrongSchema, DatabaseUnavailable: the database is not ready for this code.
    """
    if not settings.secret_api_key:
        raise MissingKey
    database = Database(settings.database_url, root=settings.root)
    prepare(database)
    store, keys, metrics = Store(database), Keys(database), Metrics()
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
    access.replace_named_keys(keys.digests())
    watch = DatabaseWatch(store, keys, access, drawing_days=settings.drawing_days)
    metrics.database(lambda: watch.is_up)
    version = served_version()
    reader = Reader(version, store, keep_drawings=settings.keep_drawings, database_failed=watch.failed, metrics=metrics)
    service = Service(
        {version.name: reader}, version.name, served_card(), store, access, metrics, watch, settings.results_public
    )
    return build_application(service, log=request_log() if settings.log_level in ("debug", "info") else None)


_settings = read_settings()
set_up_log(_settings.log_level)
app = build(_settings)
