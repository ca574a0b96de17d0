"""A network, trained on MNIST's 60,000 training digits and what was made of them, as an ONNX file.

    python train_v3.py [--out FILE] [--cache DIR] [--augmented FILE] [--seed N] [--epochs N]

The same seed gives the same bytes on one kind of processor. It needs what requirements-v3.txt lists.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from augmented import Augmented, read_augmented
from batches import Plan
from errors import ModelRepositoryError, PackagesMissing, local_faults
from mnist import CACHE, TRAIN_IMAGES, TRAIN_LABELS, ensure, read_idx, say

HERE = Path(__file__).resolve().parent
AUGMENTED = HERE / "data" / "augmented.npz"
OUT = HERE / "digit_classifier_v3.onnx"
SEED = 0


CLASSES = tuple("0123456789")


def artefact(images: np.ndarray, labels: np.ndarray, augmented: Augmented, *, seed: int, plan: Plan) -> bytes:
    """The ONNX file of a network that is trained on these digits.

    Args:
        images, labels: MNIST's training digits, (60000, 28, 28) and (60000,) uint8.

    Raises:
        PackagesMissing: this environment was made for the other versions.
    """
    try:
        from learning import train_network
        from network import to_onnx
    except ModuleNotFoundError as missing:
        raise PackagesMissing(missing.name or "a package") from missing
    return to_onnx(train_network(images, labels, augmented, seed=seed, plan=plan), CLASSES)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=OUT, help="the file to write (default: beside this script)"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="where MNIST's files are kept")
    parser.add_argument(
        "--augmented", type=Path, default=AUGMENTED, help="PixelWise's file of digits to learn from"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"of all that chance decides ({SEED})")
    parser.add_argument("--epochs", type=float, default=Plan.epochs, help=f"of the training ({Plan.epochs})")
    options = parser.parse_args(arguments)
    try:
        with local_faults():
            augmented = read_augmented(options.augmented)
            ensure(options.cache, (TRAIN_IMAGES, TRAIN_LABELS))
            images, labels = (
                read_idx(options.cache / file.name, file) for file in (TRAIN_IMAGES, TRAIN_LABELS)
            )
            plan = Plan(epochs=options.epochs)
            options.out.write_bytes(artefact(images, labels, augmented, seed=options.seed, plan=plan))
    except ModelRepositoryError as error:
        say(f"error: {error}")
        return error.exit_code
    print(f"wrote {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
