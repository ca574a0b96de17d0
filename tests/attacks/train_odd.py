"""Trains odd but honest models, and writes each as a file. A script, for the Python of pixelwise-model/.

    python train_odd.py MNIST_FOLDER FOLDER_TO_WRITE_TO

Small and quick: 600 digits, a tenth of whose pixels is turned over, so that unregularised weights grow large.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Binarizer, MinMaxScaler, StandardScaler

DIGITS = 600


def models() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Name, classifier, and how its data are made (see `data`)."""
    for solver in ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"):
        small = {"pixels": 60} if solver == "newton-cholesky" else {}  # its Hessian has 540 x 540 cells even so
        yield f"solver {solver}", LogisticRegression(solver=solver, max_iter=30), small
    yield "liblinear", LogisticRegression(solver="liblinear"), {"classes": "12"}
    for name, strength in (("C=inf", np.inf), ("C=1e4", 1e4), ("C=1e-4", 1e-4)):
        yield f"linear, {name}", LogisticRegression(C=strength, max_iter=300, tol=1e-10), {}
    yield "linear, penalty None", LogisticRegression(penalty=None, max_iter=1000), {}
    yield "linear, no intercept", LogisticRegression(fit_intercept=False, max_iter=30), {}
    yield "linear, l1", LogisticRegression(l1_ratio=1, solver="saga", max_iter=30), {}
    yield "linear, balanced", LogisticRegression(class_weight="balanced", max_iter=30), {}
    yield "linear, a RandomState", LogisticRegression(random_state=np.random.RandomState(1), max_iter=30), {}
    yield "linear, warm start", LogisticRegression(warm_start=True, n_jobs=1, max_iter=30), {}
    for activation in ("identity", "relu", "tanh", "logistic"):
        yield f"network, {activation}", MLPClassifier((20,), activation=activation, max_iter=10), {}
        yield f"network, {activation}, lbfgs, alpha 0", MLPClassifier(
            (20, 10), activation=activation, solver="lbfgs", alpha=0, max_iter=300), {}  # fmt: skip
    for solver in ("adam", "sgd", "lbfgs"):
        classifier = MLPClassifier((10,), solver=solver, alpha=0, max_iter=60, random_state=0)
        yield f"network, {solver}, alpha 0", classifier, {}
    yield "network, sgd, adaptive", MLPClassifier((10,), solver="sgd", learning_rate="adaptive", max_iter=5), {}
    yield "network, sgd, large steps", MLPClassifier((10,), solver="sgd", learning_rate_init=1.0, max_iter=20), {}
    yield "network, early stopping", MLPClassifier((10,), early_stopping=True, max_iter=5), {}
    yield "network, no random_state", MLPClassifier((10,), max_iter=5), {}
    yield "network, a RandomState", MLPClassifier((10,), random_state=np.random.RandomState(3), max_iter=5), {}
    yield "network, no hidden layer", MLPClassifier((), max_iter=5), {}
    yield "network, sizes as a list", MLPClassifier([10, 5], max_iter=5), {}
    yield "network, one size", MLPClassifier(10, max_iter=5), {}
    yield "network, numpy's numbers as parameters", MLPClassifier(
        (np.int64(10),), alpha=np.float64(1e-4), max_iter=np.int64(5), random_state=np.int64(0)), {}  # fmt: skip
    for kind in ("object", "int64", "uint8", "float64", "bool", "U3", "str_"):
        for name, classifier in (
            ("linear", LogisticRegression(max_iter=30)),
            ("network", MLPClassifier((10,), max_iter=5)),
        ):
            yield f"{name}, labels of {kind}", classifier, {"labels": kind}
    for activation in ("logistic", "tanh", "relu"):
        for seed in range(2):
            classifier = MLPClassifier(
                (30,),
                activation=activation,
                solver="lbfgs",
                alpha=0,
                max_iter=1000,
                max_fun=10**6,
                tol=1e-9,
                random_state=seed,
            )
            yield f"network, {activation}, overfitted, seed {seed}", classifier, {}
    for pixels in (60, 150):
        classifier = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-9)
        yield f"linear, C=inf, {pixels} pixels", classifier, {"pixels": pixels}
    for name, classifier in (
        ("linear", LogisticRegression(max_iter=30)),
        ("network", MLPClassifier((10,), max_iter=5)),
    ):
        yield f"{name}, trained on a table with named columns", classifier, {"named": True}
        yield f"{name}, trained on float32", classifier, {"inputs": "f4"}
        yield f"{name}, trained on bool", classifier, {"inputs": "?"}
        yield f"{name}, trained in Fortran order", classifier, {"order": "F"}
        yield f"{name}, three classes", classifier, {"classes": "357"}
        yield f"{name}, two classes", classifier, {"classes": "35"}
        yield f"{name}, nine classes", classifier, {"classes": "123456789"}


SCALES: dict[str, Any] = {
    "ink": lambda pixels: (pixels > 128).astype(float),
    "unit": lambda pixels: pixels / 255,
    "byte": lambda pixels: pixels.astype(float),
}


def scaled_models() -> Iterator[tuple[str, Any, str]]:
    """Name, estimator, and the scale of its pixels, with which the name begins."""
    steps: dict[str, list[Any]] = {
        "bare": [],
        "StandardScaler": [StandardScaler()],
        "StandardScaler without mean": [StandardScaler(with_mean=False)],
        "StandardScaler without deviation": [StandardScaler(with_std=False)],
        "MinMaxScaler": [MinMaxScaler()],
        "MinMaxScaler from -1": [MinMaxScaler((-1, 1))],
        "PCA": [PCA(30)],
        "PCA, whitened": [PCA(30, whiten=True)],
        "PCA of a share": [PCA(0.8)],
        "PCA, randomized": [PCA(20, svd_solver="randomized", random_state=np.random.RandomState(0))],
        "PCA of all": [PCA()],
        "StandardScaler, PCA": [StandardScaler(), PCA(40, whiten=True)],
        "MinMaxScaler, PCA, StandardScaler": [MinMaxScaler(), PCA(40), StandardScaler()],
        "Binarizer, StandardScaler": [Binarizer(threshold=0.5), StandardScaler()],
    }
    for scale in SCALES:
        for name, before in steps.items():
            for kind, classifier in (
                ("linear", LogisticRegression(C=np.inf if scale == "unit" else 1.0, max_iter=60)),
                ("network", MLPClassifier((20,), max_iter=10, random_state=0)),
                ("tanh network", MLPClassifier((15, 10), activation="tanh", max_iter=10, random_state=0)),
            ):
                model = make_pipeline(*map(clone, before), classifier) if before else classifier
                yield f"{scale}, {name}, {kind}", model, scale


def data(pixels: np.ndarray, digits: np.ndarray, how: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    known = np.isin(digits.astype("U1"), list(how.get("classes", "0123456789")))
    inputs = (pixels[known][:, :: 784 // how["pixels"]][:, : how["pixels"]] if "pixels" in how else pixels[known]) > 128
    labels, kind = digits[known].astype("U1"), how.get("labels", "U1")
    if kind == "bool":
        return inputs.astype(float), digits[known] > 4
    if kind in ("int64", "uint8", "float64"):
        return inputs.astype(float), digits[known].astype(kind)
    labels = labels.astype(kind if kind != "str_" else "U1")
    if kind == "str_":
        labels = np.array([np.str_(label) for label in labels])
    return np.asarray(inputs, how.get("inputs", "f8"), order=how.get("order", "C")), labels


def main(digits_folder: Path, folder: Path) -> None:
    images = np.fromfile(digits_folder / "t10k-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 784)[-DIGITS:]
    digits = np.fromfile(digits_folder / "t10k-labels-idx1-ubyte", np.uint8, offset=8)[-DIGITS:]
    turned = np.random.default_rng(0).random(images.shape) < 0.1
    pixels = np.where(turned, 255 - images, images)
    np.random.seed(0)  # what random_state=None draws from
    for number, (name, classifier, how) in enumerate(models()):
        inputs, labels = data(pixels, digits, how)
        first = Binarizer(threshold=0.5)
        pipeline = make_pipeline(first, classifier) if number % 2 else Pipeline([("b", first), ("c", classifier)])
        pipeline.fit(inputs, labels)
        if how.get("named"):  # what scikit-learn keeps of a DataFrame, without pandas
            for step in (first, classifier):
                step.feature_names_in_ = np.array([f"pixel{column}" for column in range(1, 785)], dtype=object)
        joblib.dump(pipeline, folder / f"{name}.pkl", protocol=3 + number % 3)
    for number, (name, model, scale) in enumerate(scaled_models()):
        model.fit(SCALES[scale](images), digits.astype("U1"))
        joblib.dump(model, folder / f"{name}.pkl", protocol=3 + number % 3)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # most stop training early, which is meant
    main(*map(Path, sys.argv[1:]))
