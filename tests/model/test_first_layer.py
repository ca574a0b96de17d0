"""The units of a first layer that are shown: the strongest, where each looks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.model.first_layer import MOST, first_layer
from app.model.formats import read_model
from app.model.onnx.reader import read_image_network
from app.model.scorer import no_card
from app.model.sklearn_pickle.artefact import read_artefact
from tests.installation import Published


def test_the_strongest_by_the_weights_in_and_out_come_first_and_no_more_than_a_page_holds():
    chance = np.random.default_rng(0)
    fields, following = chance.normal(size=(40, 5, 5)), chance.normal(size=(40, 7))
    fields[17] *= 100  # the next layer does not listen to it
    following[17] = 0
    fields[3] *= 10
    layer = first_layer(fields, following)
    assert layer is not None
    assert (layer.units, layer.fields.shape, layer.is_moved) == (40, (MOST, 5, 5), True)
    strength = np.linalg.norm(fields, axis=(1, 2)) * np.linalg.norm(following, axis=1)
    order = np.argsort(-strength)[:MOST]
    assert order[0] == 3 and 17 not in order
    np.testing.assert_allclose(layer.fields, fields[order] / np.abs(fields[order]).max(), rtol=1e-6)


def test_a_unit_that_sees_all_pixels_has_a_field_like_the_image_and_of_other_numbers_of_pixels_there_is_none():
    layer = first_layer(np.eye(3, 784), np.ones((3, 2)))
    assert layer is not None
    assert (layer.fields.shape, layer.is_moved, layer.fields[2].reshape(-1)[2]) == ((3, 28, 28), False, 1)
    assert first_layer(np.eye(3, 64), np.ones((3, 2))) is None


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e300])
def test_weights_of_any_size_have_fields_that_are_numbers(size: float):
    layer = first_layer(np.full((2, 784), size), np.full((2, 3), size))
    assert layer is not None
    assert np.isfinite(layer.fields).all()


def test_that_of_a_perceptron_is_in_its_own_pixels(published: Callable[[str], Published]):
    artefact = published("v2.0").artefact
    layer, first = read_model(artefact).first_layer, read_artefact(artefact).layers[0].weights
    assert layer is not None
    assert layer.units == first.shape[1]
    columns = first.T / np.abs(first).max()
    strongest = layer.fields[0].reshape(784)
    assert np.abs(np.corrcoef(np.vstack([strongest, columns]))[0, 1:]).max() > 0.999


def test_that_of_a_convolution_has_its_windows_and_a_linear_model_has_none(published: Callable[[str], Published]):
    artefact = published("v3.0").artefact
    layer, (_, network) = read_model(artefact).first_layer, read_image_network(artefact, no_card)
    first = network.stages[0].linear.weights
    assert layer is not None
    assert (layer.units, layer.fields.shape[1:]) == (len(first), first.shape[2:])
    assert read_model(published("v1.0").artefact).first_layer is None
