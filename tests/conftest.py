"""What many tests share: MNIST, as the cache of the model repository holds it."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

pytest_plugins = ["tests.installation", "tests.service", "tests.course"]

LONG = "PIXELWISE_LONG"
"""In the environment: the long forms are run too, as `.ci/run` does."""


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("file_or_dir", None):  # whoever names a file wants to see it run
        os.environ[LONG] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get(LONG):
        skip = pytest.mark.skip(reason=f"a long form: `{LONG}=1 make test` runs it, and so does .ci/run")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)


def long(*values: Any) -> list[Any]:
    """Values of a parameter, or tuples of several, that only the long forms run: more of a kind than the others are."""
    tuples = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*several, marks=pytest.mark.long) for several in tuples]


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
