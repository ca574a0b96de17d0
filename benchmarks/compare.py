"""One version and one size of batch, all contenders in one process, in turns: every round's seconds as JSON on stdout.

    MODEL_VERSION=v1.0 python benchmarks/compare.py --images 50 [--threads 1] [--rounds 15] [--after-large]

`run.py` calls this for each version and size. Threads of the linear algebra are set in the environment, before numpy is
imported. Each size has a process of its own: once some megabytes were freed in one piece, the C library keeps memory at
hand, and the plain path's next batches of 1,000 are 1.7 times faster. `--after-large` measures that state.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from contenders import Images, contenders
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from app.classifier import CLASSES, MODEL
from app.model.contract import SCORE_TOLERANCE

BATCHES = 20
"""Most different batches."""
SECONDS_PER_TURN = 0.05
"""A contender repeats its batches until its turn takes about this long, so that one interruption weighs little."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, required=True, help="of one batch")
    parser.add_argument("--threads", type=int, help="as set in the environment; left out: one for each core")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--after-large", action="store_true", help="all handle 10,000 images once before")
    options = parser.parse_args()
    # Read in one piece that stays: see above.
    file = Path(os.environ["MNIST_DIR"]) / "t10k-images-idx3-ubyte"
    images = np.fromfile(file, np.uint8, offset=16).reshape(-1, 28, 28)
    entrants = contenders(threads=options.threads)
    difference = hold_against_each_other(entrants, images, step=max(options.images, 50))
    if options.after_large:
        hold_against_each_other(entrants, images, step=len(images))
    medians, means = rounds(entrants, batches(images, options.images), count=options.rounds)
    result = {
        "version": MODEL.version,
        "kind": MODEL.scorer.kind,
        "threads": options.threads,
        "after_large": options.after_large,
        "worst_difference": difference,
        "blas": sorted({blas_name(one) for one in threadpool_info() if one["user_api"] == "blas"}),
        "seconds": medians,
        "means": means,
    }
    json.dump(result, sys.stdout)


def blas_name(library: Mapping[str, Any]) -> str:
    return f"{library['internal_api']} {library['version']} ({library['architecture']} kernels)"


def hold_against_each_other(entrants: Mapping[str, Callable[[Images], Any]], images: Images, *, step: int) -> float:
    """Ends the benchmark if a contender is fast but wrong; returns the largest difference of two scores.

    Args:
        step: images of one call; no more than are measured next, see above.
    """
    worst = 0.0
    for start in range(0, len(images), step):
        batch = images[start : start + step]
        truth: NDArray[np.float64] = entrants["plain scores"](batch)
        for name in ("engine", "onnxruntime", "classify_batch", "plain answers"):
            labels, scores = labels_and_scores(entrants[name](batch))
            difference = float(np.abs(scores - truth).max())
            wrong = sum(label != CLASSES[best] for label, best in zip(labels, truth.argmax(axis=1), strict=True))
            if wrong or not difference <= SCORE_TOLERANCE:
                sys.exit(f"bench: {name} is wrong for {MODEL.version}: {wrong} labels, scores differ by {difference}")
            worst = max(worst, difference)
    return worst


def labels_and_scores(given: Any) -> tuple[list[str], NDArray[np.floating]]:
    """The labels and scores of answers as dictionaries, or of an array of scores."""
    if isinstance(given, list):
        return [answer["prediction"] for answer in given], np.array([[*answer["scores"].values()] for answer in given])
    return [CLASSES[best] for best in given.argmax(axis=1)], given


def batches(images: Images, size: int) -> list[Images]:
    """Different batches of equal size."""
    return [images[start : start + size] for start in range(0, len(images) - size + 1, size)][:BATCHES]


def rounds(
    entrants: Mapping[str, Callable[[Images], Any]], work: Sequence[Images], *, count: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds for one batch, for each contender in each round: the median of its turn's calls, and their mean.

    The garbage collector stays on, and few calls hold one of its full collections: the median leaves those out on all
    sides, the mean includes them. The contender that begins a round changes.
    """
    repeats = {name: turns_for(run, work) for name, run in entrants.items()}
    medians: dict[str, list[float]] = {name: [] for name in entrants}
    means: dict[str, list[float]] = {name: [] for name in entrants}
    for order in rotations(list(entrants), count):
        for name in order:
            seconds = timed(entrants[name], work, repeats=repeats[name])
            medians[name].append(median(seconds))
            means[name].append(fmean(seconds))
    return medians, means


def turns_for(run: Callable[[Images], Any], work: Sequence[Images]) -> int:
    timed(run, work, repeats=1)  # warms up
    return max(1, round(SECONDS_PER_TURN / sum(timed(run, work, repeats=1))))


def rotations(names: list[str], count: int) -> Iterator[list[str]]:
    for number in range(count):
        first = number % len(names)
        yield names[first:] + names[:first]


def timed(run: Callable[[Images], Any], work: Sequence[Images], *, repeats: int) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for _ in range(repeats):
        for batch in work:
            started = time.perf_counter()
            run(batch)
            seconds.append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
