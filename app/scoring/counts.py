"""What is counted of answers: enough for a manifest, so that no row is read twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from app.scoring.batch import NO_LABEL, NOT_A_DIGIT, Rows

NONE = "none"
"""Stands for "no prediction" and "no digit" where a text must be."""


class Counts(Struct, frozen=True):
    """Counts of answered rows.

    Attributes:
        rows: all of them.
        unread: those that the model was not asked about.
        predictions: rows by predicted digit.
        findings: rows by the name of a finding; a row may have several.
        labels: label -> prediction -> rows; "none" is no digit, and no prediction.
    """

    rows: int = 0
    unread: int = 0
    predictions: dict[str, int] = {}
    findings: dict[str, int] = {}
    labels: dict[str, dict[str, int]] = {}


def count(rows: Rows) -> Counts:
    """The counts of one shard."""
    names = (*rows.classes, NONE)  # subtle: place -1 is the last of them
    per_place = np.bincount(rows.places % len(names), minlength=len(names)).tolist()
    findings: Counter[str] = Counter()
    for said, n in zip(rows.found, np.bincount(rows.findings, minlength=len(rows.found)).tolist(), strict=True):
        for name in said.split():
            findings[name] += n
    return Counts(
        rows=len(rows.places),
        unread=per_place[-1],
        predictions=dict(zip(rows.classes, per_place, strict=False)),
        findings=dict(findings),
        labels=_labels(rows, names),
    )


def _labels(rows: Rows, names: Sequence[str]) -> dict[str, dict[str, int]]:
    if rows.labels is None:
        return {}
    width = len(names)
    is_known = rows.labels != NO_LABEL
    pairs = (rows.labels[is_known].astype(np.int64) + 1) * width + rows.places[is_known] % width
    table = np.bincount(pairs, minlength=11 * width).reshape(11, width).tolist()
    found = {}
    for label, row in enumerate(table, start=NOT_A_DIGIT):
        read_as = {name: n for name, n in zip(names, row, strict=True) if n}
        if read_as:
            found[NONE if label == NOT_A_DIGIT else str(label)] = read_as
    return found


def total(parts: Sequence[Counts]) -> Counts:
    """The sum of counts; names in their order."""
    labels: dict[str, dict[str, int]] = {}
    for label in sorted({label for part in parts for label in part.labels}):
        labels[label] = _sum([part.labels.get(label, {}) for part in parts])
    return Counts(
        rows=sum(part.rows for part in parts),
        unread=sum(part.unread for part in parts),
        predictions=_sum([part.predictions for part in parts]),
        findings=_sum([part.findings for part in parts]),
        labels=labels,
    )


def _sum(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for part in parts:
        found.update(part)
    return dict(sorted(found.items()))
