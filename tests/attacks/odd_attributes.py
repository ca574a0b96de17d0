"""Odd attributes: every one that honest files have, missing or of another kind; and ones that no honest file has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Instance, joblib_dump
from tests.attacks.honest import binarizer, label_binarizer, labels, logistic_regression, mlp, tree, weights
from tests.attacks.odd import PIXELS, Odd

LINEAR, NETWORK = "LogisticRegression", "MLPClassifier"
PLACES = {
    "Pipeline": LINEAR,
    "Binarizer": LINEAR,
    LINEAR: LINEAR,
    NETWORK: NETWORK,
    "LabelBinarizer": NETWORK,
    "AdamOptimizer": NETWORK,
}

# Attributes and methods of the classes, which an entry of the state of the same name would hide.
SHADOWS: dict[str, tuple[str, ...]] = {
    "Pipeline": (
        *("predict", "predict_proba", "predict_log_proba", "decision_function", "classes_", "_final_estimator"),
        *("_iter", "named_steps", "n_features_in_", "feature_names_in_", "_validate_steps"),
        *("_can_transform", "_log_message", "__sklearn_is_fitted__", "__sklearn_tags__", "get_params"),
        *("_sk_visual_block_", "_estimator_type"),
    ),
    "Binarizer": (
        *("transform", "fit_transform", "feature_names_in_", "_check_n_features", "_validate_data", "set_output"),
        *("_sklearn_auto_wrap_output_keys", "_parameter_constraints", "_validate_params", "__sklearn_tags__"),
        *("get_feature_names_out", "_more_tags", "_get_tags"),
    ),
    LINEAR: (
        *("predict", "predict_proba", "decision_function", "predict_log_proba", "_predict_proba_lr", "densify"),
        *("sparsify", "feature_names_in_", "_validate_data", "_check_feature_names", "__sklearn_tags__", "multi_class"),
        *("_estimator_type", "n_classes_", "penalty_"),
    ),
    NETWORK: (
        *("predict", "predict_proba", "_predict", "_forward_pass", "_forward_pass_fast", "_validate_input"),
        *("feature_names_in_", "_check_feature_names", "partial_fit", "__sklearn_tags__", "predict_log_proba"),
    ),
    "LabelBinarizer": ("inverse_transform", "transform", "fit", "n_classes_", "multilabel_", "__sklearn_tags__"),
    "AdamOptimizer": ("update_params", "iteration_ends"),
}  # fmt: skip
SPECIAL = ("__class__", "__dict__", "__getattribute__", "__getattr__", "__setstate__", "__reduce__", "__module__",
           "__doc__", "__init__", "__len__", "__getitem__", "__array__", "__call__", "__sklearn_clone__", "", "x",
           "a.b", "1", "_repr_html_", "_metadata_request", "__slots__", "__weakref__", "__hash__")  # fmt: skip


def files() -> Iterator[Odd]:
    for place in PLACES:
        for key in _state(tree(PLACES[place], features=PIXELS), place):
            for name, value in (("missing", MISSING), ("None", None), ("a text", "odd"), ("a list", [])):
                yield _changed(place, key, name, value)
        for key in (*SHADOWS[place], *SPECIAL):
            yield _changed(place, key, "there", None)
        for key in SHADOWS[place][:2]:
            yield _changed(place, key, "a Binarizer", binarizer(features=PIXELS))
            yield _changed(place, key, "a text", "odd")
    for place, key, values in _values():
        for value in values:
            yield _changed(place, key, _shown(value), value)


def _values() -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Values that are of the right kind, and not what an honest file of this shape says."""
    output = (
        {"transform": "default"},
        {"transform": "pandas"},
        {"transform": "polars"},
        {"transform": 1},
        {"x": 1},
        {},
        (),
    )
    for place in ("Pipeline", "Binarizer", LINEAR, NETWORK, "LabelBinarizer"):
        yield place, "_sklearn_output_config", output
        yield place, "_sklearn_version", ("1.8.0", "1.3.0", "2.0.0", "1.9", "0.1", "1.9.1rc1", "pre-0.18", 1.9, True)
    yield "Pipeline", "verbose", (True, 1, 0, np.bool_(True), "yes")
    yield "Pipeline", "memory", (False, "", 0, {})
    yield "Pipeline", "transform_input", ([], ["X"], False)
    yield "Binarizer", "copy", (False, 0, 1, np.bool_(True), 2, 1.0, -1)
    yield "Binarizer", "threshold", (0, 0.0, np.float64(0.5), np.float32(0.25), np.int64(0), 0.999, 1e-300, -0.0, False)
    yield "Binarizer", "n_features_in_", (784.0, np.int64(784), 783, 785, True)
    yield LINEAR, "n_features_in_", (784.0, np.int64(784), 783, 785)
    yield LINEAR, "solver", ("newton-cg", "newton-cholesky", "sag", "saga", "liblinear", "LBFGS", np.str_("lbfgs"))
    yield LINEAR, "multi_class", ("auto", "multinomial", "deprecated", "ovr", "warn", None, 1)
    yield LINEAR, "penalty", ("l1", "l2", "elasticnet", "none", np.str_("l2"), 1)
    yield LINEAR, "random_state", (0, np.int64(0), -1, 1 << 70, 0.5, True)
    yield LINEAR, "n_jobs", (1, 2, -1, 10**6, 0, 1.5)
    yield LINEAR, "class_weight", ("balanced", {"1": 2.0}, {})
    yield LINEAR, "dual", (True, 0, 1)
    yield LINEAR, "C", (0, -1.0, float("nan"), float("inf"), np.float64(1), 1)
    yield LINEAR, "verbose", (1, 10, -1, True)
    yield NETWORK, "activation", ("identity", "tanh", "logistic", "RELU", "softmax", "sigmoid", np.str_("relu"))
    yield NETWORK, "out_activation_", ("logistic", "identity", "relu", "tanh", np.str_("softmax"), "softMax")
    yield NETWORK, "n_outputs_", (1, 2, 8, 10, 9.0, np.int64(9), True, 0, -9)
    yield NETWORK, "n_layers_", (4.0, np.int64(4), 3, 5, True, 2)
    yield NETWORK, "solver", ("sgd", "lbfgs", "ADAM", np.str_("adam"))
    yield NETWORK, "loss", ("squared_error", "poisson", "binary_log_loss", np.str_("log_loss"))
    yield NETWORK, "hidden_layer_sizes", ([5, 4], (5,), 5, (5, 4, 3), (0,), np.array([5, 4]), (5.0, 4.0))
    yield NETWORK, "n_features_in_", (784.0, np.int64(784), 783, 785)
    yield NETWORK, "early_stopping", (True, 1, np.bool_(True))
    yield NETWORK, "batch_size", (1, 0, -1, 10**9, 0.5)
    yield NETWORK, "verbose", (True, 1, 10)
    yield NETWORK, "classes_", (labels("012345678"), labels("987654321"))
    yield NETWORK, "_label_binarizer", (binarizer(), logistic_regression(), mlp(), label_binarizer(classes="12345678"))
    yield "LabelBinarizer", "y_type_", ("binary", "multiclass-multioutput", "multilabel-indicator", "continuous",
                                        "unknown", "MULTICLASS", np.str_("multiclass"), 1, True)  # fmt: skip
    yield "LabelBinarizer", "sparse_input_", (True, 1, 0, np.bool_(True), np.bool_(False), 0.0)
    yield "LabelBinarizer", "sparse_output", (True, 1, 0, np.bool_(True))
    yield "LabelBinarizer", "pos_label", (0, 2, -1, 1.0, np.int64(1), True, 1 << 70, -3)
    yield "LabelBinarizer", "neg_label", (1, 2, -1, 0.0, np.int64(0), False, 0.5)
    yield "LabelBinarizer", "classes_", (labels("012345678"), labels("123456798"), np.array(list("123456789"), "U3"))
    yield "LabelBinarizer", "n_features_in_", (9, 784)
    yield "AdamOptimizer", "ms", ((), [None], [weights(3)])


def _state(root: Instance, place: str) -> dict[str, Any]:
    (_, before), (_, classifier) = root.state["steps"]
    found: Instance = {
        "Pipeline": root,
        "Binarizer": before,
        "LabelBinarizer": classifier.state.get("_label_binarizer"),
        "AdamOptimizer": classifier.state.get("_optimizer"),
    }.get(place, classifier)
    state: dict[str, Any] = found.state
    return state


def _changed(place: str, key: str, name: str, value: Any) -> Odd:
    root = tree(PLACES[place], features=PIXELS)
    state = _state(root, place)
    if value is MISSING:
        del state[key]
    else:
        state[key] = value
    return Odd(f"{place}: {key or 'an attribute without name'} {name}", joblib_dump(root))


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {''.join(map(str, value.tolist()))}"
    return f"{value.of.name} of {value.state['_sklearn_version']}" if isinstance(value, Instance) else repr(value)
