"""What the reader gives for honest files: every supported pipeline, exactly; every other one, named.

Reading hostile files is tested in tests/attacks; whether the numbers equal scikit-learn's, with the model repository.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import Artefact, read_artefact
from tests.attacks.assemble import MISSING, Array, Call, Global, Instance, joblib_dump
from tests.attacks.honest import (
    FEATURES,
    NINE,
    binarizer,
    honest_pipeline,
    labels,
    logistic_regression,
    pipeline,
    random_state,
    sgd,
    tree,
    weights,
)

KINDS = ["LogisticRegression", "MLPClassifier"]
TEN = "0123456789"

both_kinds = pytest.mark.parametrize("kind", KINDS)


def refusal(tree: Any) -> ArtefactRefused:
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(joblib_dump(tree))
    return caught.value


# -- what comes out ------------------------------------------------------------------------------------------------


def test_a_logistic_regression_is_one_layer_from_features_to_classes():
    data = honest_pipeline("LogisticRegression", threshold=0.25)
    model = read_artefact(data)
    (layer,) = model.layers
    np.testing.assert_array_equal(layer.weights, weights(9, FEATURES).T)
    np.testing.assert_array_equal(layer.bias, weights(9))
    assert dataclasses.replace(model, layers=()) == Artefact(
        kind="LogisticRegression",
        classes=tuple(NINE),
        integer_labels=False,
        steps=(("binarize", "Binarizer"), ("clf", "LogisticRegression")),
        threshold=0.25,
        features=FEATURES,
        is_grey=False,
        activation="identity",
        layers=(),
        sklearn="1.9.1",
        sha256=hashlib.sha256(data).hexdigest(),
    )


def test_a_perceptron_is_its_layers_in_order():
    model = read_artefact(honest_pipeline("MLPClassifier", hidden=(7, 5), classes=TEN, activation="tanh"))
    assert (model.kind, model.activation, model.classes) == ("MLPClassifier", "tanh", tuple(TEN))
    assert [layer.weights.shape for layer in model.layers] == [(FEATURES, 7), (7, 5), (5, 10)]
    for layer in model.layers:
        np.testing.assert_array_equal(layer.weights, weights(*layer.weights.shape))
        np.testing.assert_array_equal(layer.bias, weights(*layer.bias.shape))


@both_kinds
@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_protocol_precision_and_memory_order_do_not_change_the_weights(
    kind: str, protocol: int, dtype: str, order: str
):
    model = read_artefact(honest_pipeline(kind, protocol=protocol, dtype=dtype, order=order))
    first = model.layers[0]
    assert first.weights.dtype == first.bias.dtype == np.dtype(dtype)
    expected = (
        weights(9, FEATURES, dtype=dtype).T if kind == "LogisticRegression" else weights(FEATURES, 5, dtype=dtype)
    )
    np.testing.assert_array_equal(first.weights, expected)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_every_activation_of_scikit_learn_is_read(activation: str):
    assert read_artefact(honest_pipeline("MLPClassifier", activation=activation)).activation == activation


@both_kinds
@pytest.mark.parametrize("sklearn", ["1.3.2", "1.4.2", "1.5.2", "1.6.1", "1.7.2", "1.8.0", "1.9.1"])
def test_files_of_scikit_learn_1_3_to_1_9_are_read(kind: str, sklearn: str):
    assert read_artefact(honest_pipeline(kind, sklearn=sklearn)).sklearn == sklearn


@pytest.mark.parametrize("numpy", [1, 2])
def test_files_of_numpy_1_and_2_are_read(numpy: int):
    """numpy 2 moved its numbers from numpy.core to numpy._core, and pickles a RandomState in another way."""
    assert read_artefact(honest_pipeline("MLPClassifier", numpy=numpy)).kind == "MLPClassifier"


@pytest.mark.parametrize(
    "state",
    [None, 0, 42, 2**32 - 1, random_state(numpy=1), random_state(), random_state(seed_sequence=True)],
    ids=["None", "0", "42", "largest", "RandomState of numpy 1", "RandomState", "RandomState of no seed"],
)
def test_any_random_state_is_read(state: Any):
    assert read_artefact(honest_pipeline(random_state=state)).kind == "LogisticRegression"
    assert (
        read_artefact(honest_pipeline("MLPClassifier", random_state=state, _random_state=state)).kind == "MLPClassifier"
    )


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"])
def test_every_solver_that_fits_one_softmax_is_read(solver: str):
    assert read_artefact(honest_pipeline(solver=solver)).kind == "LogisticRegression"


@pytest.mark.parametrize("sklearn", ["1.3.2", "1.5.2"])
def test_newton_cholesky_before_1_6_is_refused_because_it_was_one_versus_rest(sklearn: str):
    """scikit-learn 1.6 gave it a multinomial loss; softmax scores of an earlier one would be off by up to 0.2."""
    assert refusal(tree(sklearn=sklearn, solver="newton-cholesky")).code == "solver"


@pytest.mark.parametrize("solver, optimizer", [("sgd", sgd([weights(3)])), ("lbfgs", MISSING)])
def test_perceptrons_of_other_solvers_are_read(solver: str, optimizer: Any):
    assert read_artefact(honest_pipeline("MLPClassifier", solver=solver, _optimizer=optimizer)).kind == "MLPClassifier"


def test_a_perceptron_stopped_early_keeps_its_validation_scores():
    scores = [np.float64(0.5), np.float64(0.75)]
    changes = {"early_stopping": True, "validation_scores_": scores, "best_validation_score_": scores[1]}
    assert read_artefact(honest_pipeline("MLPClassifier", **changes)).kind == "MLPClassifier"


def test_an_array_without_padding_is_read_as_joblib_1_1_wrote_it():
    old = Array(weights(9, FEATURES), header={"numpy_array_alignment_bytes": MISSING})
    np.testing.assert_array_equal(read_artefact(honest_pipeline(coef_=old)).layers[0].weights, weights(9, FEATURES).T)


def test_arrays_that_nobody_uses_may_hold_anything_finite_or_not():
    """NaN in a loss curve is no reason to refuse a model whose weights are sound."""
    changes = {"loss_curve_": [np.float64("nan")], "_best_coefs": [np.full((2, 2), np.inf)]}
    assert read_artefact(honest_pipeline("MLPClassifier", **changes)).kind == "MLPClassifier"


def test_weights_at_the_limit_are_read():
    edge = np.full((9, FEATURES), 1e6)
    edge[0] = -1e6
    assert read_artefact(honest_pipeline(coef_=edge)).layers[0].weights.max() == 1e6


def test_steps_keep_their_own_names():
    model = read_artefact(joblib_dump(pipeline(("ink", binarizer()), ("digit_reader", logistic_regression()))))
    assert model.steps == (("ink", "Binarizer"), ("digit_reader", "LogisticRegression"))


@pytest.mark.parametrize("threshold, value", [(0, 0.0), (0.0, 0.0), (0.5, 0.5), (0.999, 0.999)])
def test_a_threshold_that_separates_0_from_1_is_read(threshold: float, value: float):
    assert read_artefact(honest_pipeline(threshold=threshold)).threshold == value


def test_a_binarizer_that_was_never_fitted_is_read():
    """scikit-learn 1.3 lets a stateless transformer be used without n_features_in_."""
    tree = pipeline(("b", binarizer(n_features_in_=MISSING)), ("c", logistic_regression()))
    assert read_artefact(joblib_dump(tree)).features == FEATURES


# -- frozen, and without side effects --------------------------------------------------------------------------------


@both_kinds
def test_the_record_and_its_arrays_cannot_be_changed(kind: str):
    model = read_artefact(honest_pipeline(kind))
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.threshold = 0.9
    for layer in model.layers:
        with pytest.raises(dataclasses.FrozenInstanceError):
            layer.bias = layer.bias
        for array in (layer.weights, layer.bias):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


@both_kinds
def test_reading_twice_gives_the_same_and_a_refusal_between_leaves_no_trace(kind: str):
    data = honest_pipeline(kind)
    first = read_artefact(data)
    with pytest.raises(ArtefactRefused):
        read_artefact(data[:-1])
    second = read_artefact(data)
    assert dataclasses.replace(first, layers=()) == dataclasses.replace(second, layers=())
    for one, other in zip(first.layers, second.layers, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    assert data == honest_pipeline(kind)


def test_the_digest_is_of_every_byte():
    one, other = honest_pipeline(C=1.0), honest_pipeline(C=2.0)
    assert read_artefact(one).sha256 == hashlib.sha256(one).hexdigest() != read_artefact(other).sha256


# -- honest, and not supported ---------------------------------------------------------------------------------------


def estimator(module: str, name: str, **state: Any) -> Instance:
    return Instance(Global(module, name), {"classes_": labels(), **state, "_sklearn_version": "1.9.1"})


TREE = Call(Global("sklearn.tree._tree", "Tree"), (12, np.array([9]), 1))
UNSUPPORTED = {
    "SVC": estimator("sklearn.svm._classes", "SVC", kernel="rbf", support_vectors_=weights(4, FEATURES)),
    "RandomForestClassifier": estimator("sklearn.ensemble._forest", "RandomForestClassifier", estimators_=[TREE]),
    "DecisionTreeClassifier": estimator("sklearn.tree._classes", "DecisionTreeClassifier", tree_=TREE),
    "KNeighborsClassifier": estimator("sklearn.neighbors._classification", "KNeighborsClassifier", n_neighbors=5),
    "CalibratedClassifierCV": estimator(
        "sklearn.calibration", "CalibratedClassifierCV", estimator=logistic_regression()
    ),
    "LogisticRegressionCV": estimator("sklearn.linear_model._logistic", "LogisticRegressionCV"),
    "SGDClassifier": estimator("sklearn.linear_model._stochastic_gradient", "SGDClassifier"),
    "GaussianNB": estimator("sklearn.naive_bayes", "GaussianNB"),
    "HistGradientBoostingClassifier": estimator(
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting", "HistGradientBoostingClassifier"
    ),
}
OTHER_FIRST_STEPS = {
    "RobustScaler": estimator("sklearn.preprocessing._data", "RobustScaler", center_=weights(FEATURES)),
    "MaxAbsScaler": estimator("sklearn.preprocessing._data", "MaxAbsScaler"),
    "TruncatedSVD": estimator("sklearn.decomposition._truncated_svd", "TruncatedSVD"),
    "FunctionTransformer": estimator(
        "sklearn.preprocessing._function_transformer", "FunctionTransformer", func=Global("__main__", "binarize")
    ),
}


def assert_named(error: ArtefactRefused, name: str) -> None:
    """The message names what was found, and what would be read."""
    assert name in str(error)
    for supported in ("Binarizer", "LogisticRegression", "MLPClassifier"):
        assert supported in str(error)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_classifier_of_another_kind_is_named_together_with_what_is_supported(name: str):
    error = refusal(pipeline(("binarize", binarizer()), ("clf", UNSUPPORTED[name])))
    assert error.code == "estimator"
    assert_named(error, name)


@pytest.mark.parametrize("name", OTHER_FIRST_STEPS)
def test_another_preprocessing_is_named_together_with_what_is_supported(name: str):
    error = refusal(pipeline(("scale", OTHER_FIRST_STEPS[name]), ("clf", logistic_regression())))
    assert error.code == "estimator"
    assert_named(error, name)


def test_a_classifier_of_another_library_is_named():
    boosted = Instance(Global("xgboost.sklearn", "XGBClassifier"), {"n_estimators": 100})
    error = refusal(pipeline(("binarize", binarizer()), ("clf", boosted)))
    assert error.code in ("estimator", "global")
    assert_named(error, "XGBClassifier")


@pytest.mark.parametrize("change", [{"solver": "liblinear"}, {"sklearn": "1.3.2", "multi_class": "ovr"}])
def test_a_one_versus_rest_regression_is_refused_because_it_is_no_softmax(change: dict[str, Any]):
    error = refusal(tree(**change))
    assert error.code == "solver"
    assert "softmax" in str(error)


def test_a_model_of_two_classes_is_refused():
    """scikit-learn stores one row of weights for two classes, and a sigmoid instead of a softmax."""
    assert refusal(tree(classes="12", coef_=weights(1, FEATURES), intercept_=weights(1))).code == "classes"


@pytest.mark.parametrize(
    "start, found",
    [(b"\x1f\x8b", "gzip"), (b"\x78\x9c", "zlib"), (b"BZh9", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"]\0\0\x80", "lzma")],
)
def test_a_compressed_file_is_refused_with_the_line_that_writes_it_uncompressed(start: bytes, found: str):
    with pytest.raises(ArtefactRefused, match="compress=0") as caught:
        read_artefact(start + bytes(100))
    assert (caught.value.code, caught.value.offset) == ("format", 0)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    "data, found, remedy",
    [
        (b"", "empty", ""),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
        (b"<!DOCTYPE html>", "HTML", "Download the file itself"),
        (b"PK\x03\x04", "zip", "joblib.dump(model, path)"),
        (b"\x80\x02}.", "protocol 2", "joblib.dump(model, path)"),
        (b"(dp0\n.", "no pickle of protocol 3, 4 or 5", "joblib.dump(model, path)"),
    ],
    ids=["empty", "LFS pointer", "HTML", "zip", "protocol 2", "protocol 0"],
)
def test_a_file_of_another_format_is_named_with_what_to_do(data: bytes, found: str, remedy: str):
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(data)
    assert (caught.value.code, caught.value.offset) == ("format", 0)
    assert found in str(caught.value)
    assert remedy in str(caught.value)


# -- one that was written elsewhere ----------------------------------------------------------------------------------


def upstream() -> Path:
    folder = os.environ.get("PIXELWISE_UPSTREAM")
    if not folder:
        pytest.skip("PIXELWISE_UPSTREAM is not set to a folder that holds digit_classifier_v1.pkl")
    return Path(folder) / "digit_classifier_v1.pkl"


def test_the_public_v1_artefact_is_read():
    model = read_artefact(upstream())
    assert model.sha256 == "2f634166ac9822f4b064cfe8afc39e99b8b0f228b2940515fdff148666ccf46a"
    assert (model.kind, model.classes, model.features) == ("LogisticRegression", tuple(NINE), 784)
    assert model.steps == (("binarize", "Binarizer"), ("clf", "LogisticRegression"))
    assert (model.threshold, model.sklearn) == (0.5, "1.8.0")
    assert [layer.weights.shape for layer in model.layers] == [(784, 9)]
