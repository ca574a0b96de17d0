"""Files that are well-formed and would compute nonsense: weights, layers, activations, solvers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Call, Global
from tests.attacks.honest import honest_pipeline, weights
from tests.attacks.hostile import Hostile, hostile

NAN, INFINITY = float("nan"), float("inf")


def files() -> Iterator[Hostile]:
    yield from _logistic_weights()
    yield from _perceptrons()
    yield from _activations()
    yield from _solvers()


def _spoilt(shape: tuple[int, ...], value: float, *, at: int = -1) -> np.ndarray:
    array = weights(*shape)
    array.flat[at] = value
    return array


def _logistic_weights() -> Iterator[Hostile]:
    changes: dict[str, dict[str, Any]] = {
        "NaN": {"coef_": _spoilt((9, 12), NAN)},
        "NaN in the first cell": {"coef_": _spoilt((9, 12), NAN, at=0)},
        "infinite": {"coef_": _spoilt((9, 12), INFINITY)},
        "minus infinite": {"coef_": _spoilt((9, 12), -INFINITY)},
        "huge": {"coef_": _spoilt((9, 12), 1e300)},
        "a little too large": {"coef_": _spoilt((9, 12), 1.000001e6)},
        "very negative": {"coef_": _spoilt((9, 12), -1e7)},
        "NaN of float32": {"coef_": _spoilt((9, 12), NAN).astype("f4")},
        "intercept NaN": {"intercept_": _spoilt((9,), NAN)},
        "intercept infinite": {"intercept_": _spoilt((9,), INFINITY)},
        "intercept huge": {"intercept_": _spoilt((9,), 1e9)},
        "transposed": {"coef_": weights(12, 9)},
        "one row less": {"coef_": weights(8, 12)},
        "one row more": {"coef_": weights(10, 12)},
        "one column less": {"coef_": weights(9, 11)},
        "one row": {"coef_": weights(1, 12)},
        "flat": {"coef_": weights(108)},
        "three dimensions": {"coef_": weights(9, 12, 1)},
        "no dimension": {"coef_": weights(1).reshape(())},
        "no rows": {"coef_": weights(0, 12)},
        "integers": {"coef_": np.ones((9, 12), dtype="i8")},
        "bools": {"coef_": np.ones((9, 12), dtype=bool)},
        "text": {"coef_": np.full((9, 12), "1")},
        "a list": {"coef_": [[1.0] * 12] * 9},
        "None": {"coef_": None},
        "a number": {"coef_": 1.5},
        "intercept of one": {"intercept_": weights(1)},
        "intercept of ten": {"intercept_": weights(10)},
        "intercept a column": {"intercept_": weights(9, 1)},
        "intercept a number": {"intercept_": 0.0},
        "intercept integers": {"intercept_": np.zeros(9, dtype="i8")},
        "intercept missing": {"intercept_": MISSING},
    }
    for name, change in changes.items():
        codes = {"no rows": "array", "intercept missing": "attribute"}.get(name, "weights")
        yield hostile(f"weights {name}", honest_pipeline(**change), codes, name)


def _perceptrons() -> Iterator[Hostile]:
    """An honest one has layers 12 -> 5 -> 4 -> 9."""
    coefs, intercepts = [weights(12, 5), weights(5, 4), weights(4, 9)], [weights(5), weights(4), weights(9)]
    changes: dict[str, dict[str, Any]] = {
        "layers do not chain": {"coefs_": [coefs[0], weights(6, 4), coefs[2]]},
        "layers swapped": {"coefs_": [coefs[1], coefs[0], coefs[2]]},
        "first layer for other images": {"coefs_": [weights(13, 5), *coefs[1:]]},
        "last layer of ten": {"coefs_": [*coefs[:2], weights(4, 10)]},
        "one layer less": {"coefs_": coefs[:2]},
        "one intercept less": {"intercepts_": intercepts[:2]},
        "one intercept more": {"intercepts_": [*intercepts, weights(9)]},
        "no layers": {"coefs_": [], "intercepts_": [], "n_layers_": 1},
        "forty layers": {"coefs_": [weights(12, 12)] * 39 + [weights(12, 9)],
                         "intercepts_": [weights(12)] * 39 + [weights(9)], "n_layers_": 41},
        "a layer of width 0": {"coefs_": [weights(12, 0), weights(0, 4), coefs[2]],
                               "intercepts_": [weights(0), *intercepts[1:]]},
        "a layer of width 9000": {"coefs_": [weights(12, 9000), weights(9000, 9)],
                                  "intercepts_": [weights(9000), weights(9)], "n_layers_": 3},
        "a layer flat": {"coefs_": [coefs[0], weights(20), coefs[2]]},
        "a layer of three dimensions": {"coefs_": [weights(12, 5, 1), *coefs[1:]]},
        "a layer None": {"coefs_": [None, *coefs[1:]]},
        "a layer of integers": {"coefs_": [np.ones((12, 5), dtype="i8"), *coefs[1:]]},
        "a layer NaN": {"coefs_": [_spoilt((12, 5), NAN), *coefs[1:]]},
        "the last layer infinite": {"coefs_": [*coefs[:2], _spoilt((4, 9), INFINITY)]},
        "a layer huge": {"coefs_": [coefs[0], _spoilt((5, 4), 1e200), coefs[2]]},
        "an intercept NaN": {"intercepts_": [intercepts[0], _spoilt((4,), NAN), intercepts[2]]},
        "an intercept of another width": {"intercepts_": [weights(4), *intercepts[1:]]},
        "coefs an array": {"coefs_": weights(3, 12, 5)},
        "coefs a tuple": {"coefs_": tuple(coefs)},
        "coefs a dict": {"coefs_": {"0": coefs[0]}},
        "coefs missing": {"coefs_": MISSING},
        "intercepts missing": {"intercepts_": MISSING},
        "layer count lies": {"n_layers_": 3},
        "layer count True": {"n_layers_": True},
        "layer count missing": {"n_layers_": MISSING},
    }  # fmt: skip
    for name, change in changes.items():
        codes = "array" if name == "a layer of width 0" else "attribute" if "missing" in name else "weights"
        yield hostile(f"perceptron: {name}", honest_pipeline("MLPClassifier", **change), codes, name)


def _activations() -> Iterator[Hostile]:
    for name, activation in {
        "softplus": "softplus",
        "upper case": "ReLU",
        "empty": "",
        "None": None,
        "a list": ["relu"],
        "missing": MISSING,
        "an array": np.array(["relu", "relu"]),
        "numbers": np.zeros(2),
        "code": "__import__('os')",
    }.items():
        data = honest_pipeline("MLPClassifier", activation=activation)
        codes = "attribute" if activation is MISSING else "activation"
        yield hostile(f"activation {name}", data, codes, "another function than the promised")
    for name, activation in {
        "logistic": "logistic",
        "identity": "identity",
        "None": None,
        "missing": MISSING,
        "an array": np.array(["softmax"] * 2),
    }.items():
        data = honest_pipeline("MLPClassifier", out_activation_=activation)
        codes = "attribute" if activation is MISSING else "activation"
        yield hostile(f"output activation {name}", data, codes, "scores that do not sum to one")


def _solvers() -> Iterator[Hostile]:
    for name, change in {
        "liblinear": {"solver": "liblinear"},
        "multi_class ovr": {"sklearn": "1.3.2", "multi_class": "ovr"},
        "newton-cholesky before 1.6": {"sklearn": "1.5.2", "solver": "newton-cholesky"},
        "multi_class of 1.9": {"multi_class": "ovr"},
        "multi_class an array": {"multi_class": np.array(["auto", "auto"])},
        "multi_class None": {"multi_class": None},
        "solver unknown": {"solver": "my-solver"},
        "solver None": {"solver": None},
        "solver missing": {"solver": MISSING},
        "solver an array": {"solver": np.array(["lbfgs", "lbfgs"])},
        "solver numbers": {"solver": weights(3)},
        "solver a call": {"solver": Call(Global("numpy.random._pickle", "__randomstate_ctor"), ("lbfgs",))},
    }.items():
        note = "one-versus-rest: probabilities, but no softmax"
        codes = {"solver missing": "attribute", "solver a call": "random"}.get(name, "solver")
        yield hostile(f"solver: {name}", honest_pipeline(**change), codes, note)
