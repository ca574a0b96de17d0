"""Digits to learn from: `python -m drawn.augment DATA OUT` writes MNIST's training digits as other people would draw
them, and drawings that are no digit.

DATA is a folder with MNIST's two training files; nothing else is read. The same seed gives the same bytes, whatever the
number of processes.
"""

from __future__ import annotations

import argparse
import io
import math
import multiprocessing
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.drawing.normalise import RECIPE, SIDE, Grey
from drawn.__main__ import say
from drawn.outliers import HELD_OUT_KINDS, LEARNT_KINDS, Labels, outliers
from drawn.rewrite import rewritten

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
HEADERS = {IMAGES: (16, b"\x00\x00\x08\x03"), LABELS: (8, b"\x00\x00\x08\x01")}
"""Bytes of each file's header, and how it begins. Source: the MNIST page, "The IDX file format"."""
AT_ONCE = 500
"""Digits that one process rewrites at once, from a seed of their own."""
KEPT, KEPT_SHARE = 500, 1 / 10
"""Digits of each class that are kept for choices, never learnt from; of few digits this share."""

Rows = NDArray[np.int32]


class Task(NamedTuple):
    """What one process does at once.

    Attributes:
        seed: of all that chance decides.
        images, labels: digits of MNIST.
        kinds: of outliers; none: the digits are rewritten.
        number: of outliers.
    """

    seed: tuple[int, ...]
    images: Grey
    labels: Labels
    kinds: tuple[str, ...] = ()
    number: int = 0


def read_mnist(folder: Path) -> tuple[Grey, Labels]:
    """MNIST's training digits, (N, 28, 28) uint8, and their labels, (N,) text of one character.

    Raises:
        ValueError: the files are not such files, or do not belong together.
    """
    parts = {}
    for name, (length, begin) in HEADERS.items():
        raw = (folder / name).read_bytes()
        count = int.from_bytes(raw[4:8], "big")
        each = SIDE * SIDE if name == IMAGES else 1
        if raw[:4] != begin or len(raw) != length + count * each or not count:
            raise ValueError(f"{folder / name} is not MNIST's IDX file: python pixelwise-model/mnist.py fetches it")
        parts[name] = np.frombuffer(raw, np.uint8, offset=length).reshape(count, -1)
    images, labels = parts[IMAGES].reshape(-1, SIDE, SIDE), parts[LABELS][:, 0].astype("U1")
    if len(images) != len(labels):
        raise ValueError(f"{folder} has {len(images):,} digits and {len(labels):,} labels")
    return images, labels


def split(labels: Labels, seed: int) -> tuple[Rows, Rows]:
    """The rows to learn from and the rows that are kept for choices: of each class as many, by a seeded draw."""
    chance = np.random.default_rng([seed, 0])
    kept = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        rows = chance.permutation(np.flatnonzero(labels == label))
        kept[rows[: min(KEPT, math.ceil(KEPT_SHARE * len(rows)))]] = True
    return np.flatnonzero(~kept).astype(np.int32), np.flatnonzero(kept).astype(np.int32)


def do(task: Task) -> tuple[Grey, Labels]:
    """The images that a task asks for, and their labels or kinds."""
    chance = np.random.default_rng(task.seed)
    if task.kinds:
        return outliers(task.kinds, task.number, task.images, task.labels, chance)
    return rewritten(task.images, task.labels, chance), task.labels


def rewriting(images: Grey, labels: Labels, rows: Rows, *seed: int) -> list[Task]:
    """The tasks of one copy of these rows."""
    parts = [rows[begin : begin + AT_ONCE] for begin in range(0, len(rows), AT_ONCE)]
    return [Task((*seed, place), images[part], labels[part]) for place, part in enumerate(parts)]


def inventing(images: Grey, labels: Labels, rows: Rows, kinds: tuple[str, ...], count: int, *seed: int) -> list[Task]:
    """The tasks of so many outliers; their montages are of these rows."""
    counts = [min(AT_ONCE, count - begin) for begin in range(0, count, AT_ONCE)]
    return [
        Task((*seed, place), images[part], labels[part], kinds, each)
        for place, each in enumerate(counts)
        for part in [np.roll(rows, -place * AT_ONCE)[:AT_ONCE]]
    ]


def augmented(images: Grey, labels: Labels, options: argparse.Namespace) -> dict[str, NDArray[np.generic]]:
    """The arrays of the file."""
    learnt, kept = split(labels, options.seed)
    learnt, kept = learnt[: options.digits], kept[: options.digits]
    copies = [rewriting(images, labels, learnt, options.seed, 1, copy) for copy in range(options.copies)]
    parts = {
        **{f"copy {copy + 1} of {options.copies}": tasks for copy, tasks in enumerate(copies)},
        "digits that are kept": rewriting(images, labels, kept, options.seed, 2),
        "no digits": inventing(images, labels, learnt, LEARNT_KINDS, options.outliers, options.seed, 3),
        "no digits, held out": inventing(images, labels, kept, HELD_OUT_KINDS, options.held_out, options.seed, 4),
    }
    made = dict(zip(parts, in_processes(parts, options.processes), strict=True))
    seen = {name: np.concatenate([part for part, _ in results]) for name, results in made.items()}
    kinds = {name: np.concatenate([part for _, part in results]) for name, results in made.items()}
    return {
        "copies": np.stack([seen[name] for name in list(parts)[: options.copies]]),
        "learnt": learnt,
        "kept": kept,
        "kept_copies": seen["digits that are kept"],
        "outliers": seen["no digits"],
        "outlier_kinds": kinds["no digits"],
        "held_out": seen["no digits, held out"],
        "held_out_kinds": kinds["no digits, held out"],
        "recipe": np.array(RECIPE, np.int64),
    }


def in_processes(parts: dict[str, list[Task]], processes: int) -> Iterator[list[tuple[Grey, Labels]]]:
    """The results of each part's tasks, in their order; reports progress on stderr."""
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        results = pool.imap(do, [task for tasks in parts.values() for task in tasks])
        for name, tasks in parts.items():
            yield [next(results) for _ in tasks]
            say(f"{name}: {time.monotonic() - began:.0f} s")


def file_of(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """An .npz of arrays, nothing pickled and nothing compressed; the same arrays are the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return file.getvalue()


def read_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m drawn.augment", description=__doc__)
    parser.add_argument("data", type=Path, help=f"the folder with {IMAGES} and {LABELS}")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (0)")
    parser.add_argument("--copies", type=int, default=6, help="how often each digit is drawn anew (6)")
    parser.add_argument("--digits", type=int, help="most digits to learn from, and most that are kept (all)")
    parser.add_argument("--outliers", type=int, default=9000, help="drawings that are no digit (9000)")
    parser.add_argument("--held-out", type=int, default=2700, help="the same, never to be learnt from (2700)")
    parser.add_argument("--processes", type=int, default=2, help="at work at once (2)")
    options = parser.parse_args()
    if options.seed < 0 or min(options.copies, options.outliers, options.held_out, options.processes) < 1:
        parser.error("--seed is 0 or more, all other numbers 1 or more")
    if not options.out.parent.is_dir():
        parser.error(f"{options.out.parent} is no folder: make it, or name a file elsewhere")
    missing = [name for name in HEADERS if not (options.data / name).is_file()]
    if missing:
        parser.error(f"{options.data} has no {' and no '.join(missing)}: python pixelwise-model/mnist.py fetches them")
    return options


def main() -> None:
    """Reads, draws and writes."""
    options = read_options()
    try:
        images, labels = read_mnist(options.data)
    except ValueError as error:
        sys.exit(f"error: {error}")
    arrays = augmented(images, labels, options)
    options.out.write_bytes(file_of(arrays))
    sizes = ", ".join(f"{name} {len(arrays[name])}" for name in ("learnt", "kept", "outliers", "held_out"))
    say(f"{options.out}: {options.copies} copies as recipe {RECIPE} sees them; {sizes}")


if __name__ == "__main__":
    main()
