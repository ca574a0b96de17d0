"""One version, all contenders in one process, in turns: the seconds of every round as JSON on stdout.

    MODEL_VERSION=v1.0 python benchmarks/compare.py [--threads 1] [--rounds 21]

`run.py` calls this once for each version; threads of the linear algebra are set in the environment, before numpy is
imported. The garbage collector stays on: its work on many small dictionaries is part of what answers cost.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Images, contenders
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from app.classifier import CLASSES, MODEL
from app.inference.contract import SCORE_TOLERANCE
from app.inference.mnist import read_mnist_test

SIZES = (1, 50, 1_000, 10_000)
BATCHES = 20
"""So many different batches of one size, at most."""
SECONDS_PER_TURN = 0.02
"""A contender runs its batches again until its turn takes about so long, so that one interruption weighs little."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, help="as set in the environment; left out: one for each core")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    images, _ = read_mnist_test(Path(os.environ["MNIST_DIR"]))
    entrants = contenders(threads=options.threads)
    difference = hold_against_each_other(entrants, images)
    seconds = {
        size: rounds(entrants, batches(images, size), count=options.rounds) for size in SIZES if size <= len(images)
    }
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    result = {
        "version": MODEL.version,
        "kind": MODEL.artefact.kind,
        "threads": options.threads,
        "worst_difference": difference,
        "blas": sorted({f"{one['internal_api']} {one['version']} ({one['architecture']})" for one in blas}),
        "seconds": seconds,
    }
    json.dump(result, sys.stdout)


def hold_against_each_other(entrants: Mapping[str, Callable[[Images], Any]], images: Images) -> float:
    """Ends the benchmark if anybody is fast and wrong; returns the largest difference of two scores."""
    truth: NDArray[np.float64] = entrants["plain scores"](images)
    worst = 0.0
    for name in ("engine", "onnxruntime", "classify_batch", "plain answers"):
        given = entrants[name](images)
        if isinstance(given, list):
            labels = [answer["prediction"] for answer in given]
            given = np.array([list(answer["scores"].values()) for answer in given])
        else:
            labels = [CLASSES[index] for index in given.argmax(axis=1)]
        difference = float(np.abs(given - truth).max())
        wrong = sum(label != CLASSES[index] for label, index in zip(labels, truth.argmax(axis=1), strict=True))
        if wrong or not difference <= SCORE_TOLERANCE:
            sys.exit(f"bench: {name} is wrong for {MODEL.version}: {wrong} labels, scores differ by {difference}")
        worst = max(worst, difference)
    return worst


def batches(images: Images, size: int) -> list[Images]:
    """Different ones of equal size."""
    return [images[start : start + size] for start in range(0, len(images) - size + 1, size)][:BATCHES]


def rounds(
    entrants: Mapping[str, Callable[[Images], Any]], work: Sequence[Images], *, count: int
) -> dict[str, list[float]]:
    """Seconds for one batch, for each contender in each round; who begins a round changes."""
    repeats = {name: turns_for(run, work) for name, run in entrants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in entrants}
    for order in rotations(list(entrants), count):
        for name in order:
            total = timed(entrants[name], work, repeats=repeats[name])
            seconds[name].append(total / (repeats[name] * len(work)))
    return seconds


def turns_for(run: Callable[[Images], Any], work: Sequence[Images]) -> int:
    timed(run, work, repeats=1)  # warms up
    return max(1, round(SECONDS_PER_TURN / timed(run, work, repeats=1)))


def rotations(names: list[str], count: int) -> Iterator[list[str]]:
    for number in range(count):
        first = number % len(names)
        yield names[first:] + names[:first]


def timed(run: Callable[[Images], Any], work: Sequence[Images], *, repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        for batch in work:
            run(batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
