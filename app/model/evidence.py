"""Evidence for an answer: how much each part of a drawing spoke for it and against the runner-up.

Parts of the ink are taken away and gaps are filled, one at a time, and the engine reads what is left. What the
difference between the two logits then loses is what the part was worth. A linear model is asked about each pixel, where
this is exact: weight times ink. A network is asked about patches (occlusion): a single pixel says nothing of a shape.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.contract import INK_ABOVE, THE_INPUT
from app.model.scorer import Scorer

PATCH, STEP = 5, 3
"""Side of a patch and distance between two, in pixels. Smaller ones give speckle, larger ones a blur."""
MARGIN = 2
"""Gaps count up to this many pixels around the ink."""
PAPER, INK = np.uint8(0), np.uint8(255)
PLACES = (
    ("at the top left", "at the top", "at the top right"),
    ("at the left", "in the middle", "at the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
TELLING = 0.2
"""A place is named if it holds at least this share of the worth of its kind."""
NARROW = 12
"""A narrower drawing, such as an upright line, counts as this wide, so that a stroke has no left and no right."""

Maps = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Evidence(NamedTuple):
    """Evidence for one class against another, in logits: positive numbers speak for it.

    Attributes:
        answer, against: the classes with the highest and second highest score.
        ink: (28, 28) float32, the worth of each pixel with ink; 0 elsewhere.
        gaps: (28, 28) float32, the worth of each pixel in and near the drawing of having no ink; 0 elsewhere.
        paper: the difference between the two logits on empty paper.
        difference: the same on this drawing. For a linear model it is `paper` plus the sum of `ink`.
        is_exact: it is a linear model.
    """

    answer: str
    against: str
    ink: Maps
    gaps: Maps
    paper: float
    difference: float
    is_exact: bool


def evidence(scorer: Scorer, image: NDArray[np.uint8]) -> Evidence:
    """The evidence on one drawing, from one batch: some 60 readings for a network, one for each pixel if linear.

    Args:
        image: (28, 28) uint8. Without ink, both maps are 0.
    """
    is_exact = scorer.weights is not None
    side, step = (1, 1) if is_exact else (PATCH, STEP)
    has_ink: Mask = image > (INK_ABOVE if scorer.ink == THE_INPUT.ink else 0)
    down, across = (_bands(np.any(has_ink, axis=axis), side, step) for axis in (1, 0))
    takes_ink = down @ has_ink @ across.T
    parts = down[:, None, :, None] & across[:, None, :]
    changed = np.where(parts, np.where(takes_ink, PAPER, INK)[..., None, None], image).reshape(-1, *image.shape)
    logits = scorer.logits(np.concatenate([image[None], np.zeros_like(image[None]), changed])).astype(np.float64)
    answer, against = np.argsort(-logits[0], kind="stable")[:2]  # of equal ones the first, as the service answers
    difference, paper, *left = (logits[:, answer] - logits[:, against]).tolist()
    worth = difference - np.reshape(left, takes_ink.shape)
    ink = _spread(down, across, worth, takes_ink) * has_ink
    gaps = _spread(down, across, worth, ~takes_ink) * ~has_ink
    classes = scorer.classes
    return Evidence(classes[answer], classes[against], ink, gaps, paper, difference, is_exact)


def in_words(found: Evidence) -> list[str]:
    """Sentences on the places that tell most: ink and gap for the answer, and either of them against it."""
    told = {"ink": _shares(found.ink, found.ink != 0), "gap": _shares(found.gaps, found.ink != 0)}
    said = []
    for kind, shares in told.items():
        place = max(shares, key=lambda one: shares[one])
        if shares[place] >= TELLING:
            said.append(f"The {kind} {place} speaks for {found.answer} against {found.against}.")
    share, kind, place = min((share, kind, place) for kind, shares in told.items() for place, share in shares.items())
    if share <= -TELLING:
        said.append(f"The {kind} {place} speaks for {found.against}.")
    return said


def _bands(drawn: Mask, side: int, step: int) -> Mask:
    """(N, 28): the bands along one side of the drawing that reach the ink or its margin, each cut where it leaves that.

    Two of them, one down and one across, make a part.
    """
    pixel, inked = np.arange(len(drawn)), np.flatnonzero(drawn)
    if not len(inked):
        return np.zeros((0, len(drawn)), np.bool_)
    starts = np.arange(0, len(drawn) - side + step, step)[:, None]
    near = (pixel >= inked[0] - MARGIN) & (pixel <= inked[-1] + MARGIN)
    bands: Mask = (pixel >= starts) & (pixel < starts + side) & near
    return bands[bands.any(axis=1)]


def _spread(down: Mask, across: Mask, worth: NDArray[np.float64], chosen: Mask) -> Maps:
    """The mean worth of the chosen parts that cover a pixel, for each pixel; 0 where none does."""
    total, covering = (down.T @ np.where(chosen, values, 0.0) @ across for values in (worth, 1.0))
    mean: Maps = (total / np.maximum(covering, 1)).astype(np.float32)
    return mean


def _shares(worth: Maps, drawn: Mask) -> dict[str, float]:
    """The share of all worth, positive and negative, that lies in each ninth of the drawing and beyond it."""
    whole = float(np.abs(worth).sum())
    if not whole or not drawn.any():
        return dict.fromkeys((name for names in PLACES for name in names), 0.0)
    rows, columns = (_cuts(np.flatnonzero(drawn.any(axis=axis)), len(worth)) for axis in (1, 0))
    return {
        name: float(worth[upper:lower, left:right].sum()) / whole
        for names, (upper, lower) in zip(PLACES, pairwise(rows), strict=True)
        for name, (left, right) in zip(names, pairwise(columns), strict=True)
    }


def _cuts(drawn: NDArray[np.intp], side: int) -> list[int]:
    """The limits of three parts: the drawing's thirds, the outer ones up to the edge."""
    first, beyond = int(drawn[0]), int(drawn[-1]) + 1
    middle, half = (first + beyond) / 2, max(beyond - first, NARROW) / 6
    return [0, max(round(middle - half), 0), min(round(middle + half), side), side]
