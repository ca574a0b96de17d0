"""The engine against the same layers computed plainly, in float64, one image at a time."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.contract import SCORE_TOLERANCE
from app.model.engine import ACTIVATIONS, BLOCK_ROWS, Engine, Layer
from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import ACTIVATIONS as READABLE
from app.model.sklearn_pickle.artefact import Artefact, read_artefact
from tests.installation import Published

DIGITS = tuple("0123456789")


def artefact(
    *hidden: int,
    activation: str = "identity",
    classes: tuple[str, ...] = DIGITS[1:],
    dtype: str = "f8",
    scale: float = 1,
) -> Artefact:
    """A model of 784 features with fixed random weights; without hidden layers a logistic regression."""
    chance = np.random.default_rng(len(hidden) + len(classes))
    widths = [784, *hidden, len(classes)]
    layers = tuple(
        Layer(
            (scale * chance.normal(size=(before, after)) / math.sqrt(before)).astype(dtype),
            (scale * chance.normal(size=after)).astype(dtype),
        )
        for before, after in itertools.pairwise(widths)
    )
    kind = "MLPClassifier" if hidden else "LogisticRegression"
    steps = (("binarize", "Binarizer"), ("clf", kind))
    return Artefact(kind, classes, False, steps, 0.5, 784, False, activation, layers, "1.9.1", "0" * 64)


PLAIN = {
    "relu": lambda value: max(value, 0.0),
    "tanh": math.tanh,
    "logistic": lambda value: 1 / (1 + math.exp(-value)),
    "identity": lambda value: value,
}


def plainly(model: Artefact, image: NDArray[np.uint8]) -> list[float]:
    """The definition, number by number: ink above 128 or the grey values, layers, softmax."""
    values = [float(pixel if model.is_grey else pixel > 128) for pixel in image.ravel().tolist()]
    for number, layer in enumerate(model.layers):
        weights, bias = layer.weights.astype("f8").T.tolist(), layer.bias.astype("f8").tolist()
        sums = [
            math.fsum(w * v for w, v in zip(column, values, strict=True)) + b
            for column, b in zip(weights, bias, strict=True)
        ]
        is_last = number == len(model.layers) - 1
        values = sums if is_last else [PLAIN[model.activation](value) for value in sums]
    powers = [math.exp(value - max(values)) for value in values]
    return [power / math.fsum(powers) for power in powers]


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """Noise of all grey values, around the ink rule, and blank."""
    chance = np.random.default_rng(0)
    edge = chance.integers(126, 131, (4, 28, 28), dtype=np.uint8)
    return np.concatenate([chance.integers(0, 256, (6, 28, 28), dtype=np.uint8), edge, np.zeros((1, 28, 28), np.uint8)])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("hidden", [(), (20,), (30, 12)], ids=str)
def test_scores_are_those_of_the_plain_computation(
    images: NDArray[np.uint8], hidden: tuple[int, ...], activation: str, dtype: str
):
    model = artefact(*hidden, activation=activation, dtype=dtype)
    expected = [plainly(model, image) for image in images]
    assert np.abs(Engine(model).scores(images) - expected).max() <= 1e-5


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_grey_values_are_taken_as_they_are(images: NDArray[np.uint8], activation: str):
    model = dataclasses.replace(artefact(20, activation=activation, scale=0.05), is_grey=True)
    expected = [plainly(model, image) for image in images]
    assert np.abs(Engine(model).scores(images) - expected).max() <= 1e-5
    black_and_white = np.where(images > 128, np.uint8(255), np.uint8(0))
    assert np.abs(Engine(model).scores(black_and_white) - expected).max() > 1e-3


def test_every_activation_that_can_be_read_can_be_computed():
    assert set(READABLE) == set(ACTIVATIONS) == set(PLAIN)


@pytest.mark.parametrize("count", [3, 9, 10])
def test_any_number_of_classes_works(images: NDArray[np.uint8], count: int):
    model = artefact(classes=DIGITS[:count])
    scores = Engine(model).scores(images)
    assert scores.shape == (len(images), count)
    assert np.abs(scores - [plainly(model, image) for image in images]).max() <= 1e-5


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_huge_weights_give_scores_and_no_warning(images: NDArray[np.uint8], activation: str):
    """1e6 is the largest weight that is read; warnings are errors here."""
    model = artefact(8, activation=activation, scale=1e6)
    scores = Engine(model).scores(images)
    assert np.isfinite(scores).all()
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("highest", [79.5, 80.5, 87.0, 89.0, 1e3])
@pytest.mark.parametrize("sign", [1, -1])
def test_logits_around_the_reach_of_exp_give_the_plain_scores(highest: float, sign: int):
    """A blank image gives the biases alone; relative to the last class they are up to `highest` in both directions."""
    bias = sign * np.array([highest, highest - 1, highest / 2, -highest, 0.0])
    model = artefact(classes=DIGITS[:5])
    model = dataclasses.replace(model, layers=(Layer(model.layers[0].weights, bias),))
    blank = np.zeros((3, 28, 28), np.uint8)
    assert np.abs(Engine(model).scores(blank) - plainly(model, blank[0])).max() <= 1e-5


def test_scores_are_float32_and_each_row_sums_to_1(images: NDArray[np.uint8]):
    scores = Engine(artefact(20, activation="relu")).scores(images)
    assert scores.dtype == np.float32
    assert (scores >= 0).all()
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("hidden", [(), (20,)], ids=str)
@pytest.mark.parametrize("count", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 7])
def test_blocks_are_seamless(count: int, hidden: tuple[int, ...]):
    engine = Engine(artefact(*hidden, activation="tanh"))
    many = np.random.default_rng(1).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    one_by_one = [engine.scores(many[index : index + 1])[0] for index in range(count)]
    assert engine.scores(many).shape == (count, 9)
    assert np.allclose(engine.scores(many), np.reshape(one_by_one, (count, 9)), atol=1e-5)


def test_rows_of_784_pixels_give_what_images_give(images: NDArray[np.uint8]):
    engine = Engine(artefact())
    assert np.array_equal(engine.scores(images.reshape(-1, 784)), engine.scores(images))


def test_a_result_is_the_caller_s_own_and_later_calls_leave_it_alone(images: NDArray[np.uint8]):
    engine = Engine(artefact(20, activation="relu"))
    first = engine.scores(images)
    kept = first.copy()
    engine.scores(images[::-1])
    assert np.array_equal(first, kept)


def test_threads_do_not_share_what_they_compute_in():
    engine = Engine(artefact(40, 20, activation="relu"))
    chance = np.random.default_rng(2)
    batches = [chance.integers(0, 256, (size, 28, 28), dtype=np.uint8) for size in (1, 7, 80, 200) * 10]
    alone = [engine.scores(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for got, expected in zip(pool.map(engine.scores, batches * 3), alone * 3, strict=True):
            assert np.array_equal(got, expected)


def test_the_artefact_and_the_images_are_not_changed(images: NDArray[np.uint8]):
    model = artefact(20, activation="logistic")
    before = [layer.weights.copy() for layer in model.layers], images.copy()
    Engine(model).scores(images)
    assert all(np.array_equal(layer.weights, kept) for layer, kept in zip(model.layers, before[0], strict=True))
    assert np.array_equal(images, before[1])


# -- float32 where it is exact enough, else float64 ----------------------------------------------------------------


def steep(scale: float) -> Artefact:
    """Weights that nearly cancel: the sums are small, their parts are not."""
    model = artefact()
    (layer,) = model.layers
    return dataclasses.replace(model, layers=(Layer(layer.weights * scale, layer.bias),))


def test_a_model_whose_float32_scores_are_too_far_off_is_computed_in_float64():
    images = np.random.RandomState(3).randint(0, 256, (500, 28, 28)).astype(np.uint8)
    mild, wild = steep(1), steep(300)
    assert (Engine(mild).precision, Engine(wild).precision) == (np.float32, np.float64)
    exact = Engine(wild, np.float64).scores(images)
    assert np.abs(Engine(wild, np.float32).scores(images) - exact).max() > SCORE_TOLERANCE
    assert np.abs(Engine(wild).scores(images) - exact).max() <= 1e-7
    assert Engine(wild).scores(images).dtype == np.float32


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v2.0"])
def test_our_own_releases_are_computed_in_float32(published: Callable[[str], Published], version: str):
    assert Engine(read_artefact(published(version).artefact)).precision is np.float32


def test_a_model_without_finite_scores_is_refused():
    model = artefact()
    (layer,) = model.layers
    spoilt = dataclasses.replace(model, layers=(Layer(np.full_like(layer.weights, np.nan), layer.bias),))
    with pytest.raises(ArtefactRefused, match="no numbers that sum to 1"), np.errstate(invalid="ignore"):
        Engine(spoilt)
