"""GET /ready, where the model's numbers go wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.web.visits import MakeInside


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.5], ids=["nan", "infinite", "too much"])
def test_scores_that_are_no_numbers_which_sum_to_1_make_the_service_unready(
    make: MakeInside, monkeypatch: pytest.MonkeyPatch, wrong: float
):
    inside = make()
    scorer = inside.service.reader.version.scorer
    right = scorer.scores

    def scores(images: np.ndarray) -> np.ndarray:
        given = right(images)
        given[:, given.argmin(axis=1)] += wrong  # the label stays as it is recorded
        return given

    monkeypatch.setitem(vars(scorer), "scores", scores)
    reply = inside.ask("GET", "/ready")
    assert reply.status == 503
    assert json.loads(reply.body)["checks"]["model v1.0"] == "scores that are no numbers which sum to 1"


def test_a_service_whose_scores_are_right_is_ready(make: MakeInside):
    assert make().ask("GET", "/ready").status == 200
