"""One served version of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.model.contract import withheld_from
from app.model.scorer import Scorer
from app.model.unsure import SURE_FROM, certainties


@dataclass(frozen=True)
class ServedVersion:
    """A release, as the service needs it.

    Attributes:
        name: such as "v1.0".
        sha256: of its artefact.
        classes: in the order of the scorer's scores.
        profile: of the training images, for the skew guard; None where the card has none.
        temperature: turns its scores into certainties; None where the release measured none.
        unsure_below: without a temperature, the confidence below which an answer is called unsure; None where no digits
            tell.
        no_digit_below: the confidence below which an answer is called no digit; None where the release states none.
        samples: drawings (784 bytes) that a readiness check sends through the queue, each with the prediction that
            must come back; None where no prediction is promised.
    """

    name: str
    sha256: str
    scorer: Scorer
    classes: tuple[str, ...]
    profile: Mapping[str, tuple[float, float, float]] | None
    temperature: float | None
    unsure_below: float | None
    no_digit_below: float | None
    samples: tuple[tuple[bytes, str | None], ...]

    @property
    def withheld(self) -> tuple[str, ...]:
        """Digits that people draw but the model does not know, whatever its card says."""
        return withheld_from(self.classes)

    @property
    def sure_from(self) -> float | None:
        """The certainty, or without a temperature the confidence, below which an answer is called unsure."""
        return self.unsure_below if self.temperature is None else SURE_FROM

    @property
    def pictures_in_scope(self) -> bool:
        """The card states how well it reads pictures of paper: a release measures that with its temperature."""
        return self.temperature is not None

    def certainties(self, scores: NDArray[np.floating]) -> list[float] | list[None]:
        """The certainty of each answer; None for each where the release measured no temperature."""
        if self.temperature is None:
            return [None] * len(scores)
        found: list[float] = certainties(scores, self.temperature).tolist()
        return found
