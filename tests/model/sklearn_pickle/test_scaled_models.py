"""Models that take grey values, or begin with a scaler: folded exactly, and only where a card states the scale.

Whether scikit-learn gives the same scores is tested in tests/attacks/test_differential_scaled.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.contract import Scale
from app.model.engine import Engine
from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import Artefact, read_artefact
from app.model.sklearn_pickle.format import SKLEARN_PICKLE
from tests.attacks.assemble import MISSING, Instance, joblib_dump
from tests.attacks.honest import (
    FEATURES,
    binarizer,
    honest_pipeline,
    logistic_regression,
    min_max_scaler,
    mlp,
    pca,
    scaled,
    standard_scaler,
    weights,
)

SCALES: tuple[Scale, ...] = ("ink", "unit", "byte")
PIXELS = np.random.default_rng(0).integers(0, 256, (50, FEATURES), dtype=np.uint8)
EXACT = 1e-12


def read(data: bytes, scale: Scale | None = "unit") -> Artefact:
    return read_artefact(data, lambda: scale)


def refusal(data: bytes, scale: Scale | None = "unit") -> ArtefactRefused:
    with pytest.raises(ArtefactRefused) as caught:
        read(data, scale)
    return caught.value


def inputs(scale: Scale) -> NDArray[np.float64]:
    return {"ink": (PIXELS > 128).astype(float), "unit": PIXELS / 255, "byte": PIXELS.astype(float)}[scale]


def transformed(values: NDArray[np.float64], step: Instance) -> NDArray[np.float64]:
    """What scikit-learn's `transform` computes, one step at a time."""
    state = step.state
    match step.of.name:
        case "Binarizer":
            return (values > state["threshold"]).astype(float)
        case "StandardScaler":
            values = values - state["mean_"] if state["with_mean"] else values
            return values / state["scale_"] if state["with_std"] else values
        case "MinMaxScaler":
            return values * state["scale_"] + state["min_"]
    values = (values - state["mean_"]) @ state["components_"].T
    return values / np.sqrt(state["explained_variance_"]) if state["whiten"] else values


def assert_scores(model: Artefact, values: NDArray[np.float64], classifier: Instance) -> None:
    """`values` are what the classifier is given; its scores are compared with those of the pixels."""
    state = classifier.state
    layers = (
        [(state["coef_"].T, state["intercept_"])]
        if "coef_" in state
        else list(zip(state["coefs_"], state["intercepts_"], strict=True))
    )
    for place, (weight, bias) in enumerate(layers):
        values = values @ weight + bias
        values = np.maximum(values, 0) if place < len(layers) - 1 else values
    promised = np.exp(values - values.max(axis=1, keepdims=True))
    promised /= promised.sum(axis=1, keepdims=True)
    logits = Engine(model, np.float64).logits(PIXELS)
    np.testing.assert_allclose(logits, values - values[:, -1:], rtol=0, atol=EXACT * max(1, np.abs(values).max()))
    assert np.abs(Engine(model).scores(PIXELS) - promised).max() < 1e-5


STEPS = {
    "none": (),
    "StandardScaler": (standard_scaler(),),
    "StandardScaler without mean": (standard_scaler(with_mean=False),),
    "StandardScaler without deviation": (standard_scaler(with_std=False, scale_=None, var_=None),),
    "StandardScaler of nothing": (
        standard_scaler(with_mean=False, with_std=False, mean_=None, scale_=None, var_=None),
    ),
    "MinMaxScaler": (min_max_scaler(),),
    "MinMaxScaler of float32": (min_max_scaler(dtype="f4"),),
    "PCA": (pca(),),
    "PCA, whitened": (pca(whiten=True),),
    "PCA of all axes": (pca(axes=FEATURES, n_components=None),),
    "PCA of one axis": (pca(axes=1),),
    "StandardScaler, PCA": (standard_scaler(), pca(whiten=True)),
    "PCA, StandardScaler": (pca(), standard_scaler(features=5)),
    "four": (min_max_scaler(), standard_scaler(), pca(axes=7), pca(features=7, axes=3, whiten=True)),
    "Binarizer, StandardScaler": (binarizer(), standard_scaler()),
    "Binarizer, PCA, MinMaxScaler": (binarizer(), pca(), min_max_scaler(features=5)),
}


def width(steps: tuple[Instance, ...]) -> int:
    """Outputs of these steps."""
    count: int = FEATURES
    for step in steps:
        count = step.state.get("n_components_", count)
    return count


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("make", [logistic_regression, mlp], ids=["linear", "network"])
@pytest.mark.parametrize("name", STEPS)
def test_scores_are_those_of_the_steps_one_by_one(name: str, make: Any, scale: Scale):
    steps = STEPS[name]
    is_ink = scale == "ink" or name.startswith("Binarizer")
    classifier = make(features=width(steps))
    model = read(scaled(*steps, classifier=classifier), scale)
    values = inputs("ink" if is_ink else scale)
    for step in steps:
        values = transformed(values, step)
    assert_scores(model, values, classifier)
    assert (model.features, model.is_grey) == (FEATURES, not is_ink)
    assert model.threshold == (0.5 if name.startswith("Binarizer") else None)
    assert [kind for _, kind in model.steps] == [step.of.name for step in (*steps, classifier)]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("classifier", [logistic_regression(), mlp()], ids=["linear", "network"])
def test_a_bare_classifier_is_read_and_has_no_steps(classifier: Instance, scale: Scale):
    model = read(joblib_dump(classifier), scale)
    assert_scores(model, inputs(scale), classifier)
    assert model.steps == ()
    assert model.kind == classifier.of.name


@pytest.mark.parametrize("sklearn", ["1.3.2", "1.4.2", "1.5.2", "1.6.1", "1.7.2", "1.8.0", "1.9.1"])
def test_scalers_of_scikit_learn_1_3_to_1_9_are_read(sklearn: str):
    steps = (standard_scaler(sklearn=sklearn, numpy=1), min_max_scaler(sklearn=sklearn), pca(sklearn=sklearn, numpy=1))
    assert read(scaled(*steps, axes=5, sklearn=sklearn)).sklearn == sklearn


@pytest.mark.parametrize(
    "step",
    [
        pca(n_components="mle"),
        pca(n_components=0.9, noise_variance_=0.0),
        pca(svd_solver="randomized", iterated_power=3, random_state=0),
        pca(copy=False),
        standard_scaler(n_samples_seen_=np.float64(600)),
        min_max_scaler(feature_range=(-1.0, 1)),
        standard_scaler(feature_names_in_=np.array([f"p{number}" for number in range(FEATURES)])),
    ],
)
def test_what_scikit_learn_writes_in_rarer_cases_is_read(step: Instance):
    assert read(scaled(step, axes=width((step,)))).layers


def test_a_folded_layer_cannot_be_changed():
    layer = read(scaled(standard_scaler())).layers[0]
    assert layer.weights.dtype == layer.bias.dtype == np.float64
    for array in (layer.weights, layer.bias):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_the_model_states_its_ink_rule_and_its_steps():
    grey = SKLEARN_PICKLE.read(scaled(standard_scaler()), lambda: "byte")
    assert (grey.ink, grey.threshold) == ("grey", None)
    assert grey.stated["steps"] == {"s0": "StandardScaler", "s1": "LogisticRegression"}
    ink = SKLEARN_PICKLE.read(joblib_dump(logistic_regression()), lambda: "ink")
    assert (ink.ink, ink.threshold, ink.stated["steps"]) == ("> 128", None, {})


# -- the scale ---------------------------------------------------------------------------------------------------------


def test_a_model_that_begins_with_a_binarizer_asks_for_no_scale():
    def never() -> Scale:
        raise AssertionError("asked")

    for data in (honest_pipeline(), scaled(binarizer(), standard_scaler())):
        assert not read_artefact(data, never).is_grey


OPEN = {
    "a bare LogisticRegression": joblib_dump(logistic_regression()),
    "a bare MLPClassifier": joblib_dump(mlp()),
    "a model whose first step is LogisticRegression": scaled(),
    "a model whose first step is StandardScaler": scaled(standard_scaler()),
    "a model whose first step is MinMaxScaler": scaled(min_max_scaler()),
    "a model whose first step is PCA": scaled(pca(), axes=5),
}


@pytest.mark.parametrize("first", OPEN)
def test_without_a_stated_scale_it_is_refused_with_the_words_to_add(first: str):
    error = refusal(OPEN[first], None)
    assert error.code == "scale"
    assert error.found == f"{first}: its file does not say which numbers it takes for pixels"
    for words in ("ink: grey, scale: unit}`", "`ink: grey, scale: byte`", '`ink: "> 128", scale: ink`', "the card"):
        assert words in error.remedy


BYTES = {
    "means": scaled(standard_scaler(mean_=np.linspace(0, 139, FEATURES))),
    "maxima": scaled(min_max_scaler(data_max_=np.full(FEATURES, 255.0))),
    "means of a PCA": scaled(pca(mean_=np.linspace(0, 139, FEATURES)), axes=5),
}


@pytest.mark.parametrize("name", BYTES)
def test_what_was_fitted_on_bytes_is_told_so(name: str):
    error = refusal(BYTES[name], None)
    assert error.remedy.count("scale:") == error.remedy.count("ink: grey, scale: byte}`") == 1
    for scale in ("ink", "unit"):
        error = refusal(BYTES[name], scale)
        assert (error.code, f"`scale: {scale}`" in error.found) == ("scale", True)
        assert "ink: grey, scale: byte}`" in error.remedy
    assert read(BYTES[name], "byte").is_grey


def test_a_mean_of_one_that_rounding_made_a_little_larger_is_no_byte():
    assert read(scaled(standard_scaler(mean_=np.full(FEATURES, 1 + 1e-12))), "unit").is_grey


def test_a_file_that_is_refused_anyway_asks_for_no_scale():
    assert refusal(scaled(standard_scaler(scale_=np.zeros(FEATURES))), None).code == "weights"


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "remedy"),
    [
        (min_max_scaler(clip=True), "MinMaxScaler(clip=False)"),
        (standard_scaler(copy=False), "copy=True"),
        (min_max_scaler(copy=False), "copy=True"),
        (pca(mean_=weights(FEATURES, dtype="f4")), "X.astype(float)"),
        (pca(whiten=True, explained_variance_=np.array([1, 1, 1, 1, 1e-13])), "with fewer axes"),
    ],
    ids=["clip", "copy", "copy of MinMaxScaler", "float32", "a variance of nothing"],
)
def test_a_remedy_helps_in_the_very_case(step: Instance, remedy: str):
    assert remedy in refusal(scaled(step, axes=width((step,)))).remedy


# -- rounding ----------------------------------------------------------------------------------------------------------


def test_means_that_cancel_what_rounding_leaves_are_refused():
    """(x - 1e6) / 1e-6 keeps 4 of 16 digits of a pixel; folded, none."""
    for scale in (1e-6, 1e-4):
        steep = standard_scaler(mean_=np.full(FEATURES, 1e6), scale_=np.full(FEATURES, scale))
        error = refusal(scaled(steep), "byte")
        assert (error.code, "rounding" in error.found) == ("weights", True)
    assert read(scaled(standard_scaler(mean_=np.full(FEATURES, 139.0))), "byte").layers


def test_two_scalers_that_undo_each_other_are_judged_by_what_lies_between():
    far = min_max_scaler(min_=np.full(FEATURES, 1e6), scale_=np.full(FEATURES, 1e6))
    back = standard_scaler(mean_=np.full(FEATURES, 1e6), scale_=np.full(FEATURES, 1e6))
    assert read(scaled(far, back)).layers
    deep = standard_scaler(mean_=np.full(FEATURES, 1e6), scale_=np.ones(FEATURES))
    assert (
        refusal(scaled(far, deep, classifier=logistic_regression(coef_=1e3 * weights(9, FEATURES)))).code == "weights"
    )


def test_the_same_network_is_bounded_more_tightly_for_bytes_than_for_ink():
    coefs = [1e5 * weights(FEATURES, 5), weights(5, 4), weights(4, 9)]
    data = scaled(classifier=mlp(coefs_=coefs))
    assert read(data, "ink").layers
    assert read(data, "unit").layers
    assert refusal(data, "byte").code == "weights"


UNUSED = ("_optimizer", "_best_coefs", "_best_intercepts")


def test_a_small_file_cannot_make_a_large_layer():
    """8,192 x 8,192 numbers from 2 x 8,192."""
    wide = 8192
    parts = {"coefs_": [1e-3 * weights(1, wide), 1e-3 * weights(wide, 9)], "intercepts_": [weights(wide), weights(9)]}
    network = mlp(features=1, hidden=(wide,), **parts, **dict.fromkeys(UNUSED, MISSING))
    data = scaled(pca(features=wide, axes=1), classifier=network)
    assert len(data) < 2 << 20
    error = refusal(data)
    assert (error.code, "536,870,912 bytes" in error.found) == ("weights", True)
