"""What the tests of the recipe share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.drawing.recipe import Seen
from app.model.formats import read_model
from tests.installation import Published


@pytest.fixture(scope="session")
def read(published: Callable[[str], Published]) -> Callable[[Seen], str]:
    """What v2.0 answers."""
    scorer = read_model(published("v2.0").artefact)

    def answer(shown: Seen) -> str:
        assert shown.unread is None, shown.unread
        return scorer.classes[int(scorer.scores(shown.pixels[np.newaxis]).argmax())]

    return answer
