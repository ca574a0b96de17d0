"""Processor time of reading a picture, by part, and of other decoders beside Pillow's.

    .venv/bin/uv venv benchmarks/.venv-decoders
    .venv/bin/uv pip install --python benchmarks/.venv-decoders -r requirements.txt simplejpeg pyspng
    benchmarks/.venv-decoders/bin/python benchmarks/decoding.py [--rounds 9]

Rows are files: MNIST's digits as PNG, a canvas, photographs. "read" is what the service and `pixelwise score` do with a
file, to 28x28; "decode" the part of it that ends in pixels. Another decoder would be taken if reading with it took half
the time; so the last column divides reading by reading less what the faster of the others saves. All take turns.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pyspng  # type: ignore[import-not-found]  # of this benchmark's own environment
import simplejpeg  # type: ignore[import-not-found]
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.drawing.decode_image import decode, open_picture  # noqa: E402 - the path to app/ comes first
from app.drawing.recipe import see  # noqa: E402
from app.model.mnist import read_mnist_test  # noqa: E402

Values = NDArray[np.uint8]


def encoded(values: Values, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind, quality=90)
    return file.getvalue()


def enlarged(digit: Values, side: int) -> Values:
    """A digit as dark ink on a light sheet."""
    return np.asarray(Image.fromarray(255 - digit).resize((side, side)))


def photograph(digit: Values, side: int, noise: np.random.Generator) -> Values:
    """The same, dimmer and with a camera's noise, in colour."""
    grey = enlarged(digit, side) * 0.6 + 60 + noise.normal(0, 4, (side, side))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def files() -> dict[str, list[bytes]]:
    digits, _ = read_mnist_test(ROOT / "pixelwise-model" / "data")
    noise = np.random.default_rng(16)
    return {
        "a digit of 28 x 28, PNG": [encoded(digit, "PNG") for digit in digits[:300]],
        "a canvas of 280 x 280, PNG": [encoded(enlarged(digit, 280), "PNG") for digit in digits[:60]],
        "a photograph of 1.4 megapixels, JPEG": [encoded(photograph(d, 1200, noise), "JPEG") for d in digits[:5]],
        "a photograph of 9 megapixels, JPEG": [encoded(photograph(d, 3000, noise), "JPEG") for d in digits[:2]],
    }


def other(data: bytes) -> object:
    """The pixels, by the decoder that is made for this kind alone."""
    return pyspng.load(data) if data.startswith(b"\x89PNG") else simplejpeg.decode_jpeg(data)


def with_pillow(data: bytes) -> object:
    return np.asarray(Image.open(io.BytesIO(data)))


WAYS: dict[str, Callable[[bytes], object]] = {
    "read": lambda data: see(decode(open_picture(data))),
    "decode": lambda data: decode(open_picture(data)),
    "Pillow alone": with_pillow,
    "pyspng or simplejpeg alone": other,
}


def measured(several: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Microseconds of processor time a file, median of rounds, of each way."""
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            before = time.process_time()
            for data in several:
                way(data)
            times[name].append((time.process_time() - before) / len(several) * 1e6)
    return {name: median(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(f"OPENBLAS_CORETYPE is {'set' if 'OPENBLAS_CORETYPE' in os.environ else 'not set'}; {rounds} rounds\n")
    print(f"| µs of processor time a file | {' | '.join(WAYS)} | reading would be faster by |")
    print(f"|---{'|---' * (len(WAYS) + 1)}|")
    for name, several in files().items():
        found = measured(several, rounds)
        saved = min(found["decode"], found["Pillow alone"]) - found["pyspng or simplejpeg alone"]
        times = " | ".join(f"{one:,.0f}" for one in found.values())
        print(f"| {name} | {times} | {found['read'] / (found['read'] - max(0.0, saved)):.2f} |", flush=True)


if __name__ == "__main__":
    main()
