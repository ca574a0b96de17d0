"""Evidence for an answer, against plain computations of the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.evidence import MARGIN, PATCH, STEP, Evidence, evidence, in_words
from app.model.formats import read_model
from app.model.scorer import Scorer
from app.model.sklearn_pickle.artefact import read_artefact
from app.model.sklearn_pickle.format import as_scorer
from tests.attacks.onnx_files import encode, perceptron, small
from tests.installation import Published

Maps = NDArray[np.float32]


@pytest.fixture(scope="module")
def v1(published: Callable[[str], Published]) -> Scorer:
    return read_model(published("v1.0").artefact)


@pytest.fixture(scope="module")
def v2(published: Callable[[str], Published]) -> Scorer:
    return read_model(published("v2.0").artefact)


@pytest.fixture(scope="module")
def digits(published: Callable[[str], Published]) -> NDArray[np.uint8]:
    """Two of each class that v1.0 knows."""
    golden = published("v1.0").golden
    labels = np.array(golden.labels)
    chosen = np.concatenate([np.flatnonzero(labels == label)[:2] for label in "123456789"])
    assert len(chosen) == 18
    return golden.images[chosen].reshape(-1, 28, 28)


def test_a_linear_model_s_is_weight_times_ink_and_sums_to_the_difference_of_the_logits(v1: Scorer, digits):
    assert v1.weights is not None
    for image in digits:
        found = evidence(v1, image)
        answer, against = (v1.classes.index(one) for one in (found.answer, found.against))
        weights = (v1.weights[:, answer] - v1.weights[:, against]).reshape(28, 28)
        np.testing.assert_allclose(found.ink, weights * (image > 128), atol=1e-5)
        near = np.where(found.gaps != 0, -weights, 0)
        np.testing.assert_allclose(found.gaps, near, atol=1e-5)
        scores = v1.scores(image[None])[0].astype(np.float64)
        assert found.difference == pytest.approx(np.log(scores[answer] / scores[against]), abs=1e-3)
        assert found.ink.sum() + found.paper == pytest.approx(found.difference, abs=1e-3)
        assert found.is_exact


def test_its_answer_and_runner_up_have_the_two_highest_scores(v1: Scorer, v2: Scorer, digits):
    for scorer in (v1, v2):
        for image, scores in zip(digits, scorer.scores(digits), strict=True):
            best, second = np.argsort(scores)[::-1][:2]
            found = evidence(scorer, image)
            assert (found.answer, found.against) == (scorer.classes[best], scorer.classes[second])


def test_of_equal_scores_the_first_are_taken_as_in_the_service(v1: Scorer, digits):
    """A model may well be torn: then the explanation is still one of the answer that is given."""
    torn = replace(v1, logits=lambda images: np.tile([0.0, 2, 1, 2, 2, 0, 0, 0, 0], (len(images), 1)))
    found = evidence(torn, digits[0])
    assert (found.answer, found.against) == ("2", "4")
    assert found.difference == 0


@pytest.mark.parametrize(
    ("artefact", "ink"),
    [(encode(perceptron()), "> 128"), (encode(small()), "grey")],
    ids=["a perceptron on ink", "a convolutional one on grey values"],
)
def test_a_network_s_is_the_mean_loss_of_the_patches_that_cover_a_pixel(artefact: bytes, ink: str, digits):
    scorer = read_model(artefact)
    assert scorer.ink == ink
    for image in digits[:3]:
        found = evidence(scorer, image)
        assert not found.is_exact
        for expected, given in zip(patch_by_patch(scorer, image, found), (found.ink, found.gaps), strict=True):
            np.testing.assert_allclose(given, expected, atol=2e-4)


def patch_by_patch(scorer: Scorer, image: NDArray[np.uint8], found: Evidence) -> tuple[Maps, Maps]:
    """The maps of ink and of gaps, with one reading for each patch."""
    answer, against = (scorer.classes.index(one) for one in (found.answer, found.against))

    def difference(one: NDArray[np.uint8]) -> float:
        logits = scorer.logits(one[None])[0]
        return float(logits[answer]) - float(logits[against])

    has_ink = image > (128 if scorer.ink == "> 128" else 0)
    rows, columns = np.nonzero(has_ink)
    ink: list[list[list[float]]] = [[[] for _ in range(28)] for _ in range(28)]
    gaps: list[list[list[float]]] = [[[] for _ in range(28)] for _ in range(28)]
    for top in range(0, 28, STEP):
        for left in range(0, 28, STEP):
            if max(top, left) > 28 - PATCH + STEP - 1:
                continue
            covered = [
                (row, column)
                for row in range(max(top, rows.min() - MARGIN), min(top + PATCH, rows.max() + MARGIN + 1, 28))
                for column in range(
                    max(left, columns.min() - MARGIN), min(left + PATCH, columns.max() + MARGIN + 1, 28)
                )
            ]
            takes_ink = any(has_ink[place] for place in covered)
            changed = image.copy()
            for place in covered:
                changed[place] = 0 if takes_ink else 255
            for row, column in covered:
                (ink if takes_ink else gaps)[row][column].append(found.difference - difference(changed))

    def mean(worth: list[list[list[float]]], where: NDArray[np.bool_]) -> Maps:
        means = [[float(np.mean(one)) if one else 0.0 for one in row] for row in worth]
        return np.where(where, means, 0).astype(np.float32)

    return mean(ink, has_ink), mean(gaps, ~has_ink)


def test_with_weights_at_random_the_map_is_another(published: Callable[[str], Published], v2: Scorer, digits):
    """A map that shows the drawing alone, whatever the model, would stay as it is."""
    artefact = read_artefact(published("v2.0").artefact)
    random = np.random.default_rng(0)

    def like(original: Scorer, changed: Scorer) -> float:
        """The mean correlation of both maps of evidence for the same class, over the ink of all digits."""
        found = []
        for image in digits:
            one, other = evidence(original, image).ink, evidence(changed, image).ink
            found.append(np.corrcoef(one[one != 0], other[one != 0])[0, 1])
        return float(np.mean(found))

    def with_weights(change: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Scorer:
        layers = tuple(replace(layer, weights=change(layer.weights)) for layer in artefact.layers)
        return as_scorer(replace(artefact, layers=layers))

    shuffled = with_weights(lambda weights: random.permutation(weights.ravel()).reshape(weights.shape))
    nearly = with_weights(lambda weights: weights * (1 + 0.01 * random.standard_normal(weights.shape)))
    assert like(v2, nearly) > 0.95
    assert abs(like(v2, shuffled)) < 0.3


def test_without_ink_there_is_no_evidence_and_nothing_to_say(v1: Scorer, v2: Scorer):
    for scorer in (v1, v2):
        for paper in (0, 128):
            found = evidence(scorer, np.full((28, 28), paper, np.uint8))
            assert not found.ink.any() and not found.gaps.any()
            assert found.paper == pytest.approx(found.difference, abs=1e-6)
            assert in_words(found) == []


def test_the_drawing_is_not_changed(v2: Scorer, digits):
    image = digits[0].copy()
    image.flags.writeable = False
    evidence(v2, image)
    np.testing.assert_array_equal(image, digits[0])


# -- in words ----------------------------------------------------------------------------------------------------------


def made(ink: Maps, gaps: Maps) -> Evidence:
    return Evidence("3", "8", ink, gaps, 0.0, 1.0, is_exact=False)


def spots(**worth: float) -> Maps:
    """A map that is 0 but in spots: t, m and b are above each other, l, c and r beside each other; all in 4 to 24."""
    worth_of = np.zeros((28, 28), np.float32)
    for name, value in worth.items():
        row, column = {"t": 5, "m": 13, "b": 22}[name[0]], {"l": 5, "c": 13, "r": 22}[name[1]]
        worth_of[row, column] = value
    return worth_of


ALL_OVER = {"tl": 0.1, "tr": 0.1, "bl": 0.1, "br": 0.1}
"""The drawing's corners."""


def test_the_gap_at_the_left_speaks_for_3_against_8():
    even = dict.fromkeys(("tl", "tc", "tr", "ml", "mr", "bl", "bc", "br"), 0.1)
    assert in_words(made(spots(**even), spots(ml=2, br=0.5))) == ["The gap at the left speaks for 3 against 8."]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("tl", "at the top left"),
        ("tc", "at the top"),
        ("tr", "at the top right"),
        ("ml", "at the left"),
        ("mc", "in the middle"),
        ("mr", "at the right"),
        ("bl", "at the bottom left"),
        ("bc", "at the bottom"),
        ("br", "at the bottom right"),
    ],
)
def test_each_place_has_its_name(place: str, words: str):
    ink = spots(**{**ALL_OVER, place: 5})
    assert in_words(made(ink, spots())) == [f"The ink {words} speaks for 3 against 8."]


def test_the_strongest_place_against_the_answer_is_named_too():
    said = in_words(made(spots(**ALL_OVER, mc=2, bc=-1), spots(tc=1, ml=-3)))
    assert said == [
        "The ink in the middle speaks for 3 against 8.",
        "The gap at the top speaks for 3 against 8.",
        "The gap at the left speaks for 8.",
    ]


def test_where_no_place_tells_more_than_others_none_is_named():
    even = np.zeros((28, 28), np.float32)
    even[4:25, 4:25] = 1
    assert in_words(made(even, spots())) == []


@pytest.mark.parametrize("column", [0, 13, 26])
def test_a_stroke_has_no_left_and_no_right(column: int):
    line = np.zeros((28, 28), np.float32)
    line[4:24, column] = 1
    line[4:10, column + 1] = 3
    assert in_words(made(line, spots())) == ["The ink at the top speaks for 3 against 8."]
    assert in_words(made(line.T, spots())) == ["The ink at the left speaks for 3 against 8."]
