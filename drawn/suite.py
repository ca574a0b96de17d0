"""The suite of conditions: the same digits under each of them, so that a difference is the condition's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drawn.conditions import CONDITIONS
from drawn.digits import LABELS, draw_digit
from drawn.page import Coverage, Page, ink_of_digit, ink_of_strokes

NEED_A_DIGIT = ("table", "neighbour")
"""Conditions that put something else beside a digit, and cannot be had without one."""


class Brought(NamedTuple):
    """A digit that is put on paper.

    Attributes:
        label: "0" to "9".
        seed: of all that chance decides about it: size and place on its page, light, lens and noise.
        ink: leaves it on a page.
    """

    label: str
    seed: tuple[int, ...]
    ink: Callable[[Page, np.random.Generator], Coverage]


def own_digit(*seed: int, place: int) -> Brought:
    """The `place`-th digit of the test hand's pen, 0 to 9 again and again."""
    label, chance = LABELS[place % len(LABELS)], np.random.default_rng([*seed, place, 0])
    strokes = draw_digit(label, chance, hand="test")
    return Brought(label, (*seed, place), lambda page, pressure: ink_of_strokes(strokes, page, pressure))


def mnist_digit(image: NDArray[np.uint8], label: str, *seed: int) -> Brought:
    """A digit of MNIST, (28, 28) uint8, on paper."""
    return Brought(label, seed, lambda page, pressure: ink_of_digit(image, page))


def picture_of(digit: Brought, condition: str) -> bytes:
    """The file of this digit under a condition.

    Under each one page and digit are as large, as far as it allows: where its ranges are others, the digit is as large
    among those.
    """
    page, ink, look = (np.random.default_rng([*digit.seed, part]) for part in (1, 2, 3))
    return CONDITIONS[condition].look(digit.ink(CONDITIONS[condition].page(page), ink), look)


def bare_page(condition: str, *seed: int) -> bytes:
    """The file of a page with nothing on it, under a condition that is none of NEED_A_DIGIT."""
    page, look = (np.random.default_rng([*seed, part]) for part in (1, 3))
    size = CONDITIONS[condition].page(page)
    return CONDITIONS[condition].look(np.zeros((size.height, size.width), np.float32), look)
