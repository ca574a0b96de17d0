"""Explanations of answers: computed on a thread of their own, after everything that people wait for."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from app.answering.answer import Explanation
from app.answering.refusals import Overloaded
from app.answering.side_threads import RETRY_SECONDS, Aside
from app.drawing.ink_measures import SIDE
from app.model.evidence import Evidence, evidence, in_words
from app.model.scorer import Scorer

PLACES = 16
"""Explanations that run or wait at a time; a caller may have a quarter of them."""
DECIMALS = 4


class Explainer:
    """Explains readings, one at a time.

    Args:
        is_pressed: tells whether people wait longer for answers than they should: then nothing is explained.
    """

    def __init__(self, *, is_pressed: Callable[[], bool]) -> None:
        self._is_pressed = is_pressed
        self._aside = Aside(threads=1, places=PLACES, what="explanations")

    async def explain(self, scorer: Scorer, pixels: bytes, *, of: Hashable) -> Explanation:
        """The evidence for what this model reads in one drawing of 784 bytes, for this caller.

        Raises:
            Overloaded: answers come first, no place is free, or none for this caller.
        """
        if self._is_pressed():
            raise Overloaded("answers that wait, which come before explanations", retry_after=RETRY_SECONDS)
        image = np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)
        return await self._aside.run(lambda: as_explanation(evidence(scorer, image)), of=of)

    def close(self) -> None:
        """Takes nothing more; what waits is cancelled."""
        self._aside.close()


def as_explanation(found: Evidence) -> Explanation:
    """The evidence as it goes out, its numbers rounded."""
    return Explanation(
        answer=found.answer,
        against=found.against,
        ink=_rows(found.ink),
        gaps=_rows(found.gaps),
        paper=round(found.paper, DECIMALS),
        difference=round(found.difference, DECIMALS),
        is_exact=found.is_exact,
        words=in_words(found),
    )


def _rows(worth: NDArray[np.float32]) -> list[list[float]]:
    rows: list[list[float]] = worth.astype(np.float64).round(DECIMALS).tolist()
    return rows
