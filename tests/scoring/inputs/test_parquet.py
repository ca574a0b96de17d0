"""Digits in Parquet: the three forms, labels and ids, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

from app.scoring.handed_model import HandedModel
from app.scoring.inputs.parquet import open_parquet
from app.scoring.refusals import BadInput, ChangedInput
from tests.conftest import Mnist
from tests.scoring.conftest import assert_same, columns, score


def binary(digits: NDArray[np.uint8]) -> Any:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(784), len(digits), [None, pa.py_buffer(digits.tobytes())])


def lists(digits: NDArray[np.uint8], kind: Any) -> Any:
    return pa.array(digits.reshape(-1, 784).tolist(), kind)


def png(digit: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(digit).save(file, "PNG")
    return file.getvalue()


def hugging_face(digits: NDArray[np.uint8]) -> Any:
    return pa.array([{"bytes": png(digit), "path": None} for digit in digits])


FORMS = {
    "binary": binary,
    "list": lambda digits: lists(digits, pa.list_(pa.uint8())),
    "large": lambda digits: lists(digits, pa.large_list(pa.uint8())),
    "fixed": lambda digits: lists(digits, pa.list_(pa.uint8(), 784)),
    "pictures": hugging_face,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_answers_as_an_array(tmp_path: Path, mnist: Mnist, model: HandedModel, form: str):
    digits = mnist.test_images[:90]
    np.save(tmp_path / "digits.npy", digits)
    table = pa.table({"image": FORMS[form](digits), "label": mnist.test_labels[:90].astype(np.int64)})
    parquet.write_table(table, tmp_path / "digits.parquet", row_group_size=20)
    score(tmp_path / "digits.npy", tmp_path / "a", model, rows=40)
    done = score(tmp_path / "digits.parquet", tmp_path / "b", model, rows=40)
    assert_same(tmp_path / "a", tmp_path / "b")
    assert columns(tmp_path / "b", "label")["label"] == mnist.test_labels[:90].tolist()
    assert done.manifest is not None and done.manifest.shards == 3
    assert done.manifest.inputs[0].footer is not None


def test_a_bad_picture_is_a_row_with_its_reason(tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel):
    outside = tmp_path / "secret.png"
    outside.write_bytes(png(digits[0]))
    pictures = [
        {"bytes": png(digits[0]), "path": None},
        {"bytes": b"no picture", "path": None},
        {"bytes": None, "path": str(outside)},
        None,
        {"bytes": png(np.zeros((28, 28), np.uint8)), "path": None},
    ]
    parquet.write_table(pa.table({"image": pictures}), tmp_path / "p.parquet")
    done = score(tmp_path / "p.parquet", tmp_path / "out", model)
    found = columns(tmp_path / "out")
    assert [said is not None for said in found["prediction"]] == [True, False, False, False, False]
    assert found["findings"][1:] == ["unreadable", "unreadable", "unreadable", "blank"]
    assert [reason is None for reason in found["reason"]] == [True, False, False, False, False]
    assert found["confidence"][1:] == [None] * 4
    assert done.manifest is not None and done.manifest.unread == 4


def test_ids_and_labels_of_the_file_are_kept(tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel):
    for name, ids in {"names": ["b", "a", "c"], "numbers": [7, 5, 9]}.items():
        table = pa.table({"id": ids, "pixels": binary(digits[:3]), "label": ["7", None, "1"]})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
        score(tmp_path / f"{name}.parquet", tmp_path / name, model)
        assert columns(tmp_path / name, "id", "label") == {"id": ids, "label": [7, None, 1]}


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ({"x": [1, 2]}, "columns x"),
        ({"image": [[0] * 784, [0] * 784]}, "columns image"),  # int64
        (
            {"a": pa.array([b"0" * 784], pa.binary(784)), "b": pa.array([b"0" * 784], pa.binary(784))},
            "columns of digits",
        ),
        ({"image": pa.array([b"0" * 784, None], pa.binary(784))}, "1 rows without a digit"),
        ({"image": pa.array([[0] * 783], pa.list_(pa.uint8()))}, "a list of 783 values"),
        ({"image": pa.array([[0] * 783 + [None]], pa.list_(pa.uint8()))}, "a pixel without a value"),
        ({"image": pa.array([b"0" * 784], pa.binary(784)), "label": [77]}, "a label 77"),
        ({"image": pa.array([b"0" * 784], pa.binary(784)), "label": ["seven"]}, "rows that cannot be read"),
        ({"image": pa.array([b"0" * 784], pa.binary(784)), "id": pa.array([None], pa.int64())}, "without an id"),
    ],
)
def test_columns_that_hold_no_digits_are_refused_by_name(
    tmp_path: Path, model: HandedModel, table: dict[str, Any], found: str
):
    parquet.write_table(pa.table(table), tmp_path / "odd.parquet")
    with pytest.raises(BadInput) as refusal:
        score(tmp_path / "odd.parquet", tmp_path / "out", model)
    assert found in refusal.value.found
    assert not list((tmp_path / "out").glob("*.parquet"))


@pytest.mark.parametrize("cut", [5, 40, 2000])
def test_a_cut_file_is_refused(tmp_path: Path, digits: NDArray[np.uint8], cut: int):
    path = tmp_path / "cut.parquet"
    parquet.write_table(pa.table({"pixels": binary(digits[:20])}), path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(BadInput, match="a broken file"):
        open_parquet(path, "cut", None)


def test_broken_pages_are_refused_while_they_are_read(tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel):
    path = tmp_path / "broken.parquet"
    parquet.write_table(pa.table({"pixels": binary(digits[:200])}), path)
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match="a broken file"):
        score(path, tmp_path / "out", model)


def test_another_footer_of_the_same_size_and_time_is_another_input(tmp_path: Path, digits: NDArray[np.uint8]):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"pixels": binary(digits[:20])}), path, compression=None)
    before = open_parquet(path, "a", None).fingerprint
    parquet.write_table(pa.table({"pixels": binary(digits[20:40])}), path, compression=None)
    assert open_parquet(path, "a", None).fingerprint.footer != before.footer


def test_a_file_that_changed_since_it_was_planned_is_not_read(tmp_path: Path, digits: NDArray[np.uint8]):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"pixels": binary(digits[:20])}), path)
    source = open_parquet(path, "a", None)
    parquet.write_table(pa.table({"pixels": binary(digits[:30])}), path)
    with pytest.raises(ChangedInput):
        list(source.read(source.pieces(10, 0)[0]))
