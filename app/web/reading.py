"""One served version of the model: its queue, what it computes, what it stores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, cast
from uuid import UUID

import numpy as np

from app.errors import DatabaseUnavailable
from app.inference.batcher import Batcher
from app.inference.engine import Engine
from app.inference.measures import PIXELS, SIDE
from app.inference.skew import BLANK, Finding, find_skew
from app.storage.identifiers import new_ids
from app.storage.results import Result, Source, Store
from app.web.metrics import Metrics
from app.web.payloads import Answer, FoundJson


@dataclass(frozen=True)
class Version:
    """What the service must know of a release.

    Attributes:
        name: such as "v1.0".
        sha256: of its artefact.
        classes: in the order of the engine's scores.
        withheld: classes that people draw and the model does not know.
        profile: of the training images, for the skew guard; None where the card has none.
        unsure_below: the confidence below which an answer is called unsure; None where nothing is recorded.
        samples: drawings (784 bytes) that a readiness check sends through the queue, each with the prediction that
            must come back; None where nothing is promised.
    """

    name: str
    sha256: str
    engine: Engine
    classes: tuple[str, ...]
    withheld: tuple[str, ...]
    profile: Mapping[str, tuple[float, float, float]] | None
    unsure_below: float | None
    samples: tuple[tuple[bytes, str | None], ...]


class Work(NamedTuple):
    """Drawings of one request: `rows` x 784 bytes; `source` None stores nothing; `arrived` by time.monotonic()."""

    pixels: bytes
    rows: int
    source: Source | None
    arrived: float


class Reader:
    """Reads drawings with one version, in batches with those of other requests."""

    def __init__(
        self,
        version: Version,
        store: Store,
        *,
        keep_drawings: bool,
        database_failed: Callable[[DatabaseUnavailable], None],
        metrics: Metrics,
    ) -> None:
        self.version = version
        self._store, self._keep_drawings, self._database_failed = store, keep_drawings, database_failed
        report = metrics.batches_of(version.name, version.sha256, lambda: self.queue.rows_waiting)
        self.queue: Batcher[Work, list[Answer]] = Batcher(self._compute, self._commit, report, _is_stored)

    def submit(self, pixels: bytes, *, source: Source | None, arrived: float) -> asyncio.Future[list[Answer]]:
        """One answer for each 784 bytes of `pixels`, in order; with a `source` they are stored when they are here.

        Raises:
            Overloaded, Stopping; the future also Stalled and DatabaseUnavailable.
        """
        rows = len(pixels) // PIXELS
        return self.queue.submit(Work(pixels, rows, source, arrived), rows=rows, arrived=arrived)

    def blank(self) -> Answer:
        """The answer to a drawing without ink, which no model should be asked about."""
        return Answer(None, None, {}, None, self.version.name, _as_json((BLANK,)), False)

    def _compute(self, works: Sequence[Work]) -> list[list[Answer]]:
        version, classes = self.version, self.version.classes
        images = np.frombuffer(b"".join([work.pixels for work in works]), np.uint8).reshape(-1, SIDE, SIDE)
        scores = version.engine.scores(images)
        found = find_skew(images, version.profile)
        best = scores.argmax(axis=1).tolist()
        rows = zip(best, scores.tolist(), found, strict=True)
        unsure_below = version.unsure_below or 0.0
        ids = iter(new_ids(sum(work.rows for work in works if _is_stored(work))))
        answers = []
        for work in works:
            stored = _is_stored(work)
            answers.append(
                [
                    Answer(
                        classes[index],
                        row[index],
                        dict(zip(classes, row, strict=True)),
                        next(ids) if stored else None,
                        version.name,
                        _as_json(findings),
                        row[index] < unsure_below,
                    )
                    for _, (index, row, findings) in zip(range(work.rows), rows, strict=False)
                ]
            )
        return answers

    def _commit(self, works: Sequence[Work], answers: Sequence[list[Answer]]) -> None:
        now = time.monotonic()
        rows = []
        for work, answered in zip(works, answers, strict=True):
            latency_ms = 1000 * (now - work.arrived)
            for place, answer in enumerate(answered):
                drawing = work.pixels[place * PIXELS : (place + 1) * PIXELS] if self._keep_drawings else None
                rows.append(self._result(answer, cast(Source, work.source), latency_ms, drawing))
        try:
            self._store.add(rows)
        except DatabaseUnavailable as error:
            self._database_failed(error)
            raise

    def _result(self, answer: Answer, source: Source, latency_ms: float, drawing: bytes | None) -> Result:
        return Result(
            cast(UUID, answer.id),  # what is stored has an id, and only a blank drawing has no prediction
            cast(str, answer.prediction),
            cast(float, answer.confidence),
            answer.scores,
            answer.model_version,
            self.version.sha256,
            latency_ms,
            source,
            [finding.name for finding in answer.findings],
            drawing,
        )


def _is_stored(work: Work) -> bool:
    return work.source is not None


@lru_cache(maxsize=4096)
def _as_json(findings: tuple[Finding, ...]) -> tuple[FoundJson, ...]:
    return tuple(FoundJson(finding.name, finding.remedy) for finding in findings)
