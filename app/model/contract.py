"""A release's promises: the types of the card's `contract` block, and the one ink rule.

`docs/contract.md` describes every key. A block that is not valid against these types is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

INK_ABOVE = 128
"""The ink rule: a pixel is ink when its value is above this; 128 itself is paper."""

SCORE_TOLERANCE = 1e-5
"""Tolerated difference from the score that the library which trained the model gave when the release was made."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
PlainName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\Z")]
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\Z")]
VersionName = Annotated[str, Meta(pattern=r"^v[0-9]{1,4}\.[0-9]{1,4}\Z")]
Label = Annotated[str, Meta(pattern=r"^[0-9]\Z")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=10_000_000)]


GREY = "grey"
"""The ink rule of a model that takes the values between paper and ink as they are."""

Scale = Literal["ink", "unit", "byte"]
"""Numbers that a model takes for pixels."""

SCALES: dict[Scale, str] = {"ink": "1 for ink, 0 for paper", "unit": "value / 255", "byte": "the value, 0 to 255"}


class InputRule(Struct, frozen=True, forbid_unknown_fields=True):
    """The form of one image from the caller: shape, dtype and range; and what the model takes for its pixels.

    Attributes:
        ink: "> 128": values above it are ink, others paper; "grey": every value counts.
        scale: of a model whose file does not say so itself.
    """

    shape: tuple[Count, Count]
    dtype: Literal["uint8"]
    range: tuple[Count, Count]
    ink: Annotated[str, Meta(pattern=r"^(> [0-9]{1,3}|grey)\Z")]
    scale: Scale | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and (self.scale == "ink") != (self.ink != GREY):
            raise ValueError(f"`scale: {self.scale}` does not go with `ink: {self.ink}`")


THE_INPUT = InputRule((28, 28), "uint8", (0, 255), f"> {INK_ABOVE}")
"""The rule of a release without a contract."""


def ink_rule(scale: Scale) -> str:
    """The ink rule of a model that takes pixels in this scale."""
    return THE_INPUT.ink if scale == "ink" else GREY


class Accuracy(Struct, frozen=True, forbid_unknown_fields=True):
    """The held-out digits of the known classes that were read correctly; a 95% Wilson interval."""

    value: Fraction
    correct: Count
    n: Annotated[int, Meta(ge=1, le=10_000_000)]
    interval: tuple[Fraction, Fraction]
    per_class: dict[Label, Fraction] = {}


class CalibrationError(Struct, frozen=True, forbid_unknown_fields=True):
    """Expected calibration error of the answers to `n` drawn digits: of their raw confidence, and after calibration."""

    before: Fraction
    after: Fraction
    n: Annotated[int, Meta(ge=1, le=10_000_000)]


class Drawn(Struct, frozen=True, forbid_unknown_fields=True):
    """The model's results on digits of its classes, drawn as people draw them, none of them MNIST's.

    Attributes:
        recipe: the version of the recipe that brought them to 28x28 (`drawing.RECIPE`).
        temperature: divides its logits to give a certainty.
        error: on digits that were not used in choosing the temperature.
        strokes: the accuracy on the strokes of a pen.
        pictures: the accuracy on pictures of paper.
    """

    recipe: Annotated[int, Meta(ge=1, le=1000)]
    temperature: Annotated[float, Meta(ge=0.05, le=100)]
    error: CalibrationError
    strokes: Accuracy
    pictures: Accuracy


class Counted(Struct, frozen=True, forbid_unknown_fields=True):
    """The drawings of a kind that were taken for no digit: `count` of `n`."""

    value: Fraction
    count: Count
    n: Annotated[int, Meta(ge=1, le=10_000_000)]


class NotADigit(Struct, frozen=True, forbid_unknown_fields=True):
    """The model's own word that it sees no digit, and how well it keeps it.

    Attributes:
        below: answers with a confidence below this are called no digit; chosen on training data.
        digits: of MNIST's test digits of its classes.
        strokes: of the strokes of a pen; None if none were at hand.
        shapes: of shapes that are no digits, of kinds that it was never trained on.
    """

    below: Fraction
    digits: Counted
    shapes: Counted
    strokes: Counted | None = None


class GoldenPromise(Struct, frozen=True, forbid_unknown_fields=True):
    """The golden set's file, and the number of its `n` digits of known classes that were read rightly."""

    file: PlainName
    sha256: Digest
    n: Annotated[int, Meta(ge=1, le=100_000)]
    correct: Count
    withheld: Count = 0


USUAL_FORMAT = "sklearn-pickle"
"""The format of an artefact whose contract does not name one."""

ONNX = "onnx"
"""The format of ONNX files."""

KEYS_OF_FORMATS: dict[str, tuple[str, ...]] = {USUAL_FORMAT: ("sklearn", "steps"), ONNX: ("opset",)}
"""Keys that artefacts of one format must have, and others must not: their file states the same."""

FOR_PEOPLE = {"sklearn": "scikit-learn"}
"""Keys of the contract that have a different name in tables."""


class Contract(Struct, frozen=True, forbid_unknown_fields=True):
    """One release's promises, as its card states them."""

    version: VersionName
    artefact: PlainName
    sha256: Digest
    features: Annotated[int, Meta(ge=1, le=100_000)]
    input: InputRule
    classes: Annotated[tuple[Label, ...], Meta(min_length=2)]
    accuracy: Accuracy
    withheld: tuple[Label, ...] = ()
    confusions: tuple[tuple[Label, Label], ...] = ()
    golden: GoldenPromise | None = None
    profile: dict[str, tuple[float, float, float]] | None = None
    drawn: Drawn | None = None
    not_a_digit: NotADigit | None = None
    format: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")] = USUAL_FORMAT
    sklearn: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+(\.[0-9]+)?\Z")] | None = None
    steps: dict[Identifier, Identifier] | None = None
    opset: Annotated[int, Meta(ge=1, le=1000)] | None = None

    def __post_init__(self) -> None:
        for format, keys in KEYS_OF_FORMATS.items():
            for key in keys:
                if format == self.format and getattr(self, key) is None:
                    raise ValueError(f"Object missing required field `{key}`")
                if format != self.format and getattr(self, key) is not None:
                    raise ValueError(f"`{key}` belongs to the format {format}, not to {self.format}")
        for name, (low, middle, high) in (self.profile or {}).items():
            if not -math.inf < low <= middle <= high < math.inf:  # also false for NaN
                raise ValueError(f"profile.{name} is no rising triple of finite numbers")


def parse_contract(block: object) -> Contract:
    """The contract in a card's front matter (plain values, as YAML gives them).

    Raises:
        msgspec.ValidationError: names the invalid key.
    """
    return msgspec.convert(block, Contract)


def temperature_for(contract: Contract | None, recipe: int) -> float | None:
    """The divisor of logits that gives a certainty for drawings that `recipe` brings to 28x28.

    None if the release states none, or measured it with another recipe: the certainty of its answers is then unknown.
    """
    drawn = contract.drawn if contract else None
    return drawn.temperature if drawn and drawn.recipe == recipe else None


def no_digit_below(contract: Contract | None) -> float | None:
    """The confidence below which the release calls an answer no digit; None if it does not know how to."""
    return contract.not_a_digit.below if contract and contract.not_a_digit else None


def withheld_from(classes: Sequence[str | int]) -> tuple[str, ...]:
    """The digits that people draw but a model of these classes cannot read: all ten, less the classes."""
    return tuple(digit for digit in "0123456789" if digit not in map(str, classes))


def major(version: str) -> str:
    """ "v1" of "v1.0"."""
    return version.partition(".")[0]
