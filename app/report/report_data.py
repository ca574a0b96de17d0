"""The report as data: what the JSON holds and the page shows. Shares are of counts that stand beside them; unrounded.

Labels of people who were asked (a random tenth) and volunteered labels are never added up: volunteered labels are
mostly complaints about wrong answers.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.report.statistics import Calibration, Percentiles, Share


class Verdict(msgspec.Struct, frozen=True):
    """The finding so far on one version beside the base; `challenger` None: there is nothing to compare.

    Attributes:
        sentence: which reads better, on how many drawings, for people; without its full stop.
        how_sure: for people too; empty where there is nothing to compare.
        remark: the figures behind it, or what to do.
    """

    challenger: str | None
    outcome: Literal["better", "worse", "not shown", "too few", "nothing"]
    sentence: str
    how_sure: str
    remark: str


class LabelCounts(msgspec.Struct, frozen=True):
    """Share of drawings that have a label, and how many of these labels say that it is no digit."""

    labels: Share
    not_a_digit: int


class LeftOut(msgspec.Struct, frozen=True):
    """Counts of labelled drawings in no comparison, as this older recipe brought them to 28x28."""

    recipe: int
    asked: int
    volunteered: int


class ClassFigures(msgspec.Struct, frozen=True):
    """One class: the share that was found, and the share of answers with it that are right."""

    label: str
    recall: Share
    precision: Share


class Confusions(msgspec.Struct, frozen=True):
    """Predictions for the drawings of one label.

    Attributes:
        label: None for what is not a digit.
        kind: "common": all versions know it; "own": this one does, and not every other; "withheld": this one does not.
        read_as: prediction -> how often.
    """

    label: str | None
    kind: Literal["common", "own", "withheld", "not a digit"]
    read_as: dict[str, int]


class Sample(msgspec.Struct, frozen=True):
    """One version on labelled drawings. Only `confusions` has those whose label it does not know.

    Attributes:
        accuracy: on the classes that it knows.
        common: on the classes that every version knows, so that versions can be compared.
        calibration: of its confidence, which is what the model itself says.
        certainty: the calibration of its certainty; None where there is none, as its release measured none.
    """

    accuracy: Share
    common: Share
    classes: tuple[ClassFigures, ...]
    confusions: tuple[Confusions, ...]
    calibration: Calibration
    certainty: Calibration | None


class Latency(msgspec.Struct, frozen=True):
    """Of the newest answers, in milliseconds: from the request's headers to the beginning of its commit, and parts."""

    total: Percentiles
    waited: Percentiles
    computed: Percentiles


class VersionFigures(msgspec.Struct, frozen=True):
    """One version: the labels that it knows, how many answers it gave by source, how many drawings it shadowed."""

    name: str
    classes: tuple[str, ...]
    answers: int
    sources: dict[str, int]
    shadowed: int
    asked: Sample
    volunteered: Sample
    latency: Latency


class Paired(msgspec.Struct, frozen=True):
    """Two versions on the same labelled drawings, of classes that both know.

    Attributes:
        wins, losses: where only the challenger is right; where only the base is.
        p: of McNemar's exact test.
        log10_e: of the e-value; a difference is shown from log10(20) on.
        low, high: bounds of the challenger's share of wins + losses, however often one looks.
    """

    n: int
    both_right: int
    wins: int
    losses: int
    both_wrong: int
    p: float
    log10_e: float
    low: float
    high: float


class Comparison(msgspec.Struct, frozen=True):
    """One version beside the base.

    Attributes:
        agreement: on all drawings that both read, labelled or not.
        untaught: of their disagreements, those where one answers what the other was never taught.
    """

    challenger: str
    classes: tuple[str, ...]
    asked: Paired
    volunteered: Paired
    agreement: Share
    untaught: int


class Said(msgspec.Struct, frozen=True):
    """One version's answer; `certainty` None: its release measured none."""

    version: str
    prediction: str
    confidence: float
    certainty: float | None


class Dispute(msgspec.Struct, frozen=True):
    """A drawing that versions read differently: 784 grey values; `answers`: the given one first."""

    id: UUID
    created_at: datetime
    pixels: bytes
    answers: tuple[Said, ...]
    is_labelled: bool
    label: str | None


class Choice(msgspec.Struct, frozen=True):
    """Answers whose version this chose; all None: no flag did."""

    flag: str | None
    variant: str | None
    reason: str | None
    answers: int


class Day(msgspec.Struct, frozen=True):
    """One day in UTC: version -> answers, how many of them a flag failed for, finding -> drawings."""

    day: date
    answers: dict[str, int]
    flag_errors: int
    findings: dict[str, int]


class Report(msgspec.Struct, frozen=True):
    """Everything.

    Attributes:
        since, until: when the first and the newest answer were given; None where there is none.
        base: the version that the others are compared with: the default one, where it read anything.
        recipe: what is compared is drawings that this recipe brought to 28x28, and pixels that came so; None: all came
            so. Only `asked` and `volunteered`, the answers and the days count all drawings.
        left_out: of older recipes, the newest first.
        verdicts: at least one.
        versions: the base first.
        disputes: the newest ones; None: whoever asks is not shown what others drew.
        days: the newest ones, without gaps.
    """

    made_at: datetime
    since: datetime | None
    until: datetime | None
    answers: int
    base: str | None
    recipe: int | None
    left_out: tuple[LeftOut, ...]
    verdicts: tuple[Verdict, ...]
    asked: LabelCounts
    volunteered: LabelCounts
    versions: tuple[VersionFigures, ...]
    comparisons: tuple[Comparison, ...]
    disputes: tuple[Dispute, ...] | None
    choices: tuple[Choice, ...]
    days: tuple[Day, ...]
