"""All answers as counts: `report_queries.py` gets them from the database, the report turns them into figures."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

EDGES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
"""Edges of the bins of confidence and of certainty. The bins grow narrower towards 1: nearly all of a network's scores
are above 0.99, so one of several equally wide bins would hold them all. Equally full bins would differ between
versions and days, and could not be compared."""
Measure: TypeAlias = Literal["confidence", "certainty"]
MEASURES: tuple[Measure, ...] = ("confidence", "certainty")
"""Confidence: the model's own score. Certainty: at the temperature that its release measured."""


class Given(NamedTuple):
    """Count of one day's (UTC) answers alike in the choice of the version, and in whether the maker was asked."""

    day: date
    version: str
    source: str
    flag: str | None
    variant: str | None
    reason: str | None
    asked: bool
    n: int


class Found(NamedTuple):
    """Count of one day's drawings with this finding of the skew guard."""

    day: date
    finding: str
    n: int


class Told(NamedTuple):
    """Count of answers with this label; None: not a digit."""

    label: str | None
    asked: bool
    n: int


class ReadCount(NamedTuple):
    """Count of one prediction by one version for one label; None: not a digit."""

    label: str | None
    asked: bool
    version: str
    prediction: str
    n: int


class Sure(NamedTuple):
    """Counts of a version's labelled answers, and of right ones, in one bin; `total`: the sum of their measure."""

    label: str | None
    asked: bool
    version: str
    measure: Measure
    bin: int
    n: int
    right: int
    total: float


class LeftOut(NamedTuple):
    """Count of labelled drawings in no `Read`, `Sure` or `Pair`, as an older recipe brought them to 28x28."""

    recipe: int
    asked: bool
    n: int


class Pair(NamedTuple):
    """Count of a pair of predictions on labelled drawings; `first` sorts before `second`."""

    label: str | None
    asked: bool
    first: str
    first_prediction: str
    second: str
    second_prediction: str
    n: int


class Double(NamedTuple):
    """Count of a pair of predictions on drawings of `Facts.recipe`, labelled or not; `first` sorts before `second`."""

    first: str
    first_prediction: str
    second: str
    second_prediction: str
    n: int


class AnswerCount(NamedTuple):
    """One version's answer to one drawing; `certainty` None: its release measured none."""

    version: str
    prediction: str
    confidence: float
    certainty: float | None


class Disagreement(NamedTuple):
    """A drawing that was read differently: 784 grey values; the given answer first; `label` None: not a digit."""

    id: UUID
    created_at: datetime
    pixels: bytes
    answers: tuple[AnswerCount, ...]
    is_labelled: bool
    label: str | None


class Facts(NamedTuple):
    """Everything, as of one moment.

    Attributes:
        since, until: the times (UTC) of the first and the newest answer; None where there is none.
        shadowed: version -> how many drawings it read as a shadow.
        classes: version -> the labels that it knows, by the scores of its newest answer.
        timings: version -> (N, 3) milliseconds: in all, waiting, computing; NaN where not measured.
        disagreements: the newest ones whose drawings are kept, newest first; None where drawings were not requested.
        recipe: versions are compared on drawings of this recipe, and on pixels that came as 28x28. It is the newest
            recipe of labelled drawings or, if these have none, of all; None: all came as 28x28.
    """

    since: datetime | None
    until: datetime | None
    given: tuple[Given, ...]
    found: tuple[Found, ...]
    told: tuple[Told, ...]
    read: tuple[ReadCount, ...]
    pairs: tuple[Pair, ...]
    doubles: tuple[Double, ...]
    shadowed: dict[str, int]
    classes: dict[str, tuple[str, ...]]
    timings: dict[str, NDArray[np.float64]]
    disagreements: tuple[Disagreement, ...] | None
    sure: tuple[Sure, ...] = ()
    recipe: int | None = None
    left_out: tuple[LeftOut, ...] = ()


def bin_of(share: float) -> int:
    """The index of a share's bin, from 0. A share on an edge is in the upper bin, 1.0 in the last one."""
    return min(bisect_right(EDGES, share), len(EDGES) - 1) - 1
