"""Foretold rounding of float32, against sums in float32 that are added up number after number, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.formats import read_model
from app.model.onnx.network import Dense, ImageNetwork
from app.model.onnx.reader import read_image_network
from app.model.onnx.rounding import Foretold, foretold_logits, logit_errors, score_errors
from app.model.refusals import ArtefactRefused
from tests.attacks.onnx_files import FLOAT, Net, encode

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 784), dtype=np.uint8)


def network_of(net: Net) -> ImageNetwork:
    return read_image_network(encode(net.end()), lambda: "unit")[1]


def in_float32(network: ImageNetwork, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The logits; numpy's running sums are added up one after the other."""
    values = images * np.float32(network.pixels.factor)
    for stage in network.stages:
        assert isinstance(stage.linear, Dense)
        terms = values[:, :, None] * stage.linear.weights
        values = np.add.accumulate(terms, axis=1)[:, -1] + stage.linear.bias
        if stage.activation == "relu":
            values = np.maximum(values, 0)
    return values


@pytest.mark.parametrize("gain", [1, 5])
@pytest.mark.parametrize("hidden", [0, 30, 300])
def test_foretold_errors_are_those_of_sums_one_after_the_other(hidden: int, gain: float):
    net = Net(gain=gain).add("Cast", to=FLOAT).add("Mul", np.float32(1 / 255)).add("Flatten")
    inputs = 784
    if hidden:
        net.gemm(784, hidden).add("Relu")
        inputs = hidden
    network = network_of(net.gemm(inputs, 10))
    foretold = foretold_logits(network, IMAGES)
    measured = np.sqrt(np.mean((in_float32(network, IMAGES) - foretold.values) ** 2))
    assert 0.5 * measured <= np.sqrt(np.mean(foretold.variances)) <= 3 * measured
    assert not foretold.shifts.any()


def test_a_sure_score_does_not_move_and_an_even_one_by_a_quarter_of_a_difference():
    scores = np.array([[1.0, 0.0], [0.5, 0.5]])
    alone = Foretold(scores, np.full((2, 2), 16.0), np.zeros((2, 2)))
    assert np.allclose(score_errors(scores, alone), [[0, 0], [2, 2]])
    together = Foretold(scores, np.zeros((2, 2)), np.array([[4.0, 0.0]] * 2))
    assert np.allclose(score_errors(scores, together), [[0, 0], [1, 1]])
    assert np.allclose(logit_errors(together), 16)


def test_units_that_are_all_off_alike_are_refused_where_their_sum_is_off():
    """1,024 logistic units around -8, whose outputs are summed: onnxruntime's scores are 1.4e-5 away."""

    def file(weight: float) -> bytes:
        net = Net().add("Cast", to=FLOAT).add("Mul", np.float32(1 / 255)).add("Flatten")
        net.add("Gemm", (Net().chance.normal(size=(784, 1024)) * 0.01).astype("f4"), np.full(1024, -8, "f4"))
        last = np.zeros((1024, 10), "f4")
        last[:, 0] = weight
        return encode(net.add("Sigmoid").add("MatMul", last).end())

    assert read_model(file(0.2)).kind == "Perceptron"
    with pytest.raises(ArtefactRefused, match="float32 may be off by"):
        read_model(file(2))
