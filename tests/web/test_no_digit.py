"""The model's word that it sees no digit, where the release states a limit for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from app.drawing.skew import NOT_A_DIGIT
from app.model.contract import Counted, NotADigit
from tests.installation import Published
from tests.web.inside import Inside

BELOW = 0.6
FEW = Counted(value=0.01, count=10, n=1000)
RAW = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="module")
def knowing(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """v1.0, whose release states no limit, and v2.0, whose release does."""
    stated = {"v2.0": {"not_a_digit": NotADigit(below=BELOW, digits=FEW, strokes=FEW, shapes=FEW)}}
    with Inside(published("v1.0"), tmp_path_factory.mktemp("knowing"), published("v2.0"), stated=stated) as made:
        yield made


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Scribbles of all kinds, on which confidences differ."""
    return np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)


def batch(inside: Inside, images: np.ndarray, version: str) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = inside.ask("POST", f"/classify/batch?model={version}", images.tobytes(), RAW).json[
        "answers"
    ]
    return answers


def is_called_none(answer: dict[str, Any]) -> bool:
    return NOT_A_DIGIT._asdict() in answer["findings"]


def test_an_answer_below_the_limit_is_called_no_digit_and_unsure_and_is_an_answer_still(knowing: Inside, noise):
    answers = batch(knowing, noise, "v2.0")
    none = [answer for answer in answers if is_called_none(answer)]
    assert none == [answer for answer in answers if answer["confidence"] < BELOW]
    assert 0 < len(none) < len(answers)
    assert all(answer["unsure"] and answer["prediction"] in "0123456789" for answer in none)


def test_a_release_without_a_limit_never_says_so(knowing: Inside, noise):
    assert not any(map(is_called_none, batch(knowing, noise, "v1.0")))


def test_the_stored_row_has_it(knowing: Inside, noise):
    answers = batch(knowing, noise[:30], "v2.0")
    stored = [NOT_A_DIGIT.name in knowing.row(answer["id"]).findings for answer in answers]
    assert stored == [is_called_none(answer) for answer in answers]
    assert any(stored)


def test_the_open_inference_protocol_says_it_too(knowing: Inside, noise):
    tensor = {"name": "images", "datatype": "UINT8", "shape": [30, 784], "data": noise[:30].reshape(30, -1).tolist()}
    path = "/v2/models/digits/versions/v2.0/infer"
    outputs = knowing.ask("POST", path, json.dumps({"inputs": [tensor]}).encode()).json["outputs"]
    data = {output["name"]: output["data"] for output in outputs}
    said = [NOT_A_DIGIT.name in names.split() for names in data["findings"]]
    assert said == [confidence < BELOW for confidence in data["confidence"]]
    assert any(said) and not all(said)
