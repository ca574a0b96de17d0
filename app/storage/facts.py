"""All answers as counts: `analytics.py` asks the database for them, the report makes figures of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

BINS = 10
"""Of confidence, equally wide."""


class Given(NamedTuple):
    """How many answers of one day (UTC) are alike in these: what chose the version; whether who drew was asked."""

    day: date
    version: str
    source: str
    flag: str | None
    variant: str | None
    reason: str | None
    asked: bool
    n: int


class Found(NamedTuple):
    """On how many drawings of one day the skew guard found something by this name."""

    day: date
    finding: str
    n: int


class Told(NamedTuple):
    """How many answers have this label; None: not a digit."""

    label: str | None
    asked: bool
    n: int


class Read(NamedTuple):
    """How often a version read labelled drawings so; `label` None: not a digit; `confidence`: the sum of theirs."""

    label: str | None
    asked: bool
    version: str
    prediction: str
    bin: int
    n: int
    confidence: float


class Pair(NamedTuple):
    """How often two versions read the same labelled drawings so; `first` sorts before `second`."""

    label: str | None
    asked: bool
    first: str
    first_prediction: str
    second: str
    second_prediction: str
    n: int


class Double(NamedTuple):
    """How often two versions read the same drawings so, labelled or not; `first` sorts before `second`."""

    first: str
    first_prediction: str
    second: str
    second_prediction: str
    n: int


class Answer(NamedTuple):
    """What one version says of one drawing."""

    version: str
    prediction: str
    confidence: float


class Disagreement(NamedTuple):
    """A drawing that was read differently: 784 grey values; the given answer first; `label` None: not a digit."""

    id: UUID
    created_at: datetime
    pixels: bytes
    answers: tuple[Answer, ...]
    is_labelled: bool
    label: str | None


class Facts(NamedTuple):
    """Everything, as of one moment.

    Attributes:
        since, until: when the first and the newest answer were given, UTC; None where there is none.
        shadowed: version -> how many drawings it read as a shadow.
        classes: version -> the labels that it knows, by the scores of its newest answer.
        timings: version -> (N, 3) milliseconds: in all, waiting, computing; NaN where nobody measured.
        disagreements: the newest ones whose drawings are kept, newest first; None where no drawing was to be read.
    """

    since: datetime | None
    until: datetime | None
    given: tuple[Given, ...]
    found: tuple[Found, ...]
    told: tuple[Told, ...]
    read: tuple[Read, ...]
    pairs: tuple[Pair, ...]
    doubles: tuple[Double, ...]
    shadowed: dict[str, int]
    classes: dict[str, tuple[str, ...]]
    timings: dict[str, NDArray[np.float64]]
    disagreements: tuple[Disagreement, ...] | None


def bin_of(confidence: float) -> int:
    """0 to BINS - 1. A confidence on an edge is in the upper bin, 1.0 in the last one."""
    return min(int(confidence * BINS), BINS - 1)
