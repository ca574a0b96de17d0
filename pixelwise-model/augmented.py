"""Digits as other people would draw them, and drawings that are no digit: a network learns from both.

PixelWise makes them (`python -m drawn.augment DATA FILE`) of MNIST's training digits alone, and hands over
one file; nothing of its code is needed here.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from errors import AugmentedRefused

MOST_BYTES = 1 << 30
IMAGES = ("copies", "kept_copies", "outliers", "held_out")
ROWS = ("learnt", "kept")
KINDS = ("outlier_kinds", "held_out_kinds")


@dataclass(frozen=True)
class Augmented:
    """The arrays of the file.

    Attributes:
        copies: (C, N, 28, 28) uint8, each digit to learn from, drawn anew C times.
        learnt: (N,) int32, their rows in MNIST's training file.
        kept: (K,) int32, the rows that are kept for choices: none is learnt from.
        kept_copies: (K, 28, 28) uint8, those, drawn anew.
        outliers, held_out: (M, 28, 28) uint8, drawings that are no digit, to learn from and to be judged by.
        outlier_kinds, held_out_kinds: (M,) text: no kind is in both.
        recipe: the version of the recipe that brought them to 28x28.
    """

    copies: np.ndarray
    learnt: np.ndarray
    kept: np.ndarray
    kept_copies: np.ndarray
    outliers: np.ndarray
    outlier_kinds: np.ndarray
    held_out: np.ndarray
    held_out_kinds: np.ndarray
    recipe: int


def read_augmented(path: Path) -> Augmented:
    """The file's arrays; nothing is unpickled.

    Raises:
        AugmentedRefused: there is no such file, it is not such a file, or what it keeps aside is also learnt.
    """
    promised = f"an .npz file of the arrays {', '.join((*IMAGES, *ROWS, *KINDS, 'recipe'))}"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AugmentedRefused(path, found="a larger file", promised=f"at most {MOST_BYTES:,} bytes")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*IMAGES, *ROWS, *KINDS, "recipe")}
    except FileNotFoundError:
        raise AugmentedRefused(path, found="no such file", promised=promised) from None
    except (zipfile.BadZipFile, ValueError, LookupError, EOFError) as error:
        raise AugmentedRefused(path, found=str(error), promised=promised) from error
    digits = Augmented(**arrays | {"recipe": int(arrays["recipe"])})
    for found, is_wrong in _faults(digits):
        if is_wrong:
            raise AugmentedRefused(path, found=found, promised=promised)
    return digits


def _faults(digits: Augmented) -> list[tuple[str, bool]]:
    """Sentences on what may be wrong, and whether it is."""
    count, kept = len(digits.learnt), len(digits.kept)
    shapes = {
        "copies": (len(digits.copies), count, 28, 28),
        "kept_copies": (kept, 28, 28),
        "outliers": (len(digits.outlier_kinds), 28, 28),
        "held_out": (len(digits.held_out_kinds), 28, 28),
    }
    return [
        *(
            (f"{name} of another shape or dtype", part.shape != shape or part.dtype != np.uint8)
            for name, shape in shapes.items()
            for part in [getattr(digits, name)]
        ),
        ("no digits to learn from", not count or not len(digits.copies)),
        ("no digits kept for choices", not kept),
        ("digits that are learnt from, and kept too", bool(np.isin(digits.kept, digits.learnt).any())),
        (
            "kinds that are learnt from, and held out too",
            bool(np.isin(digits.held_out_kinds, digits.outlier_kinds).any()),
        ),
    ]
