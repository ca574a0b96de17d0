"""One version's pipeline, trained on MNIST's 60,000 training digits.

    python train.py --version v1.0 [--out FILE] [--cache DIR] [--track ADDRESS]

The serving rule is the training rule: a pixel is ink when it is above 128. The seed is fixed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Binarizer
from threadpoolctl import threadpool_limits

from errors import ModelRepositoryError, TrainedElsewhere, TrainingStoppedEarly, UnknownVersion, local_faults
from mnist import CACHE, load_mnist, say

SEED = 0
INK_ABOVE = 128


def logistic_regression() -> LogisticRegression:
    """About 91.5% on digits 1-9: one linear score per class, and a softmax."""
    return LogisticRegression(tol=1e-3, max_iter=500, random_state=SEED)


def neural_network() -> MLPClassifier:
    """About 98%: two hidden layers."""
    return MLPClassifier(
        (256, 128), batch_size=500, n_iter_no_change=5, max_iter=60, random_state=SEED, verbose=True
    )


@dataclass(frozen=True)
class Recipe:
    """One version's classes and classifier.

    Attributes:
        classes: the labels it is taught, in the order of its scores.
        withheld: labels that people draw and it never sees.
        estimator: builds the untrained classifier of scikit-learn; None: a network, which PyTorch trains.
    """

    classes: tuple[str, ...]
    withheld: tuple[str, ...]
    estimator: Callable[[], Any] | None


VERSIONS = {
    "v1.0": Recipe(tuple("123456789"), ("0",), logistic_regression),
    "v1.1": Recipe(tuple("123456789"), ("0",), neural_network),
    "v2.0": Recipe(tuple("0123456789"), (), neural_network),
    "v3.0": Recipe(tuple("0123456789"), (), None),
}


def recipe_of(version: str) -> Recipe:
    """The table's line for this version.

    Raises:
        UnknownVersion: the table has none.
    """
    if version not in VERSIONS:
        raise UnknownVersion(version, known=list(VERSIONS))
    return VERSIONS[version]


def binarised(images: np.ndarray) -> np.ndarray:
    """(N, 28, 28) uint8 -> (N, 784) float64, 1.0 where there is ink.

    subtle: 128 is paper here, and ink under x / 255 > 0.5; that one grey level flips real predictions.
    """
    return (images > INK_ABOVE).astype(float).reshape(len(images), -1)


def labels_of(digits: np.ndarray) -> np.ndarray:
    """(N,) uint8 -> (N,) text of one character: 7 -> "7"."""
    return digits.astype("U1")


def train(recipe: Recipe, images: np.ndarray, digits: np.ndarray) -> Pipeline:
    """The pipeline, fitted on those digits that the recipe teaches.

    Args:
        images: (N, 28, 28) uint8, 0 paper to 255 ink.
        digits: (N,) uint8, 0 to 9.

    Raises:
        TrainingStoppedEarly: the optimiser used up its steps before it was done.
    """
    labels = labels_of(digits)
    taught = np.isin(labels, recipe.classes)
    # The Binarizer finds only 0 and 1 here; it holds the artefact to them, whatever it is handed later.
    pipeline = Pipeline([("binarize", Binarizer(threshold=0.5)), ("clf", recipe.estimator())])
    name = type(pipeline["clf"]).__name__
    say(f"training {name} on {taught.sum()} digits {' '.join(recipe.classes)}")
    with warnings.catch_warnings(), heartbeat(name), contextlib.redirect_stdout(sys.stderr), one_thread():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            pipeline.fit(binarised(images[taught]), labels[taught])
        except ConvergenceWarning as warning:
            raise TrainingStoppedEarly(name, found=str(warning).splitlines()[0]) from warning
    return pipeline


def one_thread() -> threadpool_limits:
    """Within, sums are made in one order. With several threads their number decides it, and so the last
    bits of a model: a release that is built twice would become two."""
    return threadpool_limits(limits=1)


def report(pipeline: Pipeline, images: np.ndarray, digits: np.ndarray) -> str:
    """scikit-learn's classification report on those digits that the pipeline knows."""
    labels = labels_of(digits)
    known = np.isin(labels, pipeline.classes_)
    read = pipeline.predict(binarised(images[known]))
    return str(classification_report(labels[known], read, digits=4))


def write_artefact(pipeline: Pipeline, path: Path) -> None:
    """One uncompressed pickle: PixelWise reads it as data, and compressed bytes cannot be read in place."""
    joblib.dump(pipeline, path, compress=0)


@contextlib.contextmanager
def heartbeat(name: str, *, every_seconds: float = 5) -> Iterator[None]:
    """Says every few seconds that training goes on: lbfgs itself is silent."""
    started, done = time.monotonic(), threading.Event()

    def beat() -> None:
        while not done.wait(every_seconds):
            say(f"{name}: {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def artefact_name(version: str, suffix: str = ".pkl") -> str:
    """v1.0 -> digit_classifier_v1.pkl, v1.1 -> digit_classifier_v1_1.pkl"""
    return f"digit_classifier_{version.removesuffix('.0').replace('.', '_')}{suffix}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--version", required=True, metavar="vN.N", help=f"one of {', '.join(VERSIONS)}")
    parser.add_argument("--out", type=Path, help="the artefact to write (default: beside this script)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where MNIST's files are kept")
    if Path(__file__).with_name("tracking.py").exists():  # a release has this script without it
        parser.add_argument(
            "--track", metavar="ADDRESS", help="then record it at mlflow+https://host, aim:FOLDER or clearml"
        )
    options = parser.parse_args(arguments)
    out = options.out or Path(__file__).with_name(artefact_name(options.version))
    try:
        with local_faults():
            recipe = recipe_of(options.version)
            if recipe.estimator is None:
                raise TrainedElsewhere(options.version, script="train_v3.py")
            place = None
            if getattr(options, "track", None):
                from tracking import tracker

                place = tracker(options.track)  # refuses now rather than after the training
            data = load_mnist(options.cache)
            pipeline = train(recipe, data.train_images, data.train_labels)
            print(report(pipeline, data.test_images, data.test_labels))
            write_artefact(pipeline, out)
            print(f"wrote {out}")
            if place is not None:
                from build import pipeline_outcome

                place.track(pipeline_outcome(options.version, pipeline, data, out))
    except ModelRepositoryError as error:
        say(f"error: {error}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
