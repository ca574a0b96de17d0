"""The engine against scikit-learn itself, on all 70,000 images of MNIST: the outside truth for every release.

scikit-learn runs in a process of its own, in the environment of pixelwise-model/: this one has none.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.contract import SCORE_TOLERANCE
from app.model.engine import Engine
from app.model.sklearn_pickle.artefact import read_artefact
from app.release.model_lock import read_lock
from tests.conftest import MNIST_FOLDER, Mnist
from tests.installation import ROOT, Published

pytestmark = pytest.mark.long

MODEL_PYTHON = ROOT / "pixelwise-model" / ".venv" / "bin" / "python"
# Handed to scikit-learn are files that this tree built, or whose digest is in model.lock: joblib.load executes them.
SCIKIT_LEARN = """
import sys
from pathlib import Path
import joblib
import numpy as np

artefact, digits, folder = map(Path, sys.argv[1:])
pipeline = joblib.load(artefact)
labels, scores = [], []
for part in ("train", "t10k"):
    images = np.fromfile(digits / f"{part}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 784)
    for start in range(0, len(images), 5000):  # as float64 at once, all of them are 440 MB
        inputs = (images[start : start + 5000] > 128).astype(float)
        labels.append(pipeline.predict(inputs))
        scores.append(pipeline.predict_proba(inputs))
np.save(folder / "labels.npy", np.concatenate(labels))
np.save(folder / "scores.npy", np.concatenate(scores))
"""


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v2.0"])
def test_a_local_release_reads_all_70000_images_as_scikit_learn_does(
    version: str, published: Callable[[str], Published], mnist: Mnist, tmp_path: Path
):
    release = published(version)
    artefact = tmp_path / release.record.artefact
    artefact.write_bytes(release.artefact)
    assert_same_answers(artefact, mnist, tmp_path)


def test_the_public_v1_artefact_reads_all_70000_images_as_scikit_learn_does(mnist: Mnist, tmp_path: Path):
    folder = os.environ.get("PIXELWISE_UPSTREAM")
    if not folder:
        pytest.skip("PIXELWISE_UPSTREAM is not set to a folder that holds digit_classifier_v1.pkl")
    artefact = Path(folder) / "digit_classifier_v1.pkl"
    trusted = {file.sha256 for release in read_lock(ROOT / "model.lock") for file in release.files}
    assert hashlib.sha256(artefact.read_bytes()).hexdigest() in trusted
    assert_same_answers(artefact, mnist, tmp_path)


def assert_same_answers(artefact: Path, mnist: Mnist, folder: Path) -> None:
    labels, promised = scikit_learn(artefact, folder)
    read = read_artefact(artefact)
    engine = Engine(read)
    scores = np.concatenate([engine.scores(images) for images in (mnist.train_images, mnist.test_images)])
    assert scores.shape == promised.shape == (70_000, len(read.classes))
    assert np.array_equal(np.array(read.classes)[scores.argmax(axis=1)], labels)
    assert np.abs(scores - promised).max() <= SCORE_TOLERANCE


def scikit_learn(artefact: Path, folder: Path) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """What `predict` and `predict_proba` say of the 60,000 training images, then of the 10,000 test images."""
    if not MODEL_PYTHON.exists():
        pytest.fail(f"{MODEL_PYTHON} is not there: `make test` makes it.")
    command = [MODEL_PYTHON, "-W", "ignore", "-c", SCIKIT_LEARN, artefact, MNIST_FOLDER, folder]
    subprocess.run(command, check=True)
    return np.load(folder / "labels.npy"), np.load(folder / "scores.npy")
