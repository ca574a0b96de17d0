"""Files that are well-formed and hold a pipeline that is not the promised one, or one of other labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Global, Instance, joblib_dump
from tests.attacks.honest import (
    NINE,
    SKLEARN,
    binarizer,
    honest_pipeline,
    label_binarizer,
    labels,
    logistic_regression,
    mlp,
    pipeline,
    random_state,
    weights,
)
from tests.attacks.hostile import Hostile, hostile

NAN, INFINITY = float("nan"), float("inf")
SCRIPT = "<script>alert(1)</script>"


def files() -> Iterator[Hostile]:
    yield from _pipelines()
    yield from _thresholds_and_features()
    yield from _classes()
    yield from _versions()


def _pipelines() -> Iterator[Hostile]:
    first, last = ("binarize", binarizer()), ("clf", logistic_regression())
    trees: dict[str, tuple[Any, str]] = {
        "bare classifier": (logistic_regression(), "scale"),
        "bare perceptron": (mlp(), "scale"),
        "bare Binarizer": (binarizer(), "estimator"),
        "list of pipelines": ([pipeline()], "estimator"),
        "bare array": (weights(9, 12), "estimator"),
        "random state": (random_state(), "estimator"),
        "pipeline without state": (Instance(Global("sklearn.pipeline", "Pipeline"), {}), "attribute"),
        "no steps": (pipeline(steps=[]), "pipeline"),
        "steps missing": (pipeline(steps=MISSING), "attribute"),
        "steps None": (pipeline(steps=None), "pipeline"),
        "steps a tuple": (pipeline(steps=(first, last)), "pipeline"),
        "steps a dict": (pipeline(steps=dict([first, last])), "pipeline"),
        "steps an array": (pipeline(steps=weights(2)), "pipeline"),
        "steps swapped": (pipeline(last, first), "estimator"),
        "only a classifier": (pipeline(last), "scale"),
        "only a Binarizer": (pipeline(first), "estimator"),
        "two classifiers": (pipeline(last, ("again", last[1])), "estimator"),
        "two Binarizers": (pipeline(first, ("again", binarizer())), "estimator"),
        "extra step": (pipeline(first, ("twice", binarizer()), last), "pipeline"),
        "passthrough": (pipeline(("binarize", "passthrough"), last), "estimator"),
        "step None": (pipeline(("binarize", None), last), "estimator"),
        "step without estimator": (pipeline(("binarize",), last), "pipeline"),
        "step of three": (pipeline((*first, None), last), "pipeline"),
        "step a list": (pipeline(list(first), last), "pipeline"),
        "step name a number": (pipeline((1, binarizer()), last), "pipeline"),
        "step name empty": (pipeline(("", binarizer()), last), "pipeline"),
        "step name HTML": (pipeline((SCRIPT, binarizer()), last), "pipeline"),
        "step name with escape": (pipeline(("\x1b[2Jbinarize", binarizer()), last), "pipeline"),
        "step name with newline": (pipeline(("binarize\n", binarizer()), last), "pipeline"),
        "step names equal": (pipeline(("clf", binarizer()), last), "pipeline"),
        "nested pipeline": (pipeline(first, ("clf", pipeline())), "estimator"),
        "pipeline in place of the Binarizer": (pipeline(("binarize", pipeline()), last), "estimator"),
        "class in place of an instance": (
            pipeline(first, ("clf", Global("sklearn.linear_model._logistic", "LogisticRegression"))), "estimator"),
        "memory a folder": (pipeline(memory="cache"), "attribute"),
        "memory an object": (
            pipeline(memory=Instance(Global("joblib.memory", "Memory"), {"location": "cache"})), "estimator"),
        "memory False": (pipeline(memory=False), "attribute"),
        "transform_input": (pipeline(transform_input=["X"]), "attribute"),
    }  # fmt: skip
    for name, (tree, codes) in trees.items():
        yield hostile(f"pipeline: {name}", joblib_dump(tree), codes, name)
    for module, name in (
        ("sklearn.svm._classes", "SVC"),
        ("sklearn.ensemble._forest", "RandomForestClassifier"),
        ("sklearn.neighbors._classification", "KNeighborsClassifier"),
        ("sklearn.calibration", "CalibratedClassifierCV"),
        ("sklearn.linear_model._logistic", "LogisticRegressionCV"),
        ("sklearn.neural_network._multilayer_perceptron", "MLPRegressor"),
    ):
        unknown = Instance(Global(module, name), {"classes_": labels(), "_sklearn_version": SKLEARN})
        yield hostile(
            f"estimator {name}", joblib_dump(pipeline(first, ("clf", unknown))), "estimator", "honest, unknown"
        )


def _thresholds_and_features() -> Iterator[Hostile]:
    for name, threshold in {
        "NaN": NAN,
        "infinite": INFINITY,
        "128": 128,
        "128.0": 128.0,
        "True": True,
        "1": 1,
        "1.0": 1.0,
        "negative": -0.1,
        "None": None,
        "text": "0.5",
        "a list": [0.5],
        "an array": np.array([0.5, 0.5]),
        "missing": MISSING,
        "huge": 1 << 200,
    }.items():
        codes = "attribute" if threshold is MISSING else "threshold"
        yield hostile(f"threshold {name}", honest_pipeline(threshold=threshold), codes, "every image becomes one")
    for name, count in {
        "differ": 13,
        "0": 0,
        "negative": -12,
        "True": True,
        "float": 12.0,
        "text": "12",
        "None": None,
        "missing": MISSING,
        "2^31": 1 << 31,
        "2^64": 1 << 64,
        "an array": np.array([12, 12]),
    }.items():
        codes = "attribute" if count is MISSING else "features weights"
        yield hostile(f"features {name}", honest_pipeline(n_features_in_=count), codes, "what the classifier takes")
    tree = pipeline(("b", binarizer(features=13)), ("c", logistic_regression()))
    yield hostile("features of the Binarizer differ", joblib_dump(tree), "features", "steps that do not fit")
    tree = pipeline(("b", binarizer(n_features_in_=np.zeros(2))), ("c", logistic_regression()))
    yield hostile("features of the Binarizer an array", joblib_dump(tree), "features", "compared elementwise")


def _classes() -> Iterator[Hostile]:
    ten = "0123456789"
    changed: dict[str, Any] = {
        "ten for nine": labels(ten),
        "eight for nine": labels("12345678"),
        "one": labels("1"),
        "none": np.zeros(0, dtype="U1"),
        "letters": labels("abcdefghi"),
        "unsorted": labels("213456789"),
        "reversed": labels(NINE[::-1]),
        "twice the same": labels("112345678"),
        "HTML": labels(["1", "2", "3", "4", "5", "6", "7", "8", SCRIPT]),
        "empty label": labels(["", *NINE[:8]]),
        "two digits": labels([str(number) for number in range(10, 19)]),
        "trailing space": labels([digit + " " for digit in NINE]),
        "full width digits": labels([chr(0xFF10 + digit) for digit in range(1, 10)]),
        "Arabic digits": labels([chr(0x0660 + digit) for digit in range(1, 10)]),
        "superscripts": labels("123456\u00b2\u00b3\u00b9"),
        "zero width": labels([digit + "\u200b" for digit in NINE]),
        "NUL inside": labels([*NINE[:8], "9\x009"]),
        "numbers of two digits": np.arange(10, 19),
        "numbers in another order": np.arange(1, 10)[::-1].copy(),
        "floats": np.arange(1, 10) / 1,
        "bools": np.ones(9, dtype=bool),
        "two dimensions": labels(NINE).reshape(3, 3),
        "a column": labels(NINE).reshape(9, 1),
        "no dimension": np.array("1"),
        "a list": list(NINE),
        "a tuple": tuple(NINE),
        "text": NINE,
        "None": None,
        "missing": MISSING,
        "999 labels": labels([f"{number:03}" for number in range(999)]),
    }
    for name, value in changed.items():
        codes = {"none": "array", "missing": "attribute"}.get(name, "classes weights")
        yield hostile(
            f"classes {name}", honest_pipeline(classes_=value), codes, "labels that are not the promised ones"
        )
    for count in (1, 2):
        yield hostile(f"a model of {count} classes", honest_pipeline(classes=NINE[:count]), "classes", "no softmax")
    letters = honest_pipeline(classes="abc")
    yield hostile("a model of letters", letters, "classes", "well-formed, of another alphabet")
    eleven = honest_pipeline(classes=[str(number) for number in range(11)])
    yield hostile("a model of eleven classes", eleven, "classes", "more than there are digits")
    other = label_binarizer(classes="012345678")
    yield hostile(
        "classes of the label binarizer differ",
        honest_pipeline("MLPClassifier", _label_binarizer=other),
        "classes",
        "predict() would say 0 where the scores say 1",
    )
    for name, value in {"None": None, "missing": MISSING, "a Binarizer": binarizer(), "a dict": {}}.items():
        data = honest_pipeline("MLPClassifier", _label_binarizer=value)
        codes = "attribute" if value is MISSING else "estimator classes"
        yield hostile(f"label binarizer {name}", data, codes, "labels from nowhere")


def _versions() -> Iterator[Hostile]:
    for name, version in {
        "missing": MISSING,
        "None": None,
        "a number": 1.9,
        "empty": "",
        "with a command": "1.9.1; rm -rf",
        "HTML": SCRIPT,
        "with a newline": "1.9.1\n",
        "of full width digits": "\uff11.\uff19.\uff11",
        "too long": "1." * 100 + "1",
        "an array": np.zeros(2),
    }.items():
        steps = (
            ("b", binarizer(_sklearn_version=version)),
            ("c", logistic_regression(_sklearn_version=version)),
        )
        tree = pipeline(*steps, _sklearn_version=version)
        codes = "attribute" if version is MISSING else "version"
        yield hostile(f"version {name}", joblib_dump(tree), codes, "printed in reports")
    yield hostile(
        "version of the pipeline differs", joblib_dump(pipeline(_sklearn_version="1.3.2")), "version", "mixed"
    )
    tree = pipeline(("b", binarizer(sklearn="1.8.0")), ("c", logistic_regression()))
    yield hostile("version of the Binarizer differs", joblib_dump(tree), "version", "put together from two files")
