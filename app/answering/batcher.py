"""Micro-batching: all waiting work is computed and stored together, as soon as the worker is idle.

There is no window: a batch starts when two turns of the event loop have brought nothing new, which for a single piece
of work is at once (some 20 us). There is one worker thread; while it computes and commits one batch, the next one
gathers. Limits count rows (images), not requests.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from app.answering.refusals import Overloaded, Stalled, Stopping

Waiting = TypeVar("Waiting")
Answered = TypeVar("Answered")

BATCH_ROWS = 256
"""A batch takes no work that would make it larger than this; a single larger piece of work is a batch by itself."""
QUEUE_ROWS = 8192
ADMITTED_ROWS = 64
"""Rows that may always wait, whatever their predicted time, unless pressed: a classroom drawing at the same time."""
PRESSED_ROWS = 50
"""The same while pressed: a classroom again, or as many programs that each wait for their answers."""
STANDING_SECONDS = 0.005
"""Longest predicted wait while pressed. A standing queue helps nobody: it only makes each answer late."""
BURST_SECONDS = 0.25
"""Longest predicted wait otherwise: a burst is absorbed."""
PRESSED_SECONDS = 0.1
"""Batches at their limit for this long are not a burst. Source: controlled delay, RFC 8289, applied to admission."""
STALLED_SECONDS = 2.0
"""While a batch runs for longer than this, nothing is admitted behind it."""
ANSWER_SECONDS = 10.0
"""A batch that runs for longer is given up, with the work behind it: callers are told that it may have been stored."""


Reason: TypeAlias = Literal["idle", "drained", "full"]


class BatchReport(NamedTuple):
    """The metrics of one batch; times in seconds, `waited` is the longest in it."""

    rows: int
    reason: Reason
    waited: float
    compute: float
    commit: float


class Overload(NamedTuple):
    """Reason for refusing, and seconds until a retry."""

    found: str
    retry_after: int


@dataclass(slots=True, eq=False)
class _Entry(Generic[Waiting, Answered]):
    work: Waiting
    rows: int
    arrived: float
    submitted: float
    future: asyncio.Future[Answered]


class Batcher(Generic[Waiting, Answered]):
    """The queue of one model version. All methods belong to the event loop.

    Args:
        compute: one answer for each piece of work, in order. Called on the worker thread. If it raises, each piece is
            computed alone, so that an error fails its own piece only.
        commit: stores the answers of a batch, without those that need none. None of these is answered before it
            returns; if it raises, all of them fail.
        needs_commit: whether the answer to a piece of work is stored. Answers that are not stored wait for no commit.
        report: told about each batch, on the event loop.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Waiting]], Sequence[Answered]],
        commit: Callable[[Sequence[Waiting], Sequence[Answered]], None],
        report: Callable[[BatchReport], None] = lambda _: None,
        needs_commit: Callable[[Waiting], bool] = lambda _: True,
    ) -> None:
        self._compute, self._commit, self._report, self._needs_commit = compute, commit, report, needs_commit
        self._batches: SimpleQueue[list[_Entry[Waiting, Answered]] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="batch", daemon=True)
        self._waiting: deque[_Entry[Waiting, Answered]] = deque()
        self._rows_waiting = 0
        self._running: list[_Entry[Waiting, Answered]] = []
        self._started = self._delivered = 0.0
        self._reason: Reason = "idle"
        self._give_up_at: asyncio.TimerHandle
        self._cost = _Cost()
        self._pressed_since: float | None = None
        self._start_is_planned = False
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._given_loop: asyncio.AbstractEventLoop | None = None

    @property
    def rows_waiting(self) -> int:
        return self._rows_waiting

    @property
    def is_pressed(self) -> bool:
        """True if batches have been at their limit for longer than a burst takes."""
        since = self._pressed_since  # read once: shadows ask on other threads
        return since is not None and time.monotonic() - since > PRESSED_SECONDS

    @property
    def is_stalled(self) -> bool:
        """True if a batch has been running for much longer than batches do."""
        return bool(self._running) and time.monotonic() - self._started > STALLED_SECONDS

    def overload(self, rows: int = 1) -> Overload | None:
        """The overload if this many more rows would wait too long, else None.

        It takes a microsecond: callers ask before decoding anything, and a server before routing anything.
        """
        now = time.monotonic()
        if self._running and now - self._started > STALLED_SECONDS:
            return Overload(f"a batch that has been running for {now - self._started:.1f} s", 5)
        waiting, is_pressed = self._rows_waiting + rows, self.is_pressed
        if self._rows_waiting == 0 or waiting <= (PRESSED_ROWS if is_pressed else ADMITTED_ROWS):
            return None
        predicted = self._predict(now, rows)
        if waiting <= QUEUE_ROWS and predicted <= (STANDING_SECONDS if is_pressed else BURST_SECONDS):
            return None
        found = f"{self._rows_waiting:,} drawings waiting, about {1000 * predicted:.0f} ms of work"
        return Overload(found, math.ceil(predicted))

    def admit(self, rows: int = 1) -> None:
        """Refuses this many more rows if they would wait too long.

        Raises:
            Overloaded: with the seconds after which to try again. Stopping: the service is ending.
        """
        if self._stopping:
            raise Stopping
        overload = self.overload(rows)
        if overload is not None:
            raise Overloaded(overload.found, retry_after=overload.retry_after)

    def submit(self, work: Waiting, *, rows: int = 1, arrived: float | None = None) -> asyncio.Future[Answered]:
        """The answer, once it is stored. Cancelling the future drops the work, if it is not yet computed.

        Args:
            arrived: `time.monotonic()` when the request came, before it was decoded; None means now.

        Raises:
            Overloaded, Stopping: as `admit`.
        """
        self.admit(rows)
        loop = self._loop
        future: asyncio.Future[Answered] = loop.create_future()
        now = time.monotonic()
        self._waiting.append(_Entry(work, rows, now if arrived is None else arrived, now, future))
        self._rows_waiting += rows
        self._idle.clear()
        if not self._running and not self._start_is_planned:
            # Not at once: all work submitted in this turn of the event loop goes together.
            self._start_is_planned = True
            loop.call_soon(self._gather, "idle", self._rows_waiting)
        return future

    async def close(self) -> None:
        """Admits nothing more, and returns when everything admitted has been answered."""
        self._stopping = True
        await self._idle.wait()
        self._batches.put(None)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the first call: looking it up is a system call each time."""
        if self._given_loop is None:
            self._given_loop = asyncio.get_running_loop()
            self._thread.start()
        return self._given_loop

    def _predict(self, now: float, rows: int) -> float:
        """Seconds until `rows` more rows would be answered."""
        ahead = 0.0
        if self._running:
            expected = self._cost.of(sum(entry.rows for entry in self._running))
            # The best guess for a batch that is overdue by some time is that it needs as much again.
            ahead = abs(self._started + expected - now)
        return ahead + self._cost.of(self._rows_waiting + rows)

    def _take(self) -> tuple[list[_Entry[Waiting, Answered]], bool]:
        """The next batch, without cancelled work, and whether it is full."""
        batch: list[_Entry[Waiting, Answered]] = []
        rows = 0
        while self._waiting:
            entry = self._waiting[0]
            if not entry.future.done() and batch and rows + entry.rows > BATCH_ROWS:
                return batch, True
            self._waiting.popleft()
            self._rows_waiting -= entry.rows
            if not entry.future.done():
                batch.append(entry)
                rows += entry.rows
        return batch, False

    def _gather(self, reason: Literal["idle", "drained"], before: int, quiet: int = 0) -> None:
        """Starts the next batch when two turns of the event loop have brought nothing new.

        While requests keep arriving the loop has work, and both threads share the interpreter: a batch started in
        between is half as large, and waits for the loop anyway. It takes two turns because one reads from a socket and
        the next one decodes.
        """
        quiet = quiet + 1 if self._rows_waiting <= before else 0
        if quiet < 2 and self._rows_waiting < ADMITTED_ROWS:
            self._loop.call_soon(self._gather, reason, self._rows_waiting, quiet)
        else:
            self._start(reason)

    def _start(self, reason: Literal["idle", "drained"]) -> None:
        self._start_is_planned = False
        self._note_pressure()
        batch, full = self._take()
        if not batch:
            self._pressed_since = None
            self._idle.set()
            return
        self._running, self._started, self._reason = batch, time.monotonic(), "full" if full else reason
        self._give_up_at = self._loop.call_later(ANSWER_SECONDS, self._give_up, batch)
        self._batches.put(batch)

    def _note_pressure(self) -> None:
        predicted = self._cost.of(self._rows_waiting)
        if predicted < STANDING_SECONDS / 2:
            self._pressed_since = None
        elif predicted >= STANDING_SECONDS and self._pressed_since is None:
            self._pressed_since = time.monotonic()

    def _work(self) -> None:
        """Runs on the worker thread. An executor would do the same, but takes 30 us for each batch."""
        while (batch := self._batches.get()) is not None:
            self._loop.call_soon_threadsafe(self._deliver, batch, self._run(batch))

    def _run(self, batch: list[_Entry[Waiting, Answered]]) -> _Outcome[Answered]:
        """An answer or an error for each entry, committed where it needs to be."""
        begun = time.monotonic()
        answers: list[Answered | Exception]
        try:
            answers = list(self._compute([entry.work for entry in batch]))
            if len(answers) != len(batch):
                raise LookupError(f"{len(answers)} answers to {len(batch)} pieces of work")
        except Exception:  # noqa: BLE001  # any error belongs to one piece of work, found by computing each alone
            answers = [self._compute_alone(entry.work) for entry in batch]
        computed = time.monotonic()
        stored = [
            place
            for place, (entry, answer) in enumerate(zip(batch, answers, strict=True))
            if self._needs_commit(entry.work) and not isinstance(answer, Exception)
        ]
        if stored:
            if len(stored) < len(batch):
                others = sorted({*range(len(batch))} - {*stored})
                self._loop.call_soon_threadsafe(
                    _answer, [batch[place] for place in others], [answers[place] for place in others]
                )
            try:
                self._commit([batch[place].work for place in stored], [answers[place] for place in stored])  # type: ignore[misc]  # no errors among them
            except Exception as error:  # noqa: BLE001  # handed to every caller whose answer was not stored
                for place in stored:
                    answers[place] = error
        return _Outcome(answers, computed - begun, time.monotonic() - computed)

    def _compute_alone(self, work: Waiting) -> Answered | Exception:
        try:
            return self._compute([work])[0]
        except Exception as error:  # noqa: BLE001  # handed to the caller of this piece
            return error

    def _give_up(self, batch: list[_Entry[Waiting, Answered]]) -> None:
        for entry in (*batch, *self._waiting):
            if not entry.future.done():
                entry.future.set_exception(Stalled(seconds=ANSWER_SECONDS))

    def _deliver(self, batch: list[_Entry[Waiting, Answered]], outcome: _Outcome[Answered]) -> None:
        self._give_up_at.cancel()
        now = time.monotonic()
        rows = sum(entry.rows for entry in batch)
        first = min(entry.arrived for entry in batch)
        report = BatchReport(rows, self._reason, self._started - first, outcome.compute, outcome.commit)
        _answer(batch, outcome.answers)
        # Answers leave first: the callbacks of their futures are queued before this.
        begun = max(self._delivered, min(entry.submitted for entry in batch))
        self._loop.call_soon(self._account, now - begun, report)
        self._delivered, self._running = now, []
        if self._waiting:
            self._start_is_planned = True
            self._gather("drained", before=self._rows_waiting)
        else:
            self._pressed_since = None  # not judged by cost: slow batches would make an empty queue count as pressed
            self._idle.set()

    def _account(self, seconds: float, report: BatchReport) -> None:
        """Learns from a batch and reports it. `seconds` includes the event loop's share: it counts from the last
        delivery, or from the first submission after it. The time that a body took to arrive is not our cost."""
        self._cost.learn(report.rows, seconds)
        self._report(report)


def _answer(entries: Sequence[_Entry[Waiting, Answered]], answers: Sequence[Answered | Exception]) -> None:
    """Gives each waiting caller its answer or error."""
    for entry, answer in zip(entries, answers, strict=True):
        if entry.future.done():
            continue
        if isinstance(answer, Exception):
            entry.future.set_exception(answer)
        else:
            entry.future.set_result(answer)


class _Outcome(NamedTuple, Generic[Answered]):
    answers: list[Answered | Exception]
    compute: float
    commit: float


class _Cost:
    """seconds = fixed + per_row * rows, fitted to the last few dozen batches (least squares, older ones weigh less)."""

    KEPT = 0.95

    def __init__(self) -> None:
        # Sums over batches of 1, rows, seconds, rows * rows, rows * seconds. They start with two invented batches,
        # 1 row in 1 ms and 100 rows in 10 ms, which are soon forgotten.
        self._sums = [2.0, 101.0, 0.011, 10_001.0, 1.001]

    def learn(self, rows: int, seconds: float) -> None:
        new = (1, rows, seconds, rows * rows, rows * seconds)
        self._sums = [self.KEPT * old + value for old, value in zip(self._sums, new, strict=True)]

    def of(self, rows: int) -> float:
        """The predicted seconds for a batch of this many rows."""
        n, x, y, xx, xy = self._sums
        spread = n * xx - x * x
        per_row = max(0.0, (n * xy - x * y) / spread) if spread > 1e-9 * xx * n else y / x
        fixed = max(0.0, (y - per_row * x) / n)
        return fixed + per_row * rows
