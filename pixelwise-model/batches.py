"""A network's view at each step of its training: raw digits, copies of them, drawings that are no digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from augmented import Augmented


@dataclass(frozen=True)
class Plan:
    """How a network is trained. What was tried stands in docs/decisions.md.

    Attributes:
        epochs: rounds over the digits; one is as many digits, raw and augmented, as there are raw ones.
        batch: digits of a step, half of them raw.
        outliers: drawings that are no digit, beside them.
        outlier_weight: of their loss, the cross-entropy to equal shares for all classes.
        smoothing: the share of a label that is spread over all classes.
        rate, decay: of AdamW; the rate is the highest of one cycle.
        average: how much of the moving average of the weights each step keeps.
        stretched, shifted: shares of digits whose contrast is stretched, and that are moved by a pixel.
    """

    epochs: float = 9
    batch: int = 128
    outliers: int = 24
    outlier_weight: float = 0.5
    smoothing: float = 0.03
    rate: float = 4e-3
    decay: float = 0.02
    average: float = 0.998
    stretched: float = 0.5
    shifted: float = 0.6


def batches(
    images: np.ndarray, labels: np.ndarray, augmented: Augmented, seed: int, plan: Plan, steps: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(batch + outliers, 28, 28) uint8, raw digits, copies, then outliers; and (batch,) int64, the labels."""
    chance = np.random.default_rng([seed, 1])
    half = plan.batch // 2
    raw, copied = (shuffled(len(augmented.learnt), half, chance) for _ in range(2))
    others = shuffled(len(augmented.outliers), plan.outliers, chance)
    for _ in range(steps):
        first, second, other = next(raw), next(copied), next(others)
        which = chance.integers(len(augmented.copies), size=half)
        rows = augmented.learnt[np.concatenate([first, second])]
        batch = np.concatenate(
            [images[augmented.learnt[first]], augmented.copies[which, second], augmented.outliers[other]]
        )
        stretch(batch, chance, plan.stretched)
        shift(batch, chance, plan.shifted)
        yield batch, labels[rows].astype(np.int64)


def shuffled(count: int, size: int, chance: np.random.Generator) -> Iterator[np.ndarray]:
    """Places, `size` at a time: all in a new order, again and again."""
    ready_made = np.zeros(0, np.intp)
    while True:
        while len(ready_made) < size:
            ready_made = np.concatenate([ready_made, chance.permutation(count)])
        yield ready_made[:size]
        ready_made = ready_made[size:]


def stretch(images: np.ndarray, chance: np.random.Generator, share: float) -> None:
    """Paler ink or harder edges, for a share of the images."""
    which = np.flatnonzero(chance.random(len(images)) < share)
    factor = np.exp(chance.uniform(-0.4, 1.2, len(which))).astype(np.float32)[:, np.newaxis, np.newaxis]
    middle = chance.uniform(90, 160, len(which)).astype(np.float32)[:, np.newaxis, np.newaxis]
    # subtle: paper stays paper, and full ink full, unless the factor is below 1
    values = images[which].astype(np.float32)
    harder = np.where(factor > 1, (values - middle) * factor + middle, values * factor)
    images[which] = np.clip(np.where(values == 0, 0, harder), 0, 255).astype(np.uint8)


def shift(images: np.ndarray, chance: np.random.Generator, share: float) -> None:
    """Moved by a pixel in any of eight directions, for a share of the images."""
    moved = chance.random(len(images)) < share
    downs, rights = chance.integers(-1, 2, (2, len(images)))
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            which = moved & (downs == down) & (rights == right)
            images[which] = np.roll(images[which], (down, right), axis=(1, 2))
