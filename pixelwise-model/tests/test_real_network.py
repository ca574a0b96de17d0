"""v3.0 itself, trained twice and read by another program: some ten minutes, for `make soak`."""

from pathlib import Path

import numpy as np
import pytest

from calibration import STROKES, calibration_error, read_drawn
from mnist import load_mnist

pytest.importorskip("torch", reason="PyTorch is not installed: requirements-v3.txt has it")
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="onnxruntime is not installed: requirements-v3.txt has it"
)

import learning  # noqa: E402  # it needs PyTorch
import network  # noqa: E402
from augmented import read_augmented  # noqa: E402
from batches import Plan  # noqa: E402
from trained_network import are_below, no_digit  # noqa: E402

DATA = Path(__file__).resolve().parent.parent / "data"
CLASSES = tuple("0123456789")


@pytest.mark.soak
def test_v3_0_is_the_same_bytes_again_and_reads_what_its_issue_promises():
    data, drawn, made = (
        load_mnist(DATA),
        read_drawn(DATA / "drawn.npz"),
        read_augmented(DATA / "augmented.npz"),
    )
    first, again = (
        learning.train_network(data.train_images, data.train_labels, made, seed=0, plan=Plan())
        for _ in range(2)
    )
    file = network.to_onnx(first, CLASSES)
    assert network.to_onnx(again, CLASSES) == file

    session = onnxruntime.InferenceSession(file)

    def scores(images: np.ndarray) -> np.ndarray:
        parts = np.array_split(images, 1 + len(images) // 1000)
        return np.concatenate([session.run(None, {"images": part})[0] for part in parts])

    def right(images: np.ndarray, labels: np.ndarray) -> float:
        return float(np.mean((scores(images).argmax(axis=1) == labels) & images.any(axis=(1, 2))))

    labels, strokes = drawn.labels.astype(int), drawn.conditions == STROKES
    assert right(data.test_images, data.test_labels) >= 0.994
    assert right(drawn.images[strokes], labels[strokes]) >= 0.975
    assert right(drawn.images[~strokes], labels[~strokes]) >= 0.96

    known = no_digit(first, data, made, drawn)
    assert known.strokes is not None
    assert known.digits.value <= 0.002
    assert known.strokes.value <= 0.01
    assert known.shapes.value >= 0.65
    read = scores(drawn.images[strokes]).argmax(axis=1) == labels[strokes]
    assert are_below(first, drawn.images[strokes][read], known.below).mean() <= 0.01, "of rightly read ones"

    for images, truth, most in (
        (data.test_images, data.test_labels, 0.015),
        (drawn.images[strokes], labels[strokes], 0.025),
    ):
        given = scores(images)
        assert calibration_error(given.max(axis=1), given.argmax(axis=1) == truth) <= most
