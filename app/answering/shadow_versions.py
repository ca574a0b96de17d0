"""Shadow reading: the versions that did not answer read each stored drawing after its answer, on their own thread.

Answers that people wait for come first: while a queue is pressed, or too much waits here, drawings are shed and
counted. Nothing is retried: a drawing that could not be read along is one pair fewer for the comparison.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import numpy as np

from app.answering.served_version import ServedVersion
from app.drawing.ink_measures import PIXELS, SIDE
from app.storage.shadow_rows import MAX_BATCH, Shadow, Shadows

WAITING_ROWS = 4096
"""Drawings that may wait: 3 MiB of them."""
GATHER_SECONDS = 0.05
"""Drawings that arrive within this time go together: a transaction costs as much for one row as for many."""
CLOSING_SECONDS = 3.0
"""Time for waiting drawings when the service ends; the rest is shed."""
Outcome: TypeAlias = Literal["stored", "shed", "failed"]
_log = logging.getLogger("pixelwise.shadows")


class Offer(NamedTuple):
    """Stored drawings that `answering` has answered: their results' ids and 784 bytes for each."""

    answering: str
    ids: Sequence[UUID]
    pixels: bytes


class Shadowing:
    """Reads stored drawings with the versions that did not answer them.

    Args:
        versions: all that are served, by name.
        wanted: gives the versions that read along with the one that answered.
        is_pressed: tells whether people wait longer than they should.
        report: told how many shadow answers of a version had which outcome. Called on any thread.
    """

    def __init__(
        self,
        versions: Mapping[str, ServedVersion],
        wanted: Callable[[str], Sequence[str]],
        store: Shadows,
        *,
        is_pressed: Callable[[], bool],
        report: Callable[[str, Outcome, int], None],
    ) -> None:
        self._versions, self._wanted, self._store = versions, wanted, store
        self._is_pressed, self._report = is_pressed, report
        self._offers: SimpleQueue[Offer | None] = SimpleQueue()
        self._lock, self._waiting, self._ends_at = Lock(), 0, float("inf")
        self._thread: Thread | None = None

    def offer(self, offer: Offer) -> None:
        """Takes stored drawings, or sheds them; never waits. May be called on any thread."""
        wanted = self._wanted(offer.answering)
        if not wanted:
            return
        rows = len(offer.ids)
        with self._lock:
            is_taken = not self._is_pressed() and self._waiting + rows <= WAITING_ROWS and self._ends_at == float("inf")
            if is_taken:
                if self._thread is None:
                    thread = Thread(target=self._run, name="shadows", daemon=True)
                    thread.start()
                    self._thread = thread
                self._waiting += rows
                self._offers.put(offer)
        if not is_taken:
            for version in wanted:
                self._report(version, "shed", rows)

    def close(self) -> None:
        """Takes nothing more; returns when waiting drawings are read or shed. Not to be called on the event loop."""
        with self._lock:
            self._ends_at = time.monotonic() + CLOSING_SECONDS
            self._offers.put(None)  # always the last item: offers are put there under this lock
        if self._thread is not None:
            self._thread.join(2 * CLOSING_SECONDS)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._offers.get()]
            if batch[0] is not None and self._ends_at == float("inf"):
                time.sleep(GATHER_SECONDS)
            while not self._offers.empty():
                batch.append(self._offers.get())
            ended = None in batch
            for offers in self._by_version([offer for offer in batch if offer is not None]).items():
                self._read_along(*offers)

    def _by_version(self, batch: Sequence[Offer]) -> dict[str, list[Offer]]:
        """The offers for each version, by the flags as they are now."""
        found: dict[str, list[Offer]] = {}
        for offer in batch:
            for version in self._wanted(offer.answering):
                found.setdefault(version, []).append(offer)
        with self._lock:
            self._waiting -= sum(len(offer.ids) for offer in batch)
        return found

    def _read_along(self, name: str, offers: Sequence[Offer]) -> None:
        ids = [one for offer in offers for one in offer.ids]
        pixels = b"".join([offer.pixels for offer in offers])
        for start in range(0, len(ids), MAX_BATCH):
            some = ids[start : start + MAX_BATCH]
            if time.monotonic() > self._ends_at:
                self._report(name, "shed", len(some))
                continue
            try:
                self._store.add(self._answers(name, some, pixels[start * PIXELS : (start + len(some)) * PIXELS]))
                self._report(name, "stored", len(some))
            except Exception as error:  # noqa: BLE001  # nobody waits for it; without the thread nothing is read along
                self._report(name, "failed", len(some))
                _log.error("%d shadow answers of %s were not stored: %s", len(some), name, error)

    def _answers(self, name: str, ids: Sequence[UUID], pixels: bytes) -> list[Shadow]:
        version = self._versions[name]
        classes = version.classes
        scores = version.scorer.scores(np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE))
        return [
            Shadow(
                result_id=one,
                model_version=name,
                model_sha256=version.sha256,
                prediction=classes[best],
                confidence=row[best],
                scores=dict(zip(classes, row, strict=True)),
                certainty=certainty,
            )
            for one, best, row, certainty in zip(
                ids, scores.argmax(axis=1).tolist(), scores.tolist(), version.certainties(scores), strict=True
            )
        ]
