"""Batches of pixels to answers, as arrays: the engine, and what is odd about a drawing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.drawing.ring_of_zero import with_withheld
from app.drawing.skew import Finding, find_skew, with_no_digit
from app.model.contract import withheld_from
from app.scoring.batch import Batch, Ids, Labels, Rows
from app.scoring.handed_model import HandedModel


def answer(batches: Iterable[Batch], model: HandedModel, *, with_scores: bool = False) -> Rows:
    """The answers to all batches of a shard; what the service would say of these pixels.

    Args:
        with_scores: keep every class's score too.
    """
    return _Answers(model, with_scores=with_scores).of(batches)


class _Answers:
    """Collects the answers of batch after batch: a row takes some twenty bytes."""

    def __init__(self, model: HandedModel, *, with_scores: bool) -> None:
        self.model, self.scorer, self.with_scores = model, model.scorer(), with_scores
        self.withheld = withheld_from(self.scorer.classes)
        self.codes: dict[tuple[Finding, ...], int] = {}
        self.texts: dict[str, int] = {}
        self.ids: list[Ids] = []
        self.places: list[NDArray[np.int8]] = []
        self.confidences: list[NDArray[np.float32]] = []
        self.findings: list[NDArray[np.int32]] = []
        self.scores: list[NDArray[np.float32]] = []
        self.labels: list[Labels | None] = []
        self.reasons: dict[int, str] = {}
        self.rows = 0

    def of(self, batches: Iterable[Batch]) -> Rows:
        for batch in batches:
            self._add(batch)
        labels = [one for one in self.labels if one is not None]
        reasons = [self.reasons.get(place) for place in range(self.rows)] if self.reasons else None
        return Rows(
            ids=_joined(self.ids),
            places=np.concatenate([np.empty(0, np.int8), *self.places]),
            confidences=np.concatenate([np.empty(0, np.float32), *self.confidences]),
            findings=np.concatenate([np.empty(0, np.int32), *self.findings]),
            found=tuple(self.texts),
            reasons=reasons,
            labels=np.concatenate(labels) if labels else None,
            scores=np.concatenate(self.scores) if self.with_scores and self.scores else None,
            classes=self.scorer.classes,
        )

    def _add(self, batch: Batch) -> None:
        scores = self.scorer.scores(batch.pixels)
        places = scores.argmax(axis=1)
        confidences = np.take_along_axis(scores, places[:, np.newaxis], axis=1)[:, 0]
        found = find_skew(batch.pixels, self.model.profile)
        found = with_withheld(found, batch.pixels, self.withheld)
        if self.model.no_digit_below is not None:
            found = with_no_digit(found, confidences.tolist(), self.model.no_digit_below)
        codes = np.fromiter(map(self._code, found), np.int32, len(found))
        places = places.astype(np.int8)
        for place, unread in batch.unread.items():
            places[place], confidences[place], scores[place] = -1, np.nan, np.nan
            codes[place] = self._text(unread.finding)
            self.reasons[self.rows + place] = unread.reason
        self.ids.append(batch.ids)
        self.places.append(places)
        self.confidences.append(confidences)
        self.findings.append(codes)
        self.labels.append(batch.labels)
        if self.with_scores:
            self.scores.append(scores)
        self.rows += len(places)

    def _code(self, found: tuple[Finding, ...]) -> int:
        code = self.codes.get(found)
        if code is None:
            code = self.codes[found] = self._text(" ".join(finding.name for finding in found))
        return code

    def _text(self, names: str) -> int:
        return self.texts.setdefault(names, len(self.texts))


def _joined(ids: list[Ids]) -> Ids:
    numbers = [one for one in ids if isinstance(one, np.ndarray)]
    if numbers or not ids:
        return np.concatenate([np.empty(0, np.int64), *numbers])
    return [name for one in ids for name in one]
