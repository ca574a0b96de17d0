"""Builds a service from opened versions, a database and the callers it accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.answering.database_watch import DatabaseWatch
from app.answering.explainer import Explainer
from app.answering.fellow_workers import FellowWorkers
from app.answering.metrics import Metrics
from app.answering.reader import Reader
from app.answering.ready_check import ReadyCheck
from app.answering.report_process import Reports, Run
from app.answering.served_version import ServedVersion
from app.answering.shadow_versions import Shadowing
from app.flags.evaluator import Flags
from app.server.place import LONE, Place
from app.storage.database import Database
from app.storage.key_rows import Keys
from app.storage.result_rows import Store
from app.storage.shadow_rows import Shadows
from app.web.access import Access
from app.web.card_page import CardPage
from app.web.service import Service


def build_service(
    opened: Sequence[tuple[ServedVersion, CardPage]],
    database: Database,
    access: Access,
    *,
    report: Run,
    flags_file: Path,
    left_out: Mapping[str, str],
    keeps_drawings: bool,
    drawing_days: int,
    results_public: bool,
    place: Place = LONE,
) -> Service:
    """The parts of a service, joined.

    Args:
        opened: the versions that are served, the default first.
        database: with the tables of this code.
        report: makes a report of that database.
        flags_file, left_out, keeps_drawings, drawing_days, results_public: as in `Service` and `Settings`.
        place: of this process among the workers of the service.
    """
    versions = {version.name: version for version, _ in opened}
    default = opened[0][0].name
    store, keys, metrics = Store(database), Keys(database), Metrics()
    access.replace_named_keys(keys.digests())
    watch = DatabaseWatch(store, keys, access.replace_named_keys, drawing_days=drawing_days)
    metrics.database(lambda: watch.is_up)
    if access.limits.sharing is not None:
        metrics.limits(lambda: access.limits.sharing or (False, 1))
    metrics.versions(served=versions, left_out=left_out)
    flags = Flags(flags_file, versions=tuple(versions), default=default)
    metrics.flags(lambda: flags.errors, lambda: flags.problem)
    readers: dict[str, Reader] = {}

    def is_pressed() -> bool:
        return any(reader.queue.is_pressed for reader in readers.values())

    shadowing = Shadowing(
        versions,
        flags.shadows,
        Shadows(database),
        is_pressed=is_pressed,
        report=metrics.shadow_answers,
    )
    for name, version in versions.items():
        readers[name] = Reader(version, store, database_failed=watch.failed, metrics=metrics, stored=shadowing.offer)
    return Service(
        readers=readers,
        default=default,
        cards={version.name: card for version, card in opened},
        left_out=left_out,
        store=store,
        access=access,
        limits=access.limits,
        metrics=metrics,
        watch=watch,
        flags=flags,
        keeps_drawings=keeps_drawings,
        shadowing=shadowing,
        explainer=Explainer(is_pressed=is_pressed),
        reports=Reports(report),
        ready_check=ReadyCheck(readers, left_out, watch, limits=lambda: _limits_note(access)),
        results_public=results_public,
        fellows=None if place.folder is None else FellowWorkers(metrics, number=place.number, folder=place.folder),
    )


def _limits_note(access: Access) -> str | None:
    """How limits are counted, for GET /ready; None where each process counts for itself, as it should."""
    sharing = access.limits.sharing
    if sharing is None:
        return None
    if sharing.holds:
        return "ok"
    return f"redis does not answer: each of {sharing.processes} processes takes its share"
