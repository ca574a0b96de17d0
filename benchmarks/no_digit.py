"""How often a version says that it sees no digit: of digits, of figures, and of letters."""

from __future__ import annotations

import string
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.drawing.normalise import Grey, normalise
from app.model.scorer import Scorer
from drawn.outliers import HELD_OUT_KINDS, outliers

LIKE_DIGITS = "BDGILOQSTYZbgiloqsz"
"""Letters that some people write as others write a digit."""
FIGURES, LETTERS = 300, 20
"""Drawings of each kind, and of each letter."""
SIDE = 160


class Share(NamedTuple):
    """`count` of `n`."""

    count: int
    n: int


def shares(
    scorer: Scorer, below: float, mnist: tuple[Grey, NDArray[np.str_]], strokes: Grey, *, seed: int
) -> dict[str, Share]:
    """By what was drawn: how many of each are taken for no digit.

    Args:
        below: the release's limit on the confidence.
        mnist: its test digits and their labels.
        strokes: (N, 28, 28) uint8, digits of a pen.
    """
    images, labels = mnist
    drawings = {"MNIST's test digits": images, "strokes of a pen": strokes}
    for place, kind in enumerate(HELD_OUT_KINDS):
        chance = np.random.default_rng([seed, 4, place])
        drawings[f"figure: {kind}"] = outliers((kind,), FIGURES, images, labels, chance)[0]
    for name, letters in (
        ("letters unlike digits", sorted(set(string.ascii_letters) - set(LIKE_DIGITS))),
        ("letters like digits", LIKE_DIGITS),
    ):
        drawings[f"{name} ({' '.join(letters)})"] = written(letters, np.random.default_rng([seed, 5]))
    return {
        name: Share(int((scorer.scores(seen).max(axis=1) < below).sum()), len(seen)) for name, seen in drawings.items()
    }


def written(letters: str | list[str], chance: np.random.Generator) -> Grey:
    """(N, 28, 28) uint8: letters of Pillow's own font, each `LETTERS` times, turned and stretched a little."""
    font, seen = ImageFont.load_default(100), []
    for letter in letters:
        for _ in range(LETTERS):
            sheet = Image.new("L", (SIDE, SIDE))
            ImageDraw.Draw(sheet).text((SIDE / 2, SIDE / 2), letter, font=font, fill=255, anchor="mm")
            lean, wide = chance.uniform(-0.2, 0.2), chance.uniform(0.8, 1.25)
            across = (wide, lean, SIDE / 2 * (1 - wide - lean), 0, 1, 0)
            sheet = sheet.transform(sheet.size, Image.Transform.AFFINE, across, Image.Resampling.BICUBIC)
            seen.append(normalise(np.asarray(sheet.rotate(float(chance.uniform(-10, 10)), Image.Resampling.BICUBIC))))
    return np.stack(seen)
