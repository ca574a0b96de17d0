from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from app.model.mnist import IMAGES, LABELS, read_mnist_test
from app.model.refusals import MissingDigits
from tests.conftest import MNIST_FOLDER, Mnist

NAMES = (IMAGES[0], LABELS[0])


@pytest.fixture
def folder(tmp_path: Path, mnist: Mnist) -> Path:
    for name in NAMES:
        shutil.copy(MNIST_FOLDER / name, tmp_path)
    return tmp_path


def test_the_10_000_test_digits_are_read_as_the_files_hold_them(folder: Path, mnist: Mnist):
    images, labels = read_mnist_test(folder)
    assert images.dtype == np.uint8
    assert np.array_equal(images, mnist.test_images)
    assert labels == tuple(map(str, mnist.test_labels.tolist()))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named_with_what_fetches_it(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(MissingDigits, match=name) as caught:
        read_mnist_test(folder)
    assert caught.value.exit_code == 3
    assert f"mnist.py --test-only --cache {folder}`" in caught.value.remedy


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data[:-1] + b"\xff", lambda data: data + b"\0"])
def test_other_bytes_are_refused(folder: Path, name: str, spoil):
    (folder / name).write_bytes(spoil((folder / name).read_bytes()))
    with pytest.raises(MissingDigits, match="other bytes"):
        read_mnist_test(folder)


def test_a_link_is_no_file(folder: Path):
    (folder / NAMES[0]).rename(folder / "elsewhere")
    (folder / NAMES[0]).symlink_to("elsewhere")
    with pytest.raises(MissingDigits, match="is a link"):
        read_mnist_test(folder)
