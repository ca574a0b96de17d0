"""Odd models: pipelines of another form, versions, and weights at the edges of what numbers can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import Call, Global, Instance, joblib_dump
from tests.attacks.honest import binarizer, label_binarizer, mlp, pipeline, tree, weights
from tests.attacks.odd import PIXELS, Odd, linear, network, of_parts, parts

TEN = "0123456789"


def files() -> Iterator[Odd]:
    yield from _forms()
    yield from _versions()
    yield from _weights()
    yield from _deep_networks()


def _forms() -> Iterator[Odd]:
    before, classifier = parts()
    forms: dict[str, Any] = {
        "steps a tuple": pipeline(steps=(("binarize", before), ("clf", classifier))),
        "steps as lists": pipeline(steps=[["binarize", before], ["clf", classifier]]),
        "a step None": pipeline(("binarize", before), ("none", None), ("clf", classifier)),
        "a step passthrough": pipeline(("binarize", before), ("none", "passthrough"), ("clf", classifier)),
        "without Binarizer": pipeline(("clf", classifier)),
        "the Binarizer None": pipeline(("binarize", None), ("clf", classifier)),
        "two Binarizers": pipeline(("binarize", before), ("again", binarizer(features=PIXELS)), ("clf", classifier)),
        "a pipeline inside": pipeline(("binarize", before), ("clf", pipeline(("clf", classifier)))),
        "a pipeline first": pipeline(("binarize", pipeline(("b", before))), ("clf", classifier)),
        "the bare classifier": classifier,
        "in a list": [pipeline()],
        "in a tuple": (pipeline(),),
        "in a dictionary": {"model": pipeline()},
        "names with underscores": pipeline(("binarize__x", before), ("clf", classifier)),
        "a name that is a parameter": pipeline(("steps", before), ("memory", classifier)),
        "a name that is verbose": pipeline(("verbose", before), ("clf", classifier)),
        "names of one letter": pipeline(("a", before), ("b", classifier)),
        "a name of numpy text": pipeline((np.str_("binarize"), before), ("clf", classifier)),
        "a class for the Binarizer": pipeline(("binarize", before.of), ("clf", classifier)),
        "a class for the classifier": pipeline(("binarize", before), ("clf", classifier.of)),
        "a label binarizer first": pipeline(("binarize", label_binarizer()), ("clf", classifier)),
        "an imblearn pipeline": Instance(Global("imblearn.pipeline", "Pipeline"), pipeline().state),
        "an older module's name": Instance(Global("sklearn.pipeline", "Pipeline"), pipeline().state),
        "the class from its package": pipeline(("binarize", before), ("clf", Instance(
            Global("sklearn.linear_model", "LogisticRegression"), classifier.state))),
        "a class with arguments": Instance(Global("sklearn.pipeline", "Pipeline"), pipeline().state, args=([],)),
        "made by copyreg": Call(Global("copyreg", "_reconstructor"), (
            Global("sklearn.pipeline", "Pipeline"), Global("builtins", "object"), None), pipeline().state),
        "state a pair": Instance(Global("sklearn.pipeline", "Pipeline"), (None, pipeline().state)),
        "state None": Instance(Global("sklearn.pipeline", "Pipeline"), None),
        "LogisticRegressionCV": pipeline(("binarize", before), ("clf", Instance(
            Global("sklearn.linear_model._logistic", "LogisticRegressionCV"), classifier.state))),
        "MLPRegressor": pipeline(("binarize", before), ("clf", Instance(
            Global("sklearn.neural_network._multilayer_perceptron", "MLPRegressor"), mlp(features=PIXELS).state))),
        "a network's state in a logistic regression": pipeline(("binarize", before), ("clf", Instance(
            classifier.of, {**mlp(features=PIXELS).state, **classifier.state}))),
        "a logistic regression's state in a network": pipeline(("binarize", before), ("clf", Instance(
            mlp().of, {**classifier.state, **mlp(features=PIXELS).state}))),
    }  # fmt: skip
    for name, root in forms.items():
        yield Odd(f"form: {name}", joblib_dump(root))
    for classes in ("12", "123", "0123", "13579", TEN, "1"):
        yield Odd(f"linear, classes {classes}", linear(classes=classes))
        yield Odd(f"network, classes {classes}", network(classes=classes))
    for features in (1, 12, 783, 785, 900):
        yield Odd(f"linear of {features} features", joblib_dump(tree(features=features)))
        yield Odd(f"network of {features} features", joblib_dump(tree("MLPClassifier", features=features)))


def _versions() -> Iterator[Odd]:
    for version in ("1.3.2", "1.4.2", "1.5.2", "1.6.1", "1.7.2", "1.8.0", "1.9.1"):
        yield Odd(f"written by scikit-learn {version}, linear", linear(sklearn=version))
        yield Odd(f"written by scikit-learn {version}, network", network(sklearn=version, numpy=1))
    for solver in ("newton-cholesky", "sag"):
        yield Odd(f"{solver} of scikit-learn 1.5", linear(sklearn="1.5.2", solver=solver))


def _weights() -> Iterator[Odd]:
    plain, bias = weights(9, PIXELS), weights(9)
    for name, factor in {
        "times 1e-3": 1e-3, "times 1e-30": 1e-30, "times 1e-44": 1e-44, "times 1e-310": 1e-310, "times 10": 10.0,
        "times 1e3": 1e3, "times 1e5": 1e5, "times 1e6": 1e6, "times -1": -1.0, "times 0": 0.0,
    }.items():  # fmt: skip
        yield Odd(f"weights {name}", linear(coef_=plain * factor, intercept_=bias * factor))
        yield Odd(f"weights {name}, in a network", network(coefs_=[
            weights(*shape) * factor for shape in ((PIXELS, 5), (5, 4), (4, 9))]))  # fmt: skip
        yield Odd(f"bias {name}", linear(coef_=plain * 1e-3, intercept_=bias * factor))
    for shift in (1.0, 1e3, 1e5, 9e5):
        yield Odd(f"weights that differ by little, around {shift:g}", linear(coef_=plain * 1e-2 + shift))
        yield Odd(
            f"biases that differ by little, around {shift:g}", linear(coef_=plain * 1e-2, intercept_=bias + shift)
        )
        turned = np.where(np.arange(PIXELS) % 2, 1.0, -1.0) * shift
        yield Odd(f"weights that cancel, of {shift:g}", linear(coef_=plain * 1e-2 + turned))
        yield Odd(f"hidden weights that cancel, of {shift:g}", network(coefs_=[
            weights(PIXELS, 5) * 1e-2 + turned[:, None], weights(5, 4), weights(4, 9)]))  # fmt: skip
    for value in (float("nan"), float("inf"), 1e6, 1.000001e6, 1e308, 5e-324, -0.0):
        changed = plain.copy()
        changed[4, 300] = value
        yield Odd(f"a weight of {value!r}", linear(coef_=changed))
        last = bias.copy()
        last[4] = value
        yield Odd(f"a bias of {value!r}", network(intercepts_=[weights(5), weights(4), last]))
    large32 = np.full((9, PIXELS), 1e6, "f4") * np.sign(plain).astype("f4")
    yield Odd("float32 weights of 1e6", linear(coef_=large32))
    for spread in (1e-6, 1e-5, 1e-4):
        yield Odd(f"classes {spread:g} apart", linear(coef_=np.ones((9, PIXELS)), intercept_=np.arange(9) * spread))


def _deep_networks() -> Iterator[Odd]:
    for activation in ("identity", "relu", "tanh", "logistic"):
        for weight in (1.0, 1e3, 1e6):
            for layers in (2, 9, 15):
                square = np.full((9, 9), weight)
                coefs = [np.full((PIXELS, 9), weight), *([square] * (layers - 1))]
                state = {"coefs_": coefs, "intercepts_": [weights(9)] * layers, "n_layers_": layers + 1}
                name = f"{layers} {activation} layers of {weight:g}"
                yield Odd(name, network(activation=activation, hidden=(9,) * (layers - 1), **state))
    halves = [
        weights(PIXELS, 9),
        *(np.diag(np.full(9, 1e5)) for _ in range(3)),
        *(np.diag(np.full(9, 1e-5)) for _ in range(3)),
    ]
    state = {"coefs_": halves, "intercepts_": [weights(9)] * 7, "n_layers_": 8}
    yield Odd("layers that grow and shrink again", network(activation="identity", hidden=(9,) * 6, **state))
    noise = [weights(PIXELS, 9), weights(9, 9) * 1e4, weights(9, 9) * 1e-4]
    state = {"coefs_": noise, "intercepts_": [weights(9)] * 3, "n_layers_": 4}
    for activation in ("identity", "relu", "tanh", "logistic"):
        yield Odd(f"large and small layers, {activation}", network(activation=activation, hidden=(9, 9), **state))
    yield Odd("no hidden layer", network(hidden=()))
    yield Odd("a hidden layer of one", network(hidden=(1,)))
    yield Odd("a wide hidden layer", network(hidden=(300,), _optimizer=None, _best_coefs=None))
    same = np.full((9, PIXELS), 0.1)
    yield Odd("nine equal classes", of_parts(*parts(coef_=same, intercept_=np.zeros(9))))
    yield Odd("two equal classes", linear(coef_=np.concatenate([weights(8, PIXELS), weights(8, PIXELS)[-1:]]),
                                          intercept_=np.zeros(9)))  # fmt: skip
