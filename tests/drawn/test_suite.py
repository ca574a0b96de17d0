"""The suite of conditions: what v2.0 reads of the same digits under each, beside what it reads in even light.

Digits are drawn while this runs, by a seed from the system; PIXELWISE_SEED repeats one that a failure names.
PIXELWISE_SUITE sets how many digits of the pen, and as many of MNIST, each condition gets (`make soak`: more).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from app.drawing.decode_image import decode, open_picture
from app.drawing.recipe import Seen, see
from app.model.formats import read_model
from drawn.conditions import CONDITIONS
from drawn.suite import Brought, mnist_digit, own_digit, picture_of
from tests.conftest import Mnist
from tests.installation import Published

pytestmark = pytest.mark.long

LEAST = 30
COUNT = int(os.environ.get("PIXELWISE_SUITE", LEAST))
SEED = int(os.environ.get("PIXELWISE_SEED", int.from_bytes(os.urandom(4), "big")))
LIMITS = {"turned-10": 0.08, "turned-20": 0.08, "blur": 0.08}
LIMIT = 0.02
"""Of the answers that are right in even light: what any other condition may cost."""
SURE = 3.09
"""Standard errors: chance alone fails a condition that lies at its limit once in a thousand times."""

Rights = NDArray[np.bool_]


class Suite(NamedTuple):
    """By condition, which of the digits are read rightly: those of the pen first, then those of MNIST."""

    rights: dict[str, Rights]

    def cost(self, condition: str) -> tuple[float, float]:
        """How much rarer answers are right than in even light, and the standard error; by pairs of the same digit."""
        lost = self.rights["clean"].astype(np.float64) - self.rights[condition]
        return float(lost.mean()), float(lost.std(ddof=1) / len(lost) ** 0.5)

    def table(self) -> str:
        """All conditions, for a failure's message."""
        lines = [f"PIXELWISE_SEED={SEED} PIXELWISE_SUITE={COUNT} repeats these:"]
        for condition, rights in self.rights.items():
            pen, mnist = rights[:COUNT].mean(), rights[COUNT:].mean()
            cost, error = self.cost(condition)
            lines.append(f"{condition:13} pen {pen:6.1%}  MNIST {mnist:6.1%}  costs {cost:6.1%} ± {error:.1%}")
        return "\n".join(lines)


def digits(mnist: Mnist) -> list[Brought]:
    chosen = np.random.default_rng(SEED).choice(len(mnist.test_images), COUNT, replace=False)
    of_mnist = [mnist_digit(mnist.test_images[place], str(mnist.test_labels[place]), SEED, place) for place in chosen]
    return [own_digit(SEED, place=place) for place in range(COUNT)] + of_mnist


def seen(digit: Brought, condition: str) -> Seen:
    return see(decode(open_picture(picture_of(digit, condition))))


@pytest.fixture(scope="module")
def suite(published: Callable[[str], Published], mnist: Mnist) -> Suite:
    engine = read_model(published("v2.0").artefact)
    brought = digits(mnist)
    labels, classes = np.array([digit.label for digit in brought]), np.array(engine.classes)
    rights: dict[str, Rights] = {}
    for condition in CONDITIONS:
        shown = [seen(digit, condition) for digit in brought]
        answers = classes[engine.scores(np.stack([one.pixels for one in shown])).argmax(axis=1)]
        rights[condition] = (answers == labels) & np.array([one.unread is None for one in shown])
    return Suite(rights)


def test_the_same_digit_is_written_under_every_condition():
    """Where the ranges of two are the same, so is the ink."""
    digit, chance = own_digit(SEED, place=3), np.random.default_rng
    pages = [CONDITIONS[name].page(chance([*digit.seed, 1])) for name in ("clean", "shadow", "noise", "glare")]
    assert len(set(pages)) == 1
    assert picture_of(digit, "clean") == picture_of(own_digit(SEED, place=3), "clean")
    assert picture_of(digit, "clean") != picture_of(own_digit(SEED + 1, place=3), "clean")


def test_in_even_light_nine_of_ten_digits_are_read(suite: Suite):
    right = suite.rights["clean"]
    error = (0.9 * 0.1 / len(right)) ** 0.5
    assert right.mean() + SURE * error >= 0.9, suite.table()


@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name != "clean"])
def test_a_condition_costs_no_more_than_its_limit(suite: Suite, condition: str):
    cost, error = suite.cost(condition)
    assert cost - SURE * error <= LIMITS.get(condition, LIMIT), f"{condition} costs {cost:.1%}\n{suite.table()}"


def test_all_conditions_together_cost_no_more_than_their_limits(suite: Suite):
    """So that what is too little to be seen in one is seen in all."""
    others = [name for name in CONDITIONS if name != "clean" and name not in LIMITS]
    lost = np.mean([suite.rights["clean"].astype(np.float64) - suite.rights[name] for name in others], axis=0)
    assert lost.mean() - SURE * lost.std(ddof=1) / len(lost) ** 0.5 <= LIMIT, suite.table()
