"""The question whether a drawing would be answered now, put to the real queues and the real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from app.answering.database_watch import DatabaseWatch
from app.answering.reader import Reader
from app.answering.refusals import Overloaded
from app.errors import PixelWiseError
from app.model.scorer import are_scores
from app.storage.refusals import DatabaseUnavailable

READY_SECONDS = 1.0
"""An outcome is reused for this long: asking costs a write, and anyone may ask."""
ANSWER_SECONDS = 3.0
"""Longest wait for the queue's answer."""
OK, BUSY = "ok", "busy"


class Readiness(msgspec.Struct, frozen=True):
    """`checks`: what was tried -> "ok", or what failed; "busy", left out or about limits fails nothing."""

    status: str
    checks: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


class ReadyCheck:
    """Sends recorded drawings through the queue of each version, and a write to the database.

    Args:
        left_out: versions that should be served too, each with the sentence that says why it is not.
        limits: how limits are counted, to be mentioned; None where there is nothing to say.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        left_out: Mapping[str, str],
        watch: DatabaseWatch,
        *,
        limits: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._readers, self._left_out, self._watch, self._limits = readers, left_out, watch, limits
        self._checked = -READY_SECONDS
        self._readiness = Readiness("not ready", {})
        self._lock = asyncio.Lock()

    async def readiness(self) -> Readiness:
        """The outcome, checked anew when the last one is old."""
        async with self._lock:
            if time.monotonic() - self._checked >= READY_SECONDS:
                self._readiness = await self._check()
                self._checked = time.monotonic()
        return self._readiness

    async def _check(self) -> Readiness:
        outcomes = await asyncio.gather(*map(_check_reader, self._readers.values()), self._check_database())
        checks = dict(zip([*(f"model {name}" for name in self._readers), "database"], outcomes, strict=True))
        status = "ready" if all(outcome in (OK, BUSY) for outcome in checks.values()) else "not ready"
        left_out = {f"model {name}": f"left out: {why}" for name, why in self._left_out.items()}
        limits = self._limits()
        return Readiness(status, checks | left_out | ({} if limits is None else {"limits": limits}))

    async def _check_database(self) -> str:
        try:
            await self._watch.check()
        except DatabaseUnavailable as error:
            return str(error.public())
        return OK


async def _check_reader(reader: Reader) -> str:
    drawings, promised = zip(*reader.version.samples, strict=True)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answers = await reader.submit(b"".join(drawings), origin=None, arrived=time.monotonic())
    except TimeoutError:
        return f"no answer in {ANSWER_SECONDS:g} s"
    except Overloaded as error:
        # Being busy with other drawings is not a fault: a load balancer that turned away would make it one.
        return str(error) if reader.queue.is_stalled else BUSY
    except PixelWiseError as error:
        return str(error)
    if not are_scores(np.array([list(answer.scores.values()) for answer in answers])):
        return "scores that are no numbers which sum to 1"
    given = [answer.prediction for answer in answers]
    wrong = [(got, right) for got, right in zip(given, promised, strict=True) if right is not None and got != right]
    return f"answered {wrong[0][0]} where {wrong[0][1]} is recorded" if wrong else OK
