"""One served version of the model: its queue, what it computes, what it stores."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, cast
from uuid import UUID

import numpy as np

from app.answering.answer import Answer, FoundJson
from app.answering.batcher import Batcher
from app.answering.label_sampling import asks
from app.answering.metrics import Metrics
from app.answering.served_version import ServedVersion
from app.answering.shadow_versions import Offer
from app.drawing.ink_measures import PIXELS, SIDE
from app.drawing.ring_of_zero import is_doubted, with_withheld
from app.drawing.skew import Finding, find_skew, with_no_digit
from app.model.unsure import is_unsure
from app.storage.identifiers import new_ids
from app.storage.refusals import DatabaseUnavailable
from app.storage.result_rows import AnswerSource, Result, Store


class RowOrigin(NamedTuple):
    """A stored row's origin: the caller, and the choice of the version.

    Attributes:
        owner: who may label it (`Access.owner`).
        flag, variant, reason: of `app/flags/evaluator.py`; reason REQUESTED: the caller asked for this version.
        keeps_drawing: the drawing is stored too.
    """

    source: AnswerSource
    owner: str
    flag: str | None
    variant: str | None
    reason: str | None
    keeps_drawing: bool


class Work(NamedTuple):
    """Drawings of one request.

    Attributes:
        pixels: `rows` x 784 bytes.
        recipe: the version of the recipe that brought them to 28x28; None: they arrived so.
        origin: None stores nothing.
        arrived: by time.monotonic(), its request.
        submitted: the same, when it came into the queue: decoded, and explained if that was asked for.
    """

    pixels: bytes
    rows: int
    recipe: int | None
    origin: RowOrigin | None
    arrived: float
    submitted: float


class Reader:
    """Reads drawings with one version, in batches with those of other requests.

    Args:
        stored: called on the batch's thread with the rows that were stored, as soon as they are.
    """

    def __init__(
        self,
        version: ServedVersion,
        store: Store,
        *,
        database_failed: Callable[[DatabaseUnavailable], None],
        metrics: Metrics,
        stored: Callable[[Offer], None] = lambda _: None,
    ) -> None:
        self.version = version
        self._store, self._database_failed, self._stored = store, database_failed, stored
        self._began = self._ended = 0.0
        report = metrics.batches_of(version.name, version.sha256, lambda: self.queue.rows_waiting)
        self.queue: Batcher[Work, list[Answer]] = Batcher(self._compute, self._commit, report, _is_stored)

    def submit(
        self, pixels: bytes, *, origin: RowOrigin | None, arrived: float, recipe: int | None = None
    ) -> asyncio.Future[list[Answer]]:
        """One answer for each 784 bytes of `pixels`, in order; with an `origin` they are stored first.

        Raises:
            Overloaded, Stopping; the future also raises Stalled and DatabaseUnavailable.
        """
        rows = len(pixels) // PIXELS
        work = Work(pixels, rows, recipe, origin, arrived, time.monotonic())
        return self.queue.submit(work, rows=rows, arrived=arrived)

    def unread(self, *findings: Finding, recipe: int | None) -> Answer:
        """The answer to a drawing which no model should be asked about, such as a blank one: the findings say why."""
        return Answer(
            prediction=None,
            confidence=None,
            certainty=None,
            scores={},
            id=None,
            model_version=self.version.name,
            recipe=recipe,
            findings=_as_json(findings),
            unsure=False,
            asks=False,
        )

    def _compute(self, works: Sequence[Work]) -> list[list[Answer]]:
        self._began = time.monotonic()
        version, classes = self.version, self.version.classes
        images = np.frombuffer(b"".join([work.pixels for work in works]), np.uint8).reshape(-1, SIDE, SIDE)
        scores = version.scorer.scores(images)
        found = with_withheld(find_skew(images, version.profile), images, version.withheld)
        best, listed = scores.argmax(axis=1).tolist(), scores.tolist()
        found = with_no_digit(found, map(max, listed), version.no_digit_below)
        rows = zip(best, listed, version.certainties(scores), found, strict=True)
        below = version.sure_from
        ids = iter(new_ids(sum(work.rows for work in works if _is_stored(work))))
        answers = []
        for work in works:
            stored = _is_stored(work)
            from_page = stored and cast(RowOrigin, work.origin).source == "page"
            answers.append(
                [
                    Answer(
                        prediction=classes[index],
                        confidence=row[index],
                        certainty=certainty,
                        scores=dict(zip(classes, row, strict=True)),
                        id=(identifier := next(ids) if stored else None),
                        model_version=version.name,
                        recipe=work.recipe,
                        findings=_as_json(findings),
                        unsure=is_unsure(row[index], certainty, below=below, is_doubted=is_doubted(findings)),
                        asks=from_page and asks(cast(UUID, identifier)),
                    )
                    for _, (index, row, certainty, findings) in zip(range(work.rows), rows, strict=False)
                ]
            )
        self._ended = time.monotonic()
        return answers

    def _commit(self, works: Sequence[Work], answers: Sequence[list[Answer]]) -> None:
        now = time.monotonic()
        rows = [
            self._result(work, place, answer, now)
            for work, answered in zip(works, answers, strict=True)
            for place, answer in enumerate(answered)
        ]
        try:
            self._store.add(rows)
        except DatabaseUnavailable as error:
            self._database_failed(error)
            raise
        try:
            self._stored(Offer(self.version.name, [row.id for row in rows], b"".join([work.pixels for work in works])))
        except Exception:  # noqa: BLE001  # a stored answer is given, whatever fails afterwards
            _log.exception("%d stored drawings were not handed on", len(rows))

    def _result(self, work: Work, place: int, answer: Answer, now: float) -> Result:
        """The row for one drawing of this batch, complete but for the commit that follows `now`."""
        origin = cast(RowOrigin, work.origin)
        return Result(
            id=cast(UUID, answer.id),  # every stored answer has an id, and only a blank drawing has no prediction
            prediction=cast(str, answer.prediction),
            confidence=cast(float, answer.confidence),
            scores=answer.scores,
            model_version=answer.model_version,
            model_sha256=self.version.sha256,
            latency_ms=1000 * (now - work.arrived),
            waited_ms=1000 * (self._began - work.submitted),
            computed_ms=1000 * (self._ended - self._began),
            source=origin.source,
            findings=[finding.name for finding in answer.findings],
            pixels=work.pixels[place * PIXELS : (place + 1) * PIXELS] if origin.keeps_drawing else None,
            owner=origin.owner,
            flag=origin.flag,
            variant=origin.variant,
            reason=origin.reason,
            asked=answer.asks,
            recipe=answer.recipe,
            certainty=answer.certainty,
        )


_log = logging.getLogger("pixelwise.web")


def _is_stored(work: Work) -> bool:
    return work.origin is not None


@lru_cache(maxsize=4096)
def _as_json(findings: tuple[Finding, ...]) -> tuple[FoundJson, ...]:
    return tuple(FoundJson(finding.name, finding.remedy) for finding in findings)
