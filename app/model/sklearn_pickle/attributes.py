"""The attributes that an estimator in an artefact may have: a closed list for each class, so that none shadows a
method, and none that scikit-learn uses is missing or of the wrong type.

Source: the output of scikit-learn 1.3 to 1.9 for a fitted pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from app.model.sklearn_pickle.names import (
    ADAM,
    BINARIZER,
    LABEL_BINARIZER,
    LOGISTIC_REGRESSION,
    MIN_MAX_SCALER,
    MLP,
    PCA,
    PIPELINE,
    RANDOM_STATE,
    SGD,
    STANDARD_SCALER,
    Global,
)
from app.model.sklearn_pickle.numpy_forms import is_built

Rule = Callable[[object], bool]


def wrong_attribute(of: Global, state: Mapping[str, Any]) -> str | None:
    """The fault in the attributes of an instance of `of`, or None."""
    required, optional = ATTRIBUTES[of]
    for name in state:
        if name not in required and name not in optional:
            return f"{of.name} with the attribute {name[:80]!a}, which scikit-learn does not write"
    for name, holds in {**required, **optional}.items():
        if name not in state:
            if name in required:
                return f"{of.name} without the attribute {name}" + (" (was it fitted?)" if name.endswith("_") else "")
        elif not holds(state[name]):
            return f"{of.name} whose attribute {name} is no value that scikit-learn gives it"
    return None


def _flag(value: object) -> bool:
    return type(value) is bool


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


def _number(value: object) -> bool:
    return type(value) in (int, float)


def _text(value: object) -> bool:
    return type(value) is str


def _nothing(value: object) -> bool:
    return value is None


def _array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _floats(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _range(value: object) -> bool:
    return type(value) is tuple and len(value) == 2 and all(map(_number, value))


def _arrays(value: object) -> bool:
    return type(value) is list and all(map(_array, value))


def _names(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.ndim == 1


def _numbers(value: object) -> bool:
    return type(value) is list and all(map(_number, value))


def _counts(value: object) -> bool:
    return type(value) in (list, tuple) and all(map(_count, value))  # type: ignore[call-overload]  # the type is checked


def _slices(value: object) -> bool:
    """True for lbfgs's slices of a weight array, by layer: [(start, end, shape), ...]; intercepts have no shape."""
    return type(value) is list and all(type(part) is tuple and len(part) <= 3 and _slice(*part) for part in value)


def _slice(start: object = None, end: object = None, shape: object = ()) -> bool:
    return _count(start) and _count(end) and type(shape) is tuple and len(shape) <= 2 and all(map(_count, shape))


def _random_state(value: object) -> bool:
    return value is None or _count(value) or is_built(value, RANDOM_STATE)


def _optimizer(value: object) -> bool:
    if not is_built(value, ADAM, SGD):
        return False
    return wrong_attribute(value.of, value.state) is None  # type: ignore[attr-defined]  # an Instance


def _class_weight(value: object) -> bool:
    if type(value) is dict:
        return all(map(_number, value.values()))
    return value is None or type(value) is str


def _one_of(*checks: Rule) -> Rule:
    return lambda value: any(holds(value) for holds in checks)


def _only(*values: object) -> Rule:
    return lambda value: any(type(value) is type(one) and value == one for one in values)


def _seen_to(value: object) -> bool:
    """True for any value: `artefact.py` checks it where it is used."""
    return True


_REQUIRED: dict[Global, dict[str, Rule]] = {
    PIPELINE: {"steps": _seen_to, "memory": _nothing, "verbose": _flag, "_sklearn_version": _seen_to},
    BINARIZER: {"threshold": _seen_to, "copy": _flag, "_sklearn_version": _seen_to},
    STANDARD_SCALER: {
        "with_mean": _flag,
        "with_std": _flag,
        "copy": _flag,
        "n_features_in_": _seen_to,
        "n_samples_seen_": _number,
        "mean_": _one_of(_nothing, _floats),
        "var_": _one_of(_nothing, _floats),
        "scale_": _one_of(_nothing, _floats),
        "_sklearn_version": _seen_to,
    },
    MIN_MAX_SCALER: {
        "feature_range": _range,
        "copy": _flag,
        "clip": _flag,
        "n_features_in_": _seen_to,
        "n_samples_seen_": _number,
        "scale_": _floats,
        "min_": _floats,
        "data_min_": _floats,
        "data_max_": _floats,
        "data_range_": _floats,
        "_sklearn_version": _seen_to,
    },
    PCA: {
        "n_components": _one_of(_nothing, _number, _text),
        "copy": _flag,
        "whiten": _flag,
        "svd_solver": _text,
        "tol": _number,
        "iterated_power": _one_of(_number, _text),
        "n_oversamples": _number,
        "power_iteration_normalizer": _text,
        "random_state": _random_state,
        "n_features_in_": _seen_to,
        "_fit_svd_solver": _text,
        "mean_": _floats,
        "noise_variance_": _number,
        "n_samples_": _count,
        "n_components_": _seen_to,
        "components_": _floats,
        "explained_variance_": _floats,
        "explained_variance_ratio_": _floats,
        "singular_values_": _floats,
        "_sklearn_version": _seen_to,
    },
    LABEL_BINARIZER: {
        "neg_label": _only(0),
        "pos_label": _only(1),
        "sparse_output": _only(False),
        "sparse_input_": _only(False),
        "y_type_": _only("multiclass"),
        "classes_": _seen_to,
        "_sklearn_version": _seen_to,
    },
    LOGISTIC_REGRESSION: {
        "penalty": _one_of(_nothing, _text),
        "C": _number,
        "l1_ratio": _one_of(_nothing, _number),
        "dual": _flag,
        "tol": _number,
        "fit_intercept": _flag,
        "intercept_scaling": _number,
        "class_weight": _class_weight,
        "random_state": _random_state,
        "solver": _seen_to,
        "max_iter": _number,
        "verbose": _one_of(_flag, _number),
        "warm_start": _flag,
        "n_jobs": _one_of(_nothing, _number),
        "n_features_in_": _seen_to,
        "classes_": _seen_to,
        "n_iter_": _array,
        "coef_": _seen_to,
        "intercept_": _seen_to,
        "_sklearn_version": _seen_to,
    },
    MLP: {
        "activation": _seen_to,
        "solver": _only("adam", "sgd", "lbfgs"),
        "alpha": _number,
        "batch_size": _one_of(_text, _number),
        "learning_rate": _text,
        "learning_rate_init": _number,
        "power_t": _number,
        "max_iter": _number,
        "loss": _text,
        "hidden_layer_sizes": _one_of(_count, _counts, _array),
        "shuffle": _flag,
        "random_state": _random_state,
        "tol": _number,
        "verbose": _one_of(_flag, _number),
        "warm_start": _flag,
        "momentum": _number,
        "nesterovs_momentum": _flag,
        "early_stopping": _flag,
        "validation_fraction": _number,
        "beta_1": _number,
        "beta_2": _number,
        "epsilon": _number,
        "n_iter_no_change": _number,
        "max_fun": _number,
        "n_features_in_": _seen_to,
        "_label_binarizer": _seen_to,
        "classes_": _seen_to,
        "n_outputs_": _seen_to,
        "_random_state": _random_state,
        "n_iter_": _count,
        "t_": _number,
        "n_layers_": _seen_to,
        "out_activation_": _seen_to,
        "coefs_": _seen_to,
        "intercepts_": _seen_to,
        "loss_": _number,
        "_sklearn_version": _seen_to,
    },
    ADAM: {
        "learning_rate_init": _number,
        "learning_rate": _number,
        "beta_1": _number,
        "beta_2": _number,
        "epsilon": _number,
        "t": _count,
        "ms": _arrays,
        "vs": _arrays,
    },
    SGD: {
        "learning_rate_init": _number,
        "learning_rate": _number,
        "lr_schedule": _text,
        "momentum": _number,
        "nesterov": _flag,
        "power_t": _number,
        "velocities": _arrays,
    },
}

_OPTIONAL: dict[Global, dict[str, Rule]] = {
    PIPELINE: {"transform_input": _nothing},  # from scikit-learn 1.6 on
    BINARIZER: {"n_features_in_": _seen_to, "feature_names_in_": _names},  # once fitted; once fitted on a DataFrame
    STANDARD_SCALER: {"feature_names_in_": _names},
    MIN_MAX_SCALER: {"feature_names_in_": _names},
    PCA: {"feature_names_in_": _names},
    LOGISTIC_REGRESSION: {"multi_class": _seen_to, "feature_names_in_": _names},  # until scikit-learn 1.7
    MLP: {
        "feature_names_in_": _names,
        "loss_curve_": _numbers,
        "_no_improvement_count": _count,
        "best_loss_": _one_of(_nothing, _number),
        "validation_scores_": _one_of(_nothing, _numbers),
        "best_validation_score_": _one_of(_nothing, _number),
        "_best_coefs": _arrays,
        "_best_intercepts": _arrays,
        "_coef_indptr": _slices,
        "_intercept_indptr": _slices,
        "_optimizer": _optimizer,
    },
}

ATTRIBUTES = {of: (required, _OPTIONAL.get(of, {})) for of, required in _REQUIRED.items()}
"""For each class: the attributes that it must have and those that it may have, with the checks of their values."""
