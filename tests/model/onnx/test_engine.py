"""The engine of networks of images, against the same stages computed plainly, number by number in float64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.engine import Engine, Layer
from app.model.onnx import engine
from app.model.onnx.engine import ImageEngine
from app.model.onnx.network import Convolution, Dense, ImageNetwork, Pixels, Stage, Window
from app.model.onnx.reader import read_image_network
from app.model.refusals import ArtefactRefused
from tests.attacks.odd_onnx import random_network
from tests.attacks.onnx_files import encode, perceptron, small
from tests.model.test_engine import artefact

ACTIVATIONS = {
    "relu": lambda value: max(value, 0.0),
    "tanh": math.tanh,
    "logistic": lambda value: 1 / (1 + math.exp(-value)),
    "identity": lambda value: value,
}
Map = list[list[list[float]]]


def network_of(file: list[tuple[int, object]]) -> ImageNetwork:
    return read_image_network(encode(file), lambda: "unit")[1]


def plainly(network: ImageNetwork, image: NDArray[np.uint8]) -> list[float]:
    """The definition: channels of rows of numbers, one window after the other."""
    pixels = network.pixels
    numbers = [float(value > 128) if pixels.is_ink else float(value) for value in image.ravel().tolist()]
    values: list[float] = [pixels.factor * value + pixels.offset for value in numbers]
    for stage in network.stages:
        layer = stage.linear
        activate = ACTIVATIONS[stage.activation]
        if isinstance(layer, Dense):
            columns = layer.weights.T.astype(float).tolist()
            pairs = zip(columns, layer.bias.tolist(), strict=True)
            values = [activate(math.fsum(w * v for w, v in zip(c, values, strict=True)) + b) for c, b in pairs]
            continue
        maps = convolved(layer, as_map(values, layer.shape))
        for pool in stage.pools:
            maps = [pooled(rows, pool) for rows in maps]
        values = [activate(value) for rows in maps for row in rows for value in row]
    powers = [math.exp(value - max(values)) for value in values]
    return [power / math.fsum(powers) for power in powers]


def as_map(values: Sequence[float], shape: tuple[int, ...]) -> Map:
    _, height, width = shape if len(shape) == 3 else (1, 28, 28)
    rows = [list(values[start : start + width]) for start in range(0, len(values), width)]
    return [rows[start : start + height] for start in range(0, len(rows), height)]


def convolved(layer: Convolution, maps: Map) -> Map:
    top, left, bottom, right = layer.pads
    wide = len(maps[0][0]) + left + right
    padded = [
        [[0.0] * wide] * top + [[0.0] * left + row + [0.0] * right for row in rows] + [[0.0] * wide] * bottom
        for rows in maps
    ]
    (high, across), (down, step) = layer.window.size, layer.window.strides
    _, out_high, out_wide = layer.output

    def at(weights: Map, bias: float, y: int, x: int) -> float:
        places = itertools.product(range(len(padded)), range(high), range(across))
        return bias + math.fsum(weights[c][i][j] * padded[c][y * down + i][x * step + j] for c, i, j in places)

    pairs = zip(layer.weights.astype(float).tolist(), layer.bias.tolist(), strict=True)
    return [[[at(w, b, y, x) for x in range(out_wide)] for y in range(out_high)] for w, b in pairs]


def pooled(rows: list[list[float]], window: Window) -> list[list[float]]:
    (high, wide), (down, across) = window.size, window.strides
    ys, xs = range(0, len(rows) - high + 1, down), range(0, len(rows[0]) - wide + 1, across)
    return [[max(rows[y + i][x + j] for i in range(high) for j in range(wide)) for x in xs] for y in ys]


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    chance = np.random.default_rng(0)
    return np.concatenate([chance.integers(0, 256, (2, 28, 28), dtype=np.uint8), np.zeros((1, 28, 28), np.uint8)])


@pytest.mark.parametrize("number", range(12))
def test_scores_are_those_of_the_plain_computation(images: NDArray[np.uint8], number: int):
    network = network_of(random_network(number))
    expected = [plainly(network, image) for image in images]
    for precision in (np.float32, np.float64):
        assert np.abs(ImageEngine(network, precision).scores(images) - expected).max() <= 1e-5


def test_pixels_are_scaled_moved_and_padded_with_zeros_of_the_moved_scale(images: NDArray[np.uint8]):
    chance = np.random.default_rng(3)
    layer = Convolution(chance.normal(size=(2, 1, 5, 5)).astype("f4"), np.ones(2, "f4"), Window((5, 5), (6, 6)),
                        (2, 1, 0, 4), (1, 28, 28))  # fmt: skip
    inputs = math.prod(layer.output)
    last = Dense(chance.normal(size=(inputs, 3)).astype("f4") / 9, np.zeros(3, "f4"), layer.output)
    for pixels in (Pixels(False, 0.01, 0.0), Pixels(False, 0.01, -0.7), Pixels(True, 2.0, -1.0)):
        network = ImageNetwork(("1", "2", "3"), pixels, (Stage(layer, activation="relu"), Stage(last)))
        expected = [plainly(network, image) for image in images]
        assert np.abs(ImageEngine(network).scores(images) - expected).max() <= 1e-5


def test_a_perceptron_is_computed_as_the_other_engine_computes_it():
    network = network_of(perceptron(hidden=30))
    layers = tuple(Layer(stage.linear.weights, stage.linear.bias) for stage in network.stages)
    model = artefact(30, activation="relu", classes=network.classes)
    object.__setattr__(model, "layers", layers)
    many = np.random.default_rng(1).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    assert np.abs(ImageEngine(network).scores(many) - Engine(model).scores(many)).max() <= 1e-6


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 250])
def test_blocks_are_seamless(count: int):
    engine = ImageEngine(network_of(small()))
    many = np.random.default_rng(1).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    one_by_one = [engine.scores(many[index : index + 1])[0] for index in range(count)]
    assert engine.scores(many).shape == (count, 3)
    assert np.allclose(engine.scores(many), np.reshape(one_by_one, (count, 3)), atol=1e-5)


def test_any_form_of_784_pixels_gives_the_same(images: NDArray[np.uint8]):
    engine = ImageEngine(network_of(small()))
    expected = engine.scores(images)
    for form in ((-1, 784), (-1, 1, 28, 28)):
        assert np.array_equal(engine.scores(images.reshape(form)), expected)
    assert np.array_equal(engine.scores(images[:, ::-1, ::-1][:, ::-1, ::-1]), expected)


def test_a_result_is_the_caller_s_own_and_images_are_not_changed(images: NDArray[np.uint8]):
    engine, before = ImageEngine(network_of(small())), images.copy()
    first = engine.scores(images)
    kept = first.copy()
    engine.scores(images[::-1])
    assert np.array_equal(first, kept)
    assert np.array_equal(images, before)
    assert first.dtype == np.float32


def test_threads_do_not_share_what_they_compute_in():
    engine = ImageEngine(network_of(small()))
    chance = np.random.default_rng(2)
    batches = [chance.integers(0, 256, (size, 28, 28), dtype=np.uint8) for size in (1, 7, 80, 200) * 5]
    alone = [engine.scores(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for got, expected in zip(pool.map(engine.scores, batches * 3), alone * 3, strict=True):
            assert np.array_equal(got, expected)


@pytest.mark.parametrize("limit", ["LOGIT_ERROR", "SCORE_ERROR"])
def test_precision_follows_the_error_of_float32_on_this_processor(monkeypatch: pytest.MonkeyPatch, limit: str):
    network = network_of(small())
    assert ImageEngine(network).precision == np.float32
    monkeypatch.setattr(engine, limit, 0.0)
    assert ImageEngine(network).precision == np.float64


@pytest.mark.parametrize("limit", ["LOGIT_ROUNDING", "SCORE_ROUNDING"])
def test_too_large_a_rounding_is_refused(monkeypatch: pytest.MonkeyPatch, limit: str):
    monkeypatch.setattr(engine, limit, 0.0)
    with pytest.raises(ArtefactRefused, match="float32 may be off by") as caught:
        ImageEngine(network_of(small()))
    assert caught.value.remedy.startswith("Its numbers are too large for float32")


def test_inexact_float32_kernels_cost_speed_and_refuse_no_file(monkeypatch: pytest.MonkeyPatch):
    exact = ImageEngine.logits

    def inexact(self: ImageEngine, images: NDArray[np.uint8]) -> NDArray[np.floating]:
        return exact(self, images) * (1.01 if self.precision == np.float32 else 1)

    monkeypatch.setattr(ImageEngine, "logits", inexact)
    assert ImageEngine(network_of(small())).precision == np.float64


@pytest.mark.parametrize("gain", [10, 100, 1000])
def test_logits_so_large_that_float32_does_not_hold_their_differences_are_refused(gain: float):
    """All probe images may be sure ones; of an image between two classes the score would be rounding."""
    with pytest.raises(ArtefactRefused, match="float32 may be off by"):
        ImageEngine(network_of(small(gain=gain, seed=2)))
