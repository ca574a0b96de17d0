"""The service's answer to one drawing."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct


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
