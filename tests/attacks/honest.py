"""Honest artefacts with small, fixed weights, as trees: every key that scikit-learn 1.3 to 1.9 writes.

Each part takes changes of its state by name (`coef_=...`, or MISSING to leave a key out), so that a hostile
variant is one line. `honest_pipeline()` gives the bytes; joblib and scikit-learn open them into a working pipeline.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.attacks.assemble import Call, Global, Instance, joblib_dump, replaced, scalar

NINE = "123456789"
FEATURES = 12
SKLEARN = "1.9.1"

PIPELINE = Global("sklearn.pipeline", "Pipeline")
BINARIZER = Global("sklearn.preprocessing._data", "Binarizer")
STANDARD_SCALER = Global("sklearn.preprocessing._data", "StandardScaler")
MIN_MAX_SCALER = Global("sklearn.preprocessing._data", "MinMaxScaler")
PCA = Global("sklearn.decomposition._pca", "PCA")
LABEL_BINARIZER = Global("sklearn.preprocessing._label", "LabelBinarizer")
LOGISTIC_REGRESSION = Global("sklearn.linear_model._logistic", "LogisticRegression")
MLP = Global("sklearn.neural_network._multilayer_perceptron", "MLPClassifier")
ADAM = Global("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer")
SGD = Global("sklearn.neural_network._stochastic_optimizers", "SGDOptimizer")


def weights(*shape: int, dtype: str = "f8", order: str = "C") -> np.ndarray:
    """Fixed numbers in [-1, 1] that no two cells of a small array share."""
    count = int(np.prod(shape))
    return np.asarray(np.cos(np.arange(1, count + 1)).reshape(shape), dtype=dtype, order=order)


def labels(classes: str | list[str] = NINE) -> np.ndarray:
    return np.array(list(classes))


def release(sklearn: str) -> tuple[int, ...]:
    return tuple(int(part) for part in sklearn.split("."))


def binarizer(*, features: int = FEATURES, sklearn: str = SKLEARN, **changes: Any) -> Instance:
    state = {"threshold": 0.5, "copy": True, "n_features_in_": features, "_sklearn_version": sklearn}
    return Instance(BINARIZER, replaced(state, changes))


def standard_scaler(
    *, features: int = FEATURES, dtype: str = "f8", sklearn: str = SKLEARN, numpy: int = 2, **changes: Any
) -> Instance:
    scale = 0.75 + weights(features, dtype=dtype) / 2
    state = {
        "with_mean": True,
        "with_std": True,
        "copy": True,
        "n_features_in_": features,
        "n_samples_seen_": scalar(np.int64(600), numpy=numpy),
        "mean_": 0.5 + weights(features, dtype=dtype) / 3,
        "var_": scale**2,
        "scale_": scale,
        "_sklearn_version": sklearn,
    }
    return Instance(STANDARD_SCALER, replaced(state, changes))


def min_max_scaler(*, features: int = FEATURES, dtype: str = "f8", sklearn: str = SKLEARN, **changes: Any) -> Instance:
    lowest, highest = 0.1 + weights(features, dtype=dtype) / 20, 0.9 + weights(features, dtype=dtype) / 20
    state = {
        "feature_range": (0, 1),
        "copy": True,
        "clip": False,
        "n_features_in_": features,
        "n_samples_seen_": 600,
        "scale_": 1 / (highest - lowest),
        "min_": -lowest / (highest - lowest),
        "data_min_": lowest,
        "data_max_": highest,
        "data_range_": highest - lowest,
        "_sklearn_version": sklearn,
    }
    return Instance(MIN_MAX_SCALER, replaced(state, changes))


def pca(*, features: int = FEATURES, axes: int = 5, sklearn: str = SKLEARN, numpy: int = 2, **changes: Any) -> Instance:
    variance = 2 + weights(axes)
    state = {
        "n_components": axes,
        "copy": True,
        "whiten": False,
        "svd_solver": "auto",
        "tol": 0.0,
        "iterated_power": "auto",
        "n_oversamples": 10,
        "power_iteration_normalizer": "auto",
        "random_state": None,
        "n_features_in_": features,
        "_fit_svd_solver": "covariance_eigh",
        "mean_": 0.5 + weights(features) / 3,
        "noise_variance_": scalar(np.float64(0.5), numpy=numpy),
        "n_samples_": 600,
        "n_components_": axes,
        "components_": weights(axes, features),
        "explained_variance_": variance,
        "explained_variance_ratio_": variance / 20,
        "singular_values_": np.sqrt(variance * 599),
        "_sklearn_version": sklearn,
    }
    return Instance(PCA, replaced(state, changes))


def logistic_regression(
    *,
    classes: str | list[str] = NINE,
    features: int = FEATURES,
    dtype: str = "f8",
    order: str = "C",
    sklearn: str = SKLEARN,
    **changes: Any,
) -> Instance:
    count = len(classes)
    written_by = release(sklearn)
    multi_class = {} if written_by >= (1, 8) else {"multi_class": "deprecated" if written_by >= (1, 5) else "auto"}
    state = {
        "penalty": "deprecated" if written_by >= (1, 8) else "l2",
        "C": 1.0,
        "l1_ratio": 0.0 if written_by >= (1, 8) else None,
        "dual": False,
        "tol": 0.0001,
        "fit_intercept": True,
        "intercept_scaling": 1,
        "class_weight": None,
        "random_state": 0,
        "solver": "lbfgs",
        "max_iter": 100,
        **multi_class,
        "verbose": 0,
        "warm_start": False,
        "n_jobs": None,
        "n_features_in_": features,
        "classes_": labels(classes),
        "n_iter_": np.array([12], dtype="i4"),
        "coef_": weights(count, features, dtype=dtype, order=order),
        "intercept_": weights(count, dtype=dtype),
        "_sklearn_version": sklearn,
    }
    return Instance(LOGISTIC_REGRESSION, replaced(state, changes))


def label_binarizer(*, classes: str | list[str] = NINE, sklearn: str = SKLEARN, **changes: Any) -> Instance:
    state = {
        "neg_label": 0,
        "pos_label": 1,
        "sparse_output": False,
        "y_type_": "multiclass",
        "sparse_input_": False,
        "classes_": labels(classes),
        "_sklearn_version": sklearn,
    }
    return Instance(LABEL_BINARIZER, replaced(state, changes))


def mlp(
    *,
    classes: str | list[str] = NINE,
    features: int = FEATURES,
    hidden: tuple[int, ...] = (5, 4),
    dtype: str = "f8",
    order: str = "C",
    sklearn: str = SKLEARN,
    numpy: int = 2,
    **changes: Any,
) -> Instance:
    widths = [features, *hidden, len(classes)]
    coefs = [weights(*pair, dtype=dtype, order=order) for pair in itertools.pairwise(widths)]
    intercepts = [weights(width, dtype=dtype) for width in widths[1:]]
    loss = scalar(np.float64(1.25), numpy=numpy)
    state = {
        "activation": "relu",
        "solver": "adam",
        "alpha": 0.0001,
        "batch_size": "auto",
        "learning_rate": "constant",
        "learning_rate_init": 0.001,
        "power_t": 0.5,
        "max_iter": 3,
        "loss": "log_loss",
        "hidden_layer_sizes": hidden,
        "shuffle": True,
        "random_state": 0,
        "tol": 0.0001,
        "verbose": False,
        "warm_start": False,
        "momentum": 0.9,
        "nesterovs_momentum": True,
        "early_stopping": False,
        "validation_fraction": 0.1,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-08,
        "n_iter_no_change": 10,
        "max_fun": 15000,
        "n_features_in_": features,
        "_label_binarizer": label_binarizer(classes=classes, sklearn=sklearn),
        "classes_": labels(classes),
        "n_outputs_": len(classes),
        "_random_state": random_state(numpy=numpy),
        "n_iter_": 3,
        "t_": 180,
        "n_layers_": len(widths),
        "out_activation_": "softmax",
        "coefs_": coefs,
        "intercepts_": intercepts,
        "_best_coefs": list(coefs),
        "_best_intercepts": list(intercepts),
        "loss_curve_": [scalar(np.float64(1.5), numpy=numpy), loss],
        "_no_improvement_count": 0,
        "best_loss_": loss,
        "validation_scores_": None,
        "best_validation_score_": None,
        "_optimizer": adam([*coefs, *intercepts], numpy=numpy),
        "loss_": loss,
        "_sklearn_version": sklearn,
    }
    return Instance(MLP, replaced(state, changes))


def adam(parameters: list[np.ndarray], *, numpy: int = 2) -> Instance:
    state = {
        "learning_rate_init": 0.001,
        "learning_rate": scalar(np.float64(0.0002), numpy=numpy),
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-08,
        "t": 3,
        "ms": [np.zeros_like(one) for one in parameters],
        "vs": [np.zeros_like(one) for one in parameters],
    }
    return Instance(ADAM, state)


def sgd(parameters: list[np.ndarray]) -> Instance:
    state = {
        "learning_rate_init": 0.001,
        "learning_rate": 0.001,
        "lr_schedule": "constant",
        "momentum": 0.9,
        "nesterov": True,
        "power_t": 0.5,
        "velocities": [np.zeros_like(one) for one in parameters],
    }
    return Instance(SGD, state)


def random_state(*, seed_sequence: bool = False, numpy: int = 2) -> Call:
    """A RandomState, as numpy 1 or 2 pickles it; numpy 2 adds a seed sequence when it was made from no seed."""
    module = "numpy.random._pickle"
    make_generator = Global(module, "__bit_generator_ctor")
    state = {**_mersenne_twister(), "has_gauss": 0, "gauss": 0.0}
    if numpy == 1:
        return Call(Global(module, "__randomstate_ctor"), ("MT19937", make_generator), state)
    generator_state = (_mersenne_twister(), _seed_sequence() if seed_sequence else None)
    generator = Call(make_generator, (Global("numpy.random._mt19937", "MT19937"),), generator_state)
    return Call(Global(module, "__randomstate_ctor"), (generator,), state)


def _mersenne_twister() -> dict[str, Any]:
    return {"bit_generator": "MT19937", "state": {"key": np.arange(624, dtype="u4"), "pos": 320}}


def _seed_sequence() -> Call:
    return Call(
        Global("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        (Global("numpy.random.bit_generator", "SeedSequence"), 65708578, None),
        (37222253729652456802084626894265584890, 0, np.arange(4, dtype="u4"), 4, ()),
    )


def pipeline(*steps: tuple[str, Any], sklearn: str = SKLEARN, **changes: Any) -> Instance:
    """A Pipeline of (name, estimator) pairs; without any, the usual two."""
    chosen = list(steps) or [("binarize", binarizer(sklearn=sklearn)), ("clf", logistic_regression(sklearn=sklearn))]
    state: Mapping[str, Any] = {"steps": chosen, "transform_input": None, "memory": None, "verbose": False}
    if release(sklearn) < (1, 6):
        state = {key: value for key, value in state.items() if key != "transform_input"}
    return Instance(PIPELINE, replaced({**state, "_sklearn_version": sklearn}, changes))


def tree(
    kind: str = "LogisticRegression",
    *,
    sklearn: str = SKLEARN,
    features: int = FEATURES,
    threshold: Any = 0.5,
    **changes: Any,
) -> Instance:
    """A whole pipeline; `changes` go to the classifier."""
    make = {"LogisticRegression": logistic_regression, "MLPClassifier": mlp}[kind]
    return pipeline(
        ("binarize", binarizer(features=features, sklearn=sklearn, threshold=threshold)),
        ("clf", make(features=features, sklearn=sklearn, **changes)),
        sklearn=sklearn,
    )


def scaled(
    *steps: Instance,
    classifier: Instance | None = None,
    axes: int = FEATURES,
    sklearn: str = SKLEARN,
    protocol: int = 4,
) -> bytes:
    """The bytes of a Pipeline of these steps, named s0, s1, ..., and a classifier of `axes` inputs behind them."""
    last = logistic_regression(features=axes, sklearn=sklearn) if classifier is None else classifier
    named = [(f"s{place}", step) for place, step in enumerate((*steps, last))]
    return joblib_dump(pipeline(*named, sklearn=sklearn), protocol=protocol)


def honest_pipeline(kind: str = "LogisticRegression", *, protocol: int = 4, **parts: Any) -> bytes:
    """The bytes of an artefact as `joblib.dump` writes it.

    Example: honest_pipeline("MLPClassifier", protocol=5, dtype="f4", classes="0123456789", activation="tanh").
    """
    return joblib_dump(tree(kind, **parts), protocol=protocol)
