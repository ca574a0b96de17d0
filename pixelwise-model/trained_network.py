"""A network of PyTorch as a release takes it."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import numpy as np
import onnx
import torch
from sklearn.metrics import classification_report

from augmented import Augmented, read_augmented
from calibration import STROKES, DrawnDigits
from evaluation import Count
from learning import Plan, scores_of, train_network
from lessons import Lessons
from mnist import Mnist, say
from network import OPSET, Network, count_of_parameters, to_onnx
from train import SEED, Recipe, labels_of
from trained import NoDigit, Trained
from trained_pipeline import TRAINING_FILES as OF_A_PIPELINE
from words import onnx_words

TRAINING_FILES = (
    *OF_A_PIPELINE,
    "train_v3.py",
    "network.py",
    "learning.py",
    "batches.py",
    "augmented.py",
    "calibration.py",
    "evaluation.py",
    "requirements-v3.txt",
)
"""The artefact and the scripts that made it travel together."""

RIGHT_BELOW, OWN_BELOW = 0.01, 0.0015
"""Shares of kept digits that may be below the limit: of those drawn anew that are read rightly, and of
MNIST's own. The lower of the two limits holds: hardly a digit is refused as MNIST has it."""


def trained_network(
    recipe: Recipe,
    data: Mnist,
    drawn: DrawnDigits | None,
    lessons: Lessons,
) -> Trained:
    """The network of `learning.Plan`, and the limit under which it sees no digit.

    Args:
        drawn: digits as people draw them; how often it sees none among them is counted, and nothing chosen.
    """
    made = read_augmented(lessons.augmented)
    plan = Plan() if lessons.epochs is None else Plan(epochs=lessons.epochs)
    network = train_network(data.train_images, data.train_labels, made, seed=SEED, plan=plan)
    file = to_onnx(network, recipe.classes)

    def write(path: Path) -> None:
        path.write_bytes(file)

    def scores(images: np.ndarray) -> np.ndarray:
        return scores_of(network, images)

    read = np.array(recipe.classes)[scores(data.test_images).argmax(axis=1)]
    return Trained(
        suffix=".onnx",
        write=write,
        scores=scores,
        stated={"format": "onnx", "opset": OPSET},
        features=28 * 28,
        ink="grey",
        report=str(classification_report(labels_of(data.test_labels), read, digits=4)),
        title=f"a network of {count_of_parameters(network):,} numbers",
        libraries={
            "Python": platform.python_version(),
            "PyTorch": torch.__version__,
            "ONNX": onnx.__version__,
            "numpy": np.__version__,
        },
        words=onnx_words(OPSET, count_of_parameters(network)),
        files=TRAINING_FILES,
        data={lessons.augmented.name: hashlib.sha256(lessons.augmented.read_bytes()).hexdigest()},
        no_digit=no_digit(network, data, made, drawn),
    )


def no_digit(network: Network, data: Mnist, made: Augmented, drawn: DrawnDigits | None) -> NoDigit:
    """The limit, chosen on digits that it did not learn from, and what lies below it."""
    anew, own = (scores_of(network, images) for images in (made.kept_copies, data.train_images[made.kept]))
    below = choose_limit(anew, own, data.train_labels[made.kept])
    shapes = are_below(network, made.held_out, below)
    kinds = {
        kind: count_of(shapes[made.held_out_kinds == kind])
        for kind in np.unique(made.held_out_kinds).tolist()
    }
    found = NoDigit(
        below=below,
        digits=count_of(are_below(network, data.test_images, below)),
        strokes=None if drawn is None else count_of(are_below(network, strokes_of(drawn), below)),
        shapes=count_of(shapes),
        kinds=kinds,
    )
    say(f"no digit below {below}: digits {found.digits}, strokes {found.strokes}, shapes {found.shapes}")
    return found


def choose_limit(anew: np.ndarray, own: np.ndarray, digits: np.ndarray) -> float:
    """The confidence below which RIGHT_BELOW or OWN_BELOW of kept digits lie, the lower one; cut to 4 places.

    Args:
        anew, own: (K, 10), the scores of kept digits drawn anew, and as MNIST has them.
        digits: (K,) uint8, what they are.
    """
    right = anew.argmax(axis=1) == digits
    limits = (
        np.quantile(anew[right].max(axis=1), RIGHT_BELOW),
        np.quantile(own.max(axis=1), OWN_BELOW),
    )
    return float(np.floor(1e4 * min(limits)) / 1e4)


def are_below(network: Network, images: np.ndarray, below: float) -> np.ndarray:
    """(N,) bool, True where the highest share is below the limit."""
    # float32, as the artefact's own scores are
    return scores_of(network, images).astype(np.float32).max(axis=1) < below


def count_of(which: np.ndarray) -> Count:
    """How many of (N,) bool."""
    return Count(int(which.sum()), len(which))


def strokes_of(drawn: DrawnDigits) -> np.ndarray:
    """(N, 28, 28) uint8: the digits drawn with a pen."""
    return drawn.images[drawn.conditions == STROKES]
