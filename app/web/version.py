"""One served version of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.inference.contract import withheld_from
from app.inference.engine import Engine


@dataclass(frozen=True)
class Version:
    """What the service must know of a release.

    Attributes:
        name: such as "v1.0".
        sha256: of its artefact.
        classes: in the order of the engine's scores.
        profile: of the training images, for the skew guard; None where the card has none.
        unsure_below: the confidence below which an answer is called unsure; None where no digits tell.
        samples: drawings (784 bytes) that a readiness check sends through the queue, each with the prediction that
            must come back; None where nothing is promised.
    """

    name: str
    sha256: str
    engine: Engine
    classes: tuple[str, ...]
    profile: Mapping[str, tuple[float, float, float]] | None
    unsure_below: float | None
    samples: tuple[tuple[bytes, str | None], ...]

    @property
    def withheld(self) -> tuple[str, ...]:
        """Digits that people draw and the model does not know, whatever its card says."""
        return withheld_from(self.classes)
