"""Contents of the model's page, from the release's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.contract import Contract
from app.model.first_layer import FirstLayer
from app.model.golden_set import GoldenSet

SHADES = 10


@dataclass(frozen=True)
class CardPage:
    """A release in its own words; None where it says nothing.

    Attributes:
        kind: of the classifier, such as "LogisticRegression".
        features: inputs of the model.
        stated: facts in its file that a contract states too, by the contract's key.
        provenance: who wrote its file.
        cited_accuracy: the accuracy that a card without contract cites in its text.
        prose: the card's text, in Markdown, without its front matter.
        recorded: held-out digits with their recorded scores.
        mnist: where no digits are recorded, those of MNIST's test file with scores computed here.
        weights: (784, classes), of a linear model.
        first_layer: of a network.
    """

    kind: str
    features: int
    stated: Mapping[str, object]
    provenance: str
    contract: Contract | None
    cited_accuracy: float | None
    prose: str | None
    recorded: GoldenSet | None
    mnist: GoldenSet | None
    weights: NDArray[np.floating] | None
    first_layer: FirstLayer | None = None


class Cell(NamedTuple):
    """Number of digits of one class that were read as a given class; `shade` is 0 to 9 by their share of the former."""

    digits: int
    shade: int
    is_right: bool


class MetricRow(NamedTuple):
    """All digits of one class."""

    label: str
    total: int
    cells: list[Cell]


def confusions(digits: GoldenSet, classes: Sequence[str]) -> list[MetricRow]:
    """For each class that was drawn, in order, how often it was read as each of `classes`."""
    read_as = digits.scores.argmax(axis=1)
    drawn = np.array(digits.labels)
    rows = []
    for label in sorted(set(digits.labels)):
        counts = np.bincount(read_as[drawn == label], minlength=len(classes)).tolist()
        total = sum(counts)
        cells = [Cell(count, _shade(count / total), name == label) for name, count in zip(classes, counts, strict=True)]
        rows.append(MetricRow(label, total, cells))
    return rows


def _shade(share: float) -> int:
    """0 for none, 1 for a little, 9 for all; steps follow the square root, as most shares are small."""
    return 0 if share == 0 else max(1, round(share**0.5 * (SHADES - 1)))
