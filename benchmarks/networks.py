"""The engine of ONNX networks beside onnxruntime, on one thread, in processor time.

    .venv/bin/python benchmarks/networks.py [FILE.onnx ...]

Without a file: the architecture of v3.0 with random weights. Both compute the same bytes in one process, in rounds of
turns; a ratio is our time by theirs in the same round: the median over the rounds, in brackets smallest and largest.
Before anything is timed, their scores must agree within 1e-5. Aimed at: at most 3 times onnxruntime's time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # before numpy is imported
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - threads and the path to app/ come first
import onnxruntime  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from app.model.contract import SCORE_TOLERANCE  # noqa: E402
from app.model.formats import read_model  # noqa: E402
from tests.attacks.onnx_files import Net, encode  # noqa: E402

SIZES = (1, 50, 1_000)
ROUNDS = 21
SECONDS_PER_TURN = 0.05
AIM = 3.0

Scores = Callable[[NDArray[np.uint8]], NDArray[np.floating]]


def main(arguments: Sequence[str]) -> None:
    files = {Path(name).name: Path(name).read_bytes() for name in arguments}
    for name, data in (files or {"the architecture of v3.0": like_v3()}).items():
        print(f"\n{name}\n\n| images | engine, µs | onnxruntime, µs | ratio | aim |\n|---|---|---|---|---|")
        ours, theirs = read_model(data, lambda: "unit").scores, onnxruntime_scores(data)
        for size in SIZES:
            images = np.random.default_rng(size).integers(0, 256, (size, 28, 28), dtype=np.uint8)
            apart = float(np.abs(ours(images) - theirs(images)).max())
            if not apart <= SCORE_TOLERANCE:
                sys.exit(f"bench: scores are {apart:.1e} apart")
            print(row(size, *rounds(ours, theirs, images)))


def like_v3() -> bytes:
    """Four convolutions, two pools, 69 thousand weights."""
    net = Net(gain=1.4).scaled().conv(24, 1, 5, strides=[2, 2]).add("Relu")
    for maps, channels, is_pooled in ((32, 24, True), (64, 32, True), (64, 64, False)):
        net.conv(maps, channels, 3, pads=[1, 1, 1, 1]).add("Relu")
        if is_pooled:
            net.pool()
    return encode(net.add("Flatten").gemm(576, 10).end())


def onnxruntime_scores(data: bytes) -> Scores:
    """onnxruntime on bytes of our own making, or that the caller trusts; float32 pixels are divided by 255."""
    options = onnxruntime.SessionOptions()  # all graph optimisations are on by default
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()

    def scores(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        pixels: Any = images.reshape(len(images), *wanted.shape[1:])
        if wanted.type == "tensor(float)":
            pixels = pixels / np.float32(255)
        found: NDArray[np.floating] = session.run(None, {wanted.name: pixels})[0]
        return found

    return scores


def rounds(ours: Scores, theirs: Scores, images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Seconds of one call, of each, for each round; who begins changes."""
    seconds: dict[Scores, list[float]] = {ours: [], theirs: []}
    repeats = {one: max(1, round(SECONDS_PER_TURN / max(1e-6, timed(one, images, 3)))) for one in seconds}
    for number in range(ROUNDS):
        for one in (ours, theirs) if number % 2 else (theirs, ours):
            seconds[one].append(timed(one, images, repeats[one]))
    return seconds[ours], seconds[theirs]


def timed(scores: Scores, images: NDArray[np.uint8], repeats: int) -> float:
    started = time.process_time()
    for _ in range(repeats):
        scores(images)
    return (time.process_time() - started) / repeats


def row(size: int, ours: list[float], theirs: list[float]) -> str:
    ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    verdict = "met" if median(ratios) <= AIM else "missed"
    spread = f"{median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
    return f"| {size:,} | {1e6 * median(ours):,.0f} | {1e6 * median(theirs):,.0f} | {spread} | ≤ {AIM:g} {verdict} |"


if __name__ == "__main__":
    main(sys.argv[1:])
