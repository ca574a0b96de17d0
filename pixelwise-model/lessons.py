"""What a network learns from beside MNIST's digits, as options name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AUGMENTED = Path(__file__).resolve().parent / "data" / "augmented.npz"


@dataclass(frozen=True)
class Lessons:
    """What a network learns from beside MNIST's digits.

    Attributes:
        augmented: the file of digits drawn anew, and of drawings that are no digit.
        epochs: rounds over the digits, fewer for a trial; None for the plan's.
    """

    augmented: Path = AUGMENTED
    epochs: float | None = None


USUAL = Lessons()
