"""Metrics for Prometheus: GET /metrics. Those of several workers are added up in `fellow_workers.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answering.batcher import BatchReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number of a metric."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """All numbers of one metric; `kind` is Prometheus's: "counter", "gauge", "histogram" or "info"."""

    name: str
    kind: str
    text: str
    samples: list[Sample]


class Metrics:
    """The instruments of one service. Methods are called on the event loop.

    Attributes:
        noted: changes whenever a request was counted.
    """

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "pixelwise_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "pixelwise_request_seconds", "From first byte to answer.", ["route"], buckets=SECONDS, registry=registry
        )
        self._rows = Histogram(
            "pixelwise_batch_rows", "Drawings in a batch.", ["version"], buckets=ROWS, registry=registry
        )
        self._batches = Counter(
            "pixelwise_batches", "Batches by what released them.", ["version", "reason"], registry=registry
        )
        self._stages = Histogram(
            "pixelwise_batch_seconds",
            "A batch's longest wait in the queue, its computation and its commit.",
            ["version", "stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._waiting = Gauge("pixelwise_queue_rows", "Drawings that wait.", ["version"], registry=registry)
        self._database = Gauge("pixelwise_database_up", "1 while the database takes writes.", registry=registry)
        self._model = Info("pixelwise_model", "The served releases.", ["version"], registry=registry)
        self._served = Gauge(
            "pixelwise_version_served", "1 for a served version, 0 for one left out.", ["version"], registry=registry
        )
        self._refused = Counter(
            "pixelwise_refused_at_once", "Requests refused at their head, for want of room.", registry=registry
        )
        self._shadows = Counter(
            "pixelwise_shadow_answers",
            "Answers of versions that read along, by what became of them.",
            ["version", "outcome"],
            registry=registry,
        )
        self._flag_file = Gauge("pixelwise_flag_file_ok", "0 while the flag file is refused.", registry=registry)
        self._of_route: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.noted = 0

    def request(self, route: str, status: int, seconds: float) -> None:
        """Counts one answered request."""
        try:
            count, histogram = self._of_route[route, status]
        except KeyError:
            count, histogram = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._of_route[route, status] = count, histogram
        count.inc()
        histogram.observe(seconds)
        self.noted += 1

    def refused_at_once(self, count: int) -> None:
        """Counts requests refused at their head."""
        self._refused.inc(count)

    def batches_of(self, version: str, sha256: str, rows_waiting: Callable[[], float]) -> Callable[[BatchReport], None]:
        """The receiver of a version's batch reports."""
        self._model.labels(version).info({"sha256": sha256})
        self._waiting.labels(version).set_function(rows_waiting)
        rows = self._rows.labels(version)
        wait, compute, commit = (self._stages.labels(version, stage) for stage in ("wait", "compute", "commit"))
        reasons = {reason: self._batches.labels(version, reason) for reason in ("idle", "drained", "full")}

        def report(batch: BatchReport) -> None:
            rows.observe(batch.rows)
            reasons[batch.reason].inc()
            wait.observe(batch.waited)
            compute.observe(batch.compute)
            commit.observe(batch.commit)

        return report

    def versions(self, *, served: Iterable[str], left_out: Iterable[str]) -> None:
        """Notes which versions are served, and which are left out."""
        for versions, value in ((served, 1), (left_out, 0)):
            for version in versions:
                self._served.labels(version).set(value)

    def shadow_answers(self, version: str, outcome: str, rows: int) -> None:
        """Counts shadow answers of a version as "stored", "shed" or "failed". On any thread."""
        self._shadows.labels(version, outcome).inc(rows)

    def flags(self, errors: Callable[[], Mapping[tuple[str, str], int]], problem: Callable[[], str | None]) -> None:
        """Registers the sources of two figures: the unusable values of flags, and the fault of their file."""
        self._registry.register(_FlagErrors(errors))
        self._flag_file.set_function(lambda: float(problem() is None))

    def database(self, is_up: Callable[[], bool]) -> None:
        """Registers the source of one figure: whether the database is up."""
        self._database.set_function(lambda: float(is_up()))

    def limits(self, sharing: Callable[[], tuple[bool, int]]) -> None:
        """Registers the source of two figures: whether limits are shared with other processes, and with how many."""
        shared = Gauge("pixelwise_limits_shared", "0 while redis does not answer.", registry=self._registry)
        shared.set_function(lambda: float(sharing()[0]))
        known = Gauge(
            "pixelwise_limits_processes", "Processes that share limits, as last seen.", registry=self._registry
        )
        known.set_function(lambda: float(sharing()[1]))

    def exposition(self) -> bytes:
        """All metrics, in Prometheus's text format."""
        return generate_latest(self._registry)

    def families(self) -> list[Family]:
        """All metrics, as they stand."""
        return [
            Family(
                metric.name,
                metric.type,
                metric.documentation,
                [Sample(sample.name, sample.labels, sample.value) for sample in metric.samples],
            )
            for metric in self._registry.collect()
        ]


def exposition_of(families: Iterable[Family]) -> bytes:
    """These metrics, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Given(families))
    return generate_latest(registry)


class _Given(Collector):
    """Metrics that were counted elsewhere."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        for family in self._families:
            metric = Metric(family.name, family.text, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, sample.labels, sample.value)
            yield metric


class _FlagErrors(Collector):
    """Unusable values that flags gave, as the flags count them."""

    def __init__(self, errors: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._errors = errors

    def collect(self) -> Iterable[Metric]:
        """One counter."""
        text = "What a flag gave that could not be used."
        family = CounterMetricFamily("pixelwise_flag_errors", text, labels=["flag", "cause"])
        for (flag, cause), count in self._errors().items():
            family.add_metric([flag, cause], count)
        yield family
