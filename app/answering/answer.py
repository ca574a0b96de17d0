"""The service's answer to one drawing."""

from __future__ import annotations

from uuid import UUID

from msgspec import UNSET, Struct, UnsetType


class FoundJson(Struct, frozen=True):
    """One finding of the skew guard, with what the sender does about it."""

    name: str
    remedy: str


class Answer(Struct, kw_only=True):
    """What the model says of one drawing.

    Attributes:
        prediction: a class; None where there is no digit to read: the model is not asked, and the findings say why.
        confidence: its score, 0 to 1.
        certainty: how often such an answer is right, 0 to 1; None where the release measured no temperature.
        scores: class -> score, sum 1.
        id: of the stored row; None when nothing is stored.
        recipe: the version of the recipe that brought the drawing to 28x28; None for pixels that came so.
        findings: what is unlike the training images.
        unsure: the certainty, or where there is none the confidence, is too low (GET /visit says how low), or it may be
            a withheld digit.
        asks: this is one of the random tenth of the page's answers whose makers are asked what they drew.
    """

    prediction: str | None
    confidence: float | None
    certainty: float | None
    scores: dict[str, float]
    id: UUID | None
    model_version: str
    recipe: int | None
    findings: tuple[FoundJson, ...]
    unsure: bool
    asks: bool


class Explanation(Struct, frozen=True, kw_only=True):
    """How much each part of a drawing spoke for the answer and against the runner-up, in logits.

    Attributes:
        answer: the class that the drawing was read as.
        against: the runner-up.
        ink: 28 rows of 28: what each pixel with ink was worth; negative numbers speak for the runner-up.
        gaps: the same for pixels in and near the drawing that have no ink: what leaving them free was worth.
        paper: the difference between the two logits on empty paper.
        difference: the same on the drawing.
        is_exact: the model is linear: `paper` and all of `ink` sum to `difference`. For a network, patches of 5x5
            pixels were taken away or filled in turn, and a pixel has the mean worth of its patches.
        words: sentences on the places that tell most.
    """

    answer: str
    against: str
    ink: list[list[float]]
    gaps: list[list[float]]
    paper: float
    difference: float
    is_exact: bool
    words: list[str]


class Explained(Answer, kw_only=True):
    """An answer, with its explanation where one was asked for.

    Attributes:
        explanation: None where there was no digit to read; missing where none was asked for.
    """

    explanation: Explanation | UnsetType | None = UNSET
