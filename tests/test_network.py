"""v3.0, a network released as ONNX: from its release to answers, rows, shadows and reports, as any other version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.drawing.skew import NOT_A_DIGIT
from app.drawing.strokes import draw_strokes
from app.model.formats import read_model
from tests.conftest import Mnist
from tests.installation import Published
from tests.web.inside import Inside
from tests.web.visits import STROKES

RAW = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="module")
def v3(published: Callable[[str], Published]) -> Published:
    return published("v3.0")


@pytest.fixture(scope="module")
def both(
    published: Callable[[str], Published], v3: Published, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Inside]:
    """v2.0, the default, and v3.0 beside it."""
    with Inside(published("v2.0"), tmp_path_factory.mktemp("both"), v3) as made:
        yield made


def batch(inside: Inside, images: NDArray[np.uint8], version: str = "v3.0") -> list[dict[str, Any]]:
    reply = inside.ask("POST", f"/classify/batch?model={version}", images.tobytes(), RAW)
    answers: list[dict[str, Any]] = reply.json["answers"]
    return answers


def test_grey_edges_count(v3: Published, mnist: Mnist):
    scorer, digits = read_model(v3.artefact), mnist.test_images[:300]
    thresholded = np.where(digits > 128, np.uint8(255), np.uint8(0))
    assert np.abs(scorer.scores(digits) - scorer.scores(thresholded)).max() > 0.01


def test_a_trial_of_few_digits_reads_nearly_all_of_mnist_s_and_says_so(v3: Published, mnist: Mnist):
    scores = read_model(v3.artefact).scores(mnist.test_images)
    right = int((scores.argmax(axis=1) == mnist.test_labels).sum())
    assert right > 9_600
    assert f"({right} of 10000" in v3.card


def test_it_answers_beside_another_version(both: Inside, mnist: Mnist):
    digits, truth = mnist.test_images[:200], mnist.test_labels[:200].astype(str).tolist()
    for version in ("v2.0", "v3.0"):
        answers = batch(both, digits, version)
        assert sum(answer["prediction"] == label for answer, label in zip(answers, truth, strict=True)) > 185, version
        assert {answer["model_version"] for answer in answers} == {version}
    drawn = both.ask("POST", "/drawings?model=v3.0", STROKES).json
    assert drawn["certainty"] is not None and both.row(drawn["id"]).model_version == "v3.0"


STAR = [[(0.5, 0.1), (0.74, 0.86), (0.1, 0.38), (0.9, 0.38), (0.26, 0.86), (0.5, 0.1)]]
CROSS = [[(0.1, 0.5), (0.9, 0.5)], [(0.5, 0.1), (0.5, 0.9)], [(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]]


@pytest.mark.parametrize("strokes", [STAR, CROSS], ids=["star", "asterisk"])
def test_it_knows_when_there_is_no_digit(both: Inside, strokes: list[list[tuple[float, float]]]):
    """v2.0 is not able to say so."""
    image = draw_strokes([np.array(stroke) for stroke in strokes])[np.newaxis]
    (by_v2,), (by_v3,) = batch(both, image, "v2.0"), batch(both, image)
    assert NOT_A_DIGIT.name not in [finding["name"] for finding in by_v2["findings"]]
    assert NOT_A_DIGIT._asdict() in by_v3["findings"]
    assert by_v3["unsure"] and by_v3["prediction"] in "0123456789"


def test_of_its_limit_the_card_says_what_holds_here(v3: Published, mnist: Mnist, both: Inside):
    stated = both.service.cards["v3.0"].contract
    assert stated is not None and stated.not_a_digit is not None
    below = read_model(v3.artefact).scores(mnist.test_images).max(axis=1) < stated.not_a_digit.below
    assert abs(int(below.sum()) - stated.not_a_digit.digits.count) <= 1, "a score at the limit may be rounded"


def test_its_card_s_page_shows_a_network(both: Inside):
    page = both.ask("GET", "/model?version=v3.0", key=None).body.decode()
    for said in ("digit_classifier_v3.onnx", "every value counts", "When it sees no digit", "PyTorch"):
        assert said in page, said
    assert both.ask("GET", "/model/weights/1.png?version=v3.0", key=None).status == 404, "no picture of a network"
