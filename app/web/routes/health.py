"""GET /health (alive), GET /ready (would answer now), GET /metrics."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import msgspec
import numpy as np
from starlette.responses import Response

from app.answering.metrics import CONTENT_TYPE
from app.answering.reader import Reader
from app.answering.refusals import Overloaded
from app.errors import PixelWiseError
from app.model.scorer import are_scores
from app.storage.refusals import DatabaseUnavailable
from app.web.request import Call
from app.web.service import Service
from app.web.statuses import respond

READY_SECONDS = 1.0
"""An outcome is good for so long: asking costs a write, and anyone may ask."""
ANSWER_SECONDS = 3.0
"""Longest wait for the queue's answer."""
OK, BUSY = "ok", "busy"


class Readiness(msgspec.Struct, frozen=True):
    """`checks`: what was tried -> "ok", or what failed; "busy" or left out fails nothing."""

    status: str
    checks: dict[str, str]


class Health:
    """The three routes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._checked = -READY_SECONDS
        self._readiness = Readiness("not ready", {})
        self._lock = asyncio.Lock()
        self._started_at = datetime.now(UTC)

    async def health(self, call: Call) -> Response:
        """The process is alive, and what it serves; model_version, classes and withheld are the default's."""
        version = self._service.reader.version
        return respond(
            {
                "status": OK,
                "model_version": version.name,
                "classes": version.classes,
                "withheld": version.withheld,
                "versions": list(self._service.readers),
                "left_out": self._service.left_out,
                "started_at": self._started_at,
            }
        )

    async def ready(self, call: Call) -> Response:
        """Recorded drawings went through the real queue, and the database takes a write."""
        async with self._lock:
            if time.monotonic() - self._checked >= READY_SECONDS:
                self._readiness = await self._check()
                self._checked = time.monotonic()
        ready = self._readiness.status == "ready"
        return respond(self._readiness, status=200 if ready else 503, headers={} if ready else {"retry-after": "1"})

    async def metrics(self, call: Call) -> Response:
        """In Prometheus's text format."""
        return Response(self._service.metrics.exposition(), media_type=None, headers={"content-type": CONTENT_TYPE})

    async def _check(self) -> Readiness:
        readers = self._service.readers
        outcomes = await asyncio.gather(*map(self._check_reader, readers.values()), self._check_database())
        checks = dict(zip([*(f"model {name}" for name in readers), "database"], outcomes, strict=True))
        status = "ready" if all(outcome in (OK, BUSY) for outcome in checks.values()) else "not ready"
        left_out = {f"model {name}": f"left out: {why}" for name, why in self._service.left_out.items()}
        return Readiness(status, checks | left_out)

    async def _check_reader(self, reader: Reader) -> str:
        drawings, promised = zip(*reader.version.samples, strict=True)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answers = await reader.submit(b"".join(drawings), origin=None, arrived=time.monotonic())
        except TimeoutError:
            return f"no answer in {ANSWER_SECONDS:g} s"
        except Overloaded as error:
            # Busy with others' drawings is no fault: a balancer that turned away would make it one.
            return str(error) if reader.queue.is_stalled else BUSY
        except PixelWiseError as error:
            return str(error)
        if not are_scores(np.array([list(answer.scores.values()) for answer in answers])):
            return "scores that are no numbers which sum to 1"
        given = [answer.prediction for answer in answers]
        wrong = [(got, right) for got, right in zip(given, promised, strict=True) if right is not None and got != right]
        return f"answered {wrong[0][0]} where {wrong[0][1]} is recorded" if wrong else OK

    async def _check_database(self) -> str:
        try:
            await self._service.watch.check()
        except DatabaseUnavailable as error:
            return str(error.public())
        return OK
