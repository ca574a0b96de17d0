"""A pipeline of scikit-learn as a release takes it."""

from __future__ import annotations

import platform
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.pipeline import Pipeline

from mnist import Mnist
from train import INK_ABOVE, Recipe, binarised, one_thread, report, train, write_artefact
from trained import Trained
from words import pickle_words

TRAINING_FILES = (
    "train.py",
    "mnist.py",
    "sources.py",
    "openml_child.py",
    "errors.py",
    "training_profile.py",
    "requirements.txt",
)
"""The artefact and the scripts that made it travel together."""


def trained_pipeline(version: str, recipe: Recipe, data: Mnist) -> Trained:
    """The recipe's pipeline, trained on the digits that it teaches."""
    return described(version, train(recipe, data.train_images, data.train_labels), data)


def described(version: str, pipeline: Pipeline, data: Mnist) -> Trained:
    """A pipeline that was trained on these digits."""
    steps, features = (
        {name: type(step).__name__ for name, step in pipeline.steps},
        int(pipeline.n_features_in_),
    )

    def write(path: Path) -> None:
        write_artefact(pipeline, path)

    def scores(images: np.ndarray) -> np.ndarray:
        return scores_of(pipeline, images)

    return Trained(
        suffix=".pkl",
        write=write,
        scores=scores,
        stated={"sklearn": sklearn.__version__, "steps": steps},
        features=features,
        ink=f"> {INK_ABOVE}",
        report=report(pipeline, data.test_images, data.test_labels),
        title=" and ".join(steps.values()),
        libraries={
            "Python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "joblib": joblib.__version__,
        },
        words=pickle_words(version, steps, features),
        files=TRAINING_FILES,
    )


def scores_of(pipeline: Pipeline, images: np.ndarray) -> np.ndarray:
    """(N, k) float64: the pipeline's scores of (N, 28, 28) uint8 images."""
    with one_thread():
        return pipeline.predict_proba(binarised(images))
