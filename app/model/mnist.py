"""MNIST's test digits from their IDX files, with numpy alone, for releases without a golden set."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.model.plain_file import NotPlain, read_plain_file
from app.model.refusals import MissingDigits

# Source: SHA-256 of the uncompressed files of the MNIST page of LeCun, Cortes and Burges.
IMAGES = ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7")
LABELS = ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2")
_MAX_BYTES = 8 << 20

Digits = tuple[NDArray[np.uint8], tuple[str, ...]]
"""(N, 28, 28) uint8, 0 paper to 255 ink, and their N labels as text."""


def read_mnist_test(folder: Path) -> Digits:
    """The 10,000 test digits.

    Raises:
        MissingDigits: the files are not in `folder`, or are not MNIST's.
    """
    images = _content(folder, *IMAGES)[16:]  # after the magic number and three sizes, for which the digest vouches
    labels = _content(folder, *LABELS)[8:]
    return np.frombuffer(images, np.uint8).reshape(-1, 28, 28), tuple(map(str, labels))


def _content(folder: Path, name: str, digest: str) -> bytes:
    path = folder / name
    try:
        data = read_plain_file(path, limit=_MAX_BYTES)
    except NotPlain as error:
        raise MissingDigits(path, found="no such file" if error.is_missing else error.why) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise MissingDigits(path, found="other bytes")
    return data
