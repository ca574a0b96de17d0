"""A small world of digits: ten invented shapes with noise, learnt in a second."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import mnist
import release
from calibration import DrawnDigits
from mnist import IdxFile, Mnist
from train import Recipe

NINE = Recipe(tuple("123456789"), ("0",), lambda: LogisticRegression(tol=1e-3, max_iter=500))
TEN = Recipe(tuple("0123456789"), (), lambda: LogisticRegression(tol=1e-3, max_iter=500))


def shapes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, 28, 28) uint8 and (count,) uint8: noisy enough that some are read wrongly."""
    ten = np.random.default_rng(0).random((10, 5, 5)) < 0.5
    draw = np.random.default_rng(seed)
    digits = draw.integers(0, 10, count).astype(np.uint8)
    ink = np.zeros((count, 28, 28), bool)
    ink[:, 4:24, 4:24] = ten[digits].repeat(4, axis=1).repeat(4, axis=2)
    ink ^= draw.random(ink.shape) < 0.38
    values = np.where(ink, draw.integers(129, 256, ink.shape), draw.integers(0, 129, ink.shape))
    return values.astype(np.uint8), digits


@pytest.fixture(scope="session")
def small() -> Mnist:
    """900 digits to learn, 1,400 to be tested on."""
    return Mnist(*shapes(900, seed=1), *shapes(1_400, seed=2))


def drawn_arrays(count: int = 1_400) -> dict[str, np.ndarray]:
    """PixelWise's drawn.npz in arrays, with the same shapes in place of people's digits."""
    images, digits = shapes(count, seed=3)
    place = np.arange(count)
    return {
        "images": images,
        "labels": digits.astype("U1"),
        "conditions": np.where(place % 3 == 0, "shadow edge", "strokes").astype("<U20"),
        "hands": np.where(place % 2 == 0, "calibration", "test").astype("<U11"),
        "recipe": np.int64(2),
    }


@pytest.fixture(scope="session")
def small_drawn() -> DrawnDigits:
    """The same, read."""
    arrays = drawn_arrays()
    return DrawnDigits(**arrays | {"recipe": 2}, sha256="d" * 64)


def as_idx(data: Mnist) -> dict[str, bytes]:
    """The four files as MNIST has them: name -> bytes."""
    return {
        file.name: mnist.idx_header(part.shape) + part.tobytes()
        for file, part in zip(mnist.FILES, data, strict=True)
    }


@pytest.fixture(scope="session")
def small_files(small: Mnist) -> tuple[IdxFile, ...]:
    """The `mnist.FILES` of an MNIST that is this small."""
    from hashlib import sha256

    return tuple(
        IdxFile(name, part.shape, sha256(raw).hexdigest())
        for (name, raw), part in zip(as_idx(small).items(), small, strict=True)
    )


@pytest.fixture
def small_cache(small: Mnist, tmp_path: Path) -> Path:
    """A cache that holds the small files."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, raw in as_idx(small).items():
        (cache / name).write_bytes(raw)
    return cache


@pytest.fixture
def small_world(small, small_files, monkeypatch):
    """The command with a table and a MNIST that take a second."""
    monkeypatch.setattr(
        release,
        "release_from_table",
        lambda version, repository, cache, drawn, lessons, signer, tell: release.release(
            version, NINE, small, repository, files=small_files, signer=signer, tell=tell
        ),
    )
