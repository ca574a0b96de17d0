"""State of one process: all that a worker counts, remembers or does by itself.

Everything else in a service is in files and in the database, which processes share. docs/architecture.md says for each
part what a second worker would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.answering.database_watch import DatabaseWatch
from app.answering.explainer import Explainer
from app.answering.fellow_workers import FellowWorkers
from app.answering.metrics import Metrics
from app.answering.reader import Reader
from app.answering.ready_check import ReadyCheck
from app.answering.report_process import Reports
from app.answering.shadow_versions import Shadowing
from app.flags.evaluator import Flags
from app.web.front_end_hints import FrontEnds
from app.web.rate_limits import Limits


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """Parts of a service that each worker process has for itself.

    Attributes:
        readers: one for each served version, the default first: its queue, its batches, its pace.
        limits: how often each key, address and visit has asked.
        metrics: the figures of GET /metrics.
        flags: the flag file as last read, which decides the version for each caller, and the errors in evaluating it.
        lately: version -> when flags last chose it, by time.monotonic().
        watch: checks whether the database takes writes, fetches keys, and deletes old drawings.
        shadowing: the other versions, which read along, and the drawings that wait for them.
        explainer: the explanations that run or wait, and the places of each caller.
        reports: the process that makes a report, and the last one made.
        ready_check: of all readers and the database, and its last outcome.
        front_ends: the hints on refused front ends that were already logged.
        fellows: the other workers of this service and their figures; None for a lone one.
        started_at: lets commands tell a new worker from the one that it replaces.
    """

    readers: Mapping[str, Reader]
    limits: Limits
    metrics: Metrics
    flags: Flags
    lately: dict[str, float] = field(default_factory=dict)
    watch: DatabaseWatch
    shadowing: Shadowing
    explainer: Explainer
    reports: Reports
    ready_check: ReadyCheck
    front_ends: FrontEnds = field(default_factory=FrontEnds)
    fellows: FellowWorkers | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
