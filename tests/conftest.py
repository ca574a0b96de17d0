"""What many tests share: MNIST, as the cache of the model repository holds it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

pytest_plugins = ["tests.installation", "tests.service", "tests.course"]

MNIST_FOLDER = Path(__file__).resolve().parent.parent / "pixelwise-model" / "data"


class Mnist(NamedTuple):
    """Read-only uint8 arrays: images (N, 28, 28), 0 paper to 255 ink; labels (N,), 0 to 9."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@pytest.fixture(scope="session")
def mnist() -> Mnist:
    """60,000 training and 10,000 held-out digits."""
    names = (f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
    paths = [MNIST_FOLDER / name for name in names]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not in {MNIST_FOLDER}: `make test` puts them there.")
    return Mnist(*map(read_idx, paths))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes: 00 00 08, the number of sizes, each size in 4 bytes, the values."""
    raw = path.read_bytes()
    sizes = np.frombuffer(raw, ">u4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + sizes.nbytes).reshape(sizes)
