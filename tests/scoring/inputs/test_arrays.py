"""Digits in .npy and IDX files, whole and hostile."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.scoring.handed_model import HandedModel
from app.scoring.inputs.arrays import open_arrays
from app.scoring.inputs.source import Source
from app.scoring.refusals import BadInput, ChangedInput
from tests.conftest import Mnist
from tests.scoring.conftest import columns, score


def idx(array: NDArray[Any]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def rows_of(source: Source, rows: int) -> NDArray[np.uint8]:
    batches = [batch for piece in source.pieces(rows, 0) for batch in source.read(piece)]
    ids = np.concatenate([batch.ids for batch in batches])
    assert ids.tolist() == list(range(len(ids)))
    return np.concatenate([batch.pixels for batch in batches])


@pytest.mark.parametrize("kind", ["npy", "flat", "idx", "gz"])
def test_every_form_gives_the_same_digits(tmp_path: Path, digits: NDArray[np.uint8], kind: str):
    path = tmp_path / "digits"
    with path.open("wb") as file:
        if kind == "gz":
            file.write(gzip.compress(idx(digits)))
        elif kind == "idx":
            file.write(idx(digits))
        else:
            np.save(file, digits.reshape(-1, 784) if kind == "flat" else digits)
    source = open_arrays(path, "digits", None)
    assert (rows_of(source, 250) == digits).all()
    assert len(source.pieces(250, 0)) == (1 if kind == "gz" else 3)


def test_labels_of_idx_are_found_beside_the_images(tmp_path: Path, mnist: Mnist, model: HandedModel):
    images = tmp_path / "t10k-images-idx3-ubyte.gz"
    images.write_bytes(gzip.compress(idx(mnist.test_images[:50])))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(mnist.test_labels[:50]))
    done = score(images, tmp_path / "out", model)
    assert done.manifest is not None and done.manifest.labelled == 50
    assert columns(tmp_path / "out", "label")["label"] == mnist.test_labels[:50].tolist()


ONE = np.zeros((2, 28, 28), np.uint8)


def npy(array: NDArray[Any], **changed: Any) -> bytes:
    file = io.BytesIO()
    if changed:
        header = {"descr": "|u1", "fortran_order": False, "shape": array.shape, **changed}
        np.lib.format.write_array_header_1_0(file, header)
        return file.getvalue() + array.tobytes()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (npy(ONE)[:-1], "where an array uint8 (2, 28, 28) has"),
        (npy(ONE) + b"x", "where an array uint8 (2, 28, 28) has"),
        (npy(ONE / 255), "an array float64 (2, 28, 28)"),
        (npy(np.zeros((2, 28, 27), np.uint8)), "an array uint8 (2, 28, 27)"),
        (npy(np.array([{"a": 1}], object)), "pickled objects"),
        (npy(ONE, shape=(10**12, 28, 28)), "where an array uint8 (1000000000000, 28, 28) has"),
        (npy(ONE, shape=(True, 28, 28)), "an array of shape (True, 28, 28)"),
        (npy(ONE, shape=(-1, 28, 28)), "an array of shape (-1, 28, 28)"),
        (npy(ONE, fortran_order=True), "Fortran's order"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr': open()}", "no .npy header"),
        (b"\x93NUMPY\x03\x00", "no .npy header"),
        (idx(ONE)[:-1], "where an array uint8 (2, 28, 28) has"),
        (idx(ONE)[:9], "an end before its header promised it"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2**32 - 1, 28, 28), "where an array uint8 (4294967295, 28, 28) has"),
        (b"\0\0\x08\xff", "neither an array nor pictures"),
        (b"\x1f\x8b\x08broken", "a broken file"),
        (b"", "neither an array nor pictures"),
        (b"GIF89a", "neither an array nor pictures"),
    ],
    ids=repr,
)
def test_what_is_no_array_of_digits_is_refused_by_name(tmp_path: Path, data: bytes, found: str):
    path = tmp_path / "odd"
    path.write_bytes(data)
    with pytest.raises(BadInput) as refusal:
        open_arrays(path, "odd", None)
    assert found in refusal.value.found
    assert refusal.value.exit_code == 4


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (packed(idx(ONE))[:-20], "a broken file"),
        (packed(idx(ONE)[:-5]), "an end before"),
        (packed(idx(ONE) + b"x"), "more bytes"),
    ],
)
def test_a_compressed_file_that_is_not_as_its_header_says_is_refused_while_it_is_read(
    tmp_path: Path, data: bytes, found: str
):
    path = tmp_path / "odd.gz"
    path.write_bytes(data)
    source = open_arrays(path, "odd", None)
    with pytest.raises(BadInput, match=found):
        rows_of(source, 10)


def test_a_file_that_changed_since_it_was_planned_is_not_read(tmp_path: Path):
    path = tmp_path / "digits.npy"
    np.save(path, ONE)
    source = open_arrays(path, "digits", None)
    np.save(path, np.concatenate([ONE, ONE]))
    with pytest.raises(ChangedInput, match="bytes instead of"):
        rows_of(source, 10)
    path.unlink()
    with pytest.raises(ChangedInput, match="it is gone"):
        rows_of(source, 10)
