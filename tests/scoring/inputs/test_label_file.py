"""Labels in a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.scoring.handed_model import HandedModel
from app.scoring.inputs.label_file import open_labels
from app.scoring.refusals import BadInput
from tests.conftest import Mnist
from tests.scoring.conftest import columns, score


def test_labels_stand_beside_the_answers_and_make_an_accuracy(tmp_path: Path, mnist: Mnist, model: HandedModel):
    labels = mnist.test_labels[:300].astype(np.int64)
    labels[:3] = -1, -2, 0
    np.save(tmp_path / "digits.npy", mnist.test_images[:300])
    np.save(tmp_path / "labels.npy", labels)
    done = score(tmp_path / "digits.npy", tmp_path / "out", model, labels=tmp_path / "labels.npy")
    found = columns(tmp_path / "out", "label", "prediction")
    assert found["label"] == [-1, None, 0, *labels[3:].tolist()]
    known = [(str(label), said) for label, said in zip(labels[3:], found["prediction"][3:], strict=True) if label]
    manifest = done.manifest
    assert manifest is not None and manifest.accuracy is not None
    assert (manifest.labelled, manifest.accuracy.n) == (299, len(known))
    assert manifest.accuracy.correct == sum(label == said for label, said in known)
    assert manifest.accuracy.interval[0] < manifest.accuracy.value < manifest.accuracy.interval[1]
    assert sum(manifest.confusion["none"].values()) == 1
    assert sum(sum(row.values()) for row in manifest.confusion.values()) == 299


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.zeros(3, np.int8), "3 labels"),
        (np.zeros(2), "float64"),
        (np.zeros((2, 1), np.int8), "int8 (2, 1)"),
        (np.array([10, 0]), "a label 10"),
        (np.array([-3, 0]), "a label -3"),
        (np.array([2**63, 0], np.uint64), "a label 9223372036854775808"),
    ],
)
def test_what_is_no_label_is_refused(tmp_path: Path, labels: NDArray[Any], found: str):
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(BadInput) as refusal:
        open_labels(tmp_path / "labels.npy", rows=2, of="digits").read(0, 2)
    assert found in refusal.value.found
