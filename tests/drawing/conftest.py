"""What the tests of the recipe share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.drawing.recipe import Seen
from app.model.engine import Engine
from app.model.sklearn_pickle.reader import read_artefact
from tests.installation import Published


@pytest.fixture(scope="session")
def read(published: Callable[[str], Published]) -> Callable[[Seen], str]:
    """What v2.0 answers."""
    engine = Engine(read_artefact(published("v2.0").artefact))

    def answer(shown: Seen) -> str:
        assert shown.unread is None, shown.unread
        return engine.classes[int(engine.scores(shown.pixels[np.newaxis]).argmax())]

    return answer
