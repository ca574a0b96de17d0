"""MNIST as four arrays, from the first source that answers, held against known SHA-256 digests.

    python mnist.py [--cache DIR] [--test-only]

ensures that the four IDX files (or the two of the test set) lie in the cache. Only numpy is needed.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sources
from errors import REMEDIES, LocalFault, MnistUnavailable, ModelRepositoryError, SourceFailed, local_faults

CACHE = Path(__file__).resolve().parent / "data"
ROOM = 256 << 20
"""Bytes that must be free to fetch: OpenML's table, its copy as text, and the files that are kept."""


@dataclass(frozen=True)
class IdxFile:
    """One IDX file of unsigned bytes. Source: yann.lecun.com/exdb/mnist, "The IDX file format"."""

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the whole file, header and all."""
        return len(idx_header(self.shape)) + int(np.prod(self.shape))


def idx_header(shape: tuple[int, ...]) -> bytes:
    """(60000, 28, 28) -> 00 00 08 03, then each size in 32 bits, big-endian; 08: unsigned bytes."""
    return bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    (60_000, 28, 28),
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte", (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    (10_000, 28, 28),
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte", (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
)
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
TEST_FILES = (TEST_IMAGES, TEST_LABELS)


class Mnist(NamedTuple):
    """Read-only uint8 arrays: images (N, 28, 28), 0 paper to 255 ink; labels (N,), 0 to 9."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_mnist(cache: Path = CACHE, *, files: tuple[IdxFile, ...] = FILES) -> Mnist:
    """The four arrays, from the cache if it holds them, otherwise fetched into it first.

    Raises:
        MnistUnavailable: no source gave the promised bytes.
    """
    ensure(cache, files)
    return Mnist(*(read_idx(cache / file.name, file) for file in files))


def ensure(
    cache: Path,
    files: Iterable[IdxFile] = FILES,
    *,
    fetchers: Mapping[str, sources.Fetch] = sources.FETCHERS,
) -> list[str]:
    """Put the files that are missing or damaged into the cache; returns their names ([]: nothing to do).

    Every file is written beside its place and renamed, so an interrupted run leaves none half written.
    """
    missing = [file for file in files if not _is_cached(cache / file.name, file)]
    if not missing:
        return []
    failures = {"cache": f"{', '.join(file.name for file in missing)} not in {cache}"}
    cache.mkdir(parents=True, exist_ok=True)
    _check_room(cache)
    for source, fetch in fetchers.items():
        # The folder lies in the cache so that a rename never crosses a file system.
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as folder:
            try:
                fetch({file.name: file.size for file in missing}, Path(folder))
                for file in missing:
                    _check(Path(folder, file.name), file)
            except SourceFailed as failure:
                failures[source] = str(failure)
                say(f"{source}: {failure}")
                continue
            for file in missing:
                Path(folder, file.name).replace(cache / file.name)
        return [file.name for file in missing]
    raise MnistUnavailable(failures, cache=cache)


def _check_room(cache: Path) -> None:
    """A full disk is no source that fails; what fetches is a process of its own, and could only fail."""
    free = shutil.disk_usage(cache).free
    if free < ROOM:
        found = f"{free >> 20} MiB free, {ROOM >> 20} needed to fetch MNIST"
        raise LocalFault(str(cache), found=found, remedy=REMEDIES[errno.ENOSPC])


def read_idx(path: Path, file: IdxFile) -> np.ndarray:
    """The array of an IDX file, read-only uint8 of `file.shape`.

    Raises:
        SourceFailed: the bytes are not the promised ones.
    """
    raw = _check(path, file)
    # A view of immutable bytes: numpy marks it read-only.
    return np.frombuffer(raw, dtype=np.uint8, offset=len(idx_header(file.shape))).reshape(file.shape)


def _check(path: Path, file: IdxFile) -> bytes:
    if not path.is_file():
        raise SourceFailed(f"it has no {file.name}")
    if path.stat().st_size != file.size:
        raise SourceFailed(f"{file.name} has {path.stat().st_size} bytes, promised {file.size}")
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest != file.sha256:
        raise SourceFailed(f"{file.name} hashes to {digest[:12]}…, promised {file.sha256[:12]}…")
    return raw


def _is_cached(path: Path, file: IdxFile) -> bool:
    if not path.exists():
        return False
    try:
        _check(path, file)
    except SourceFailed as failure:
        say(f"cache: {failure}; it will be replaced")
        return False
    return True


def say(message: str) -> None:
    """Progress, on stderr: stdout is for results."""
    print(message, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="where the IDX files are kept (default: data/)"
    )
    parser.add_argument("--test-only", action="store_true", help="only the two files of the test set")
    options = parser.parse_args(arguments)
    try:
        with local_faults():
            fetched = ensure(options.cache, TEST_FILES if options.test_only else FILES)
    except ModelRepositoryError as error:
        say(f"error: {error}")
        return error.exit_code
    print(
        f"fetched {', '.join(fetched)} into {options.cache}" if fetched else f"{options.cache}: nothing to do"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
