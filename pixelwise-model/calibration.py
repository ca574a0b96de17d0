"""Digits as people draw them, never used for training: a release's accuracy on them, and its calibration.

PixelWise makes them (`python -m drawn FILE`) and hands over one file; nothing of its code is needed here.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from errors import DrawnRefused
from evaluation import Share

MOST_BYTES = 16 << 20
MOST_INFLATED = 64 << 20
MOST_RECIPES = 1000
ARRAYS = {"images": "|u1", "labels": "<U1", "conditions": "<U20", "hands": "<U11", "recipe": "<i8"}
STROKES = "strokes"
CHOOSING, MEASURING = HANDS = ("calibration", "test")
LEAST = 100
"""Fewest digits of each hand, of strokes and of pictures, that give a meaningful figure."""
BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of the search for a temperature; at 1 the confidence is as the model gives it."""


@dataclass(frozen=True)
class DrawnDigits:
    """Digits in `drawn.npz`.

    Attributes:
        images: (N, 28, 28) uint8, 0 paper to 255 ink, from the recipe; all paper where it read none.
        labels: (N,) text of one character, what was drawn.
        conditions: (N,) text: "strokes" of a pen, else the kind of picture.
        hands: (N,) text, "calibration" or "test": no form of a digit is in both.
        recipe: the version of the recipe.
        sha256: of the file.
    """

    images: np.ndarray
    labels: np.ndarray
    conditions: np.ndarray
    hands: np.ndarray
    recipe: int
    sha256: str


@dataclass(frozen=True)
class Calibration:
    """A model's results on drawn digits it knows.

    Attributes:
        recipe: as of the digits.
        temperature: the divisor of the logits for a certainty; rounded to 3 places.
        before, after: expected calibration error of confidence and of certainty; rounded to 4 places.
        n: the digits it was measured on, which took no part in choosing the temperature.
        strokes, pictures: read correctly, of all.
    """

    recipe: int
    temperature: float
    before: float
    after: float
    n: int
    strokes: Share
    pictures: Share


def read_drawn(path: Path) -> DrawnDigits:
    """The digits in an .npz file; sizes are checked before anything is inflated, and nothing is unpickled.

    Raises:
        DrawnRefused: there is no such file, or it is not such a file.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except FileNotFoundError:
        raise DrawnRefused(path, found="no such file", promised="digits drawn as people draw them") from None
    if data is None:
        raise DrawnRefused(path, found="a larger file", promised=f"at most {MOST_BYTES:,} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_INFLATED:
                raise ValueError(f"it inflates beyond {MOST_INFLATED:,} bytes")
            arrays = {name: _array(archive, name, dtype) for name, dtype in ARRAYS.items()}
    except (zipfile.BadZipFile, zlib.error, ValueError, LookupError, EOFError, RuntimeError) as error:
        promised = f"an .npz file of the arrays {', '.join(ARRAYS)}"
        raise DrawnRefused(path, found=str(error), promised=promised) from error
    count = len(arrays["labels"]) if arrays["labels"].ndim else 0
    for name, shape, right in (
        ("images", (count, 28, 28), True),
        ("labels", (count,), np.isin(arrays["labels"], list("0123456789")).all()),
        ("conditions", (count,), True),
        ("hands", (count,), np.isin(arrays["hands"], HANDS).all()),
        ("recipe", (), ((arrays["recipe"] >= 1) & (arrays["recipe"] <= MOST_RECIPES)).all()),
    ):
        if arrays[name].shape != shape or not right:
            found = f"{name} of the shape {arrays[name].shape}" if right else f"{name} of other values"
            raise DrawnRefused(path, found=found, promised=_PROMISED[name])
    recipe = int(arrays.pop("recipe"))
    return DrawnDigits(**arrays, recipe=recipe, sha256=hashlib.sha256(data).hexdigest())


_PROMISED = {
    "images": "images (N, 28, 28), one for each label",
    "labels": "labels (N,), each a digit",
    "conditions": "conditions (N,)",
    "hands": f"hands (N,), each one of {', '.join(HANDS)}",
    "recipe": f"one recipe, 1 to {MOST_RECIPES}",
}


def _array(archive: zipfile.ZipFile, name: str, dtype: str) -> np.ndarray:
    """An array of the archive. No memory is allocated on the word of its header: its bytes are there already.

    Raises:
        ValueError: it has another dtype, or other bytes than its header says.
    """
    content = archive.read(f"{name}.npy")
    header = _HEADER.match(content)
    if header is None or header[1].decode() != dtype:
        raise ValueError(f"no array {name} of dtype {dtype}, rows first")
    shape = tuple(int(side) for side in header[2].split(b",") if side.strip())
    values = memoryview(content)[header.end() :]
    if math.prod(shape) * np.dtype(dtype).itemsize != len(values):
        raise ValueError(f"{name} of shape {shape} in {len(values)} bytes")
    return np.frombuffer(values, dtype).reshape(shape)


_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..{'descr': '([^']{1,5})', 'fortran_order': False, "
    rb"'shape': \(([0-9, ]{0,40})\), } *\n",
    re.DOTALL,
)
"""Source: numpy.lib.format, version 1.0, as numpy itself writes it."""


def calibrate(
    drawn: DrawnDigits, classes: tuple[str, ...], score: Callable[[np.ndarray], np.ndarray]
) -> Calibration:
    """The model's results on digits of its classes. One hand chooses the temperature, the other measures it.

    Args:
        score: (N, 28, 28) uint8 -> (N, k) float64, the shares of `classes`, in their order.

    Raises:
        DrawnRefused: too few digits of a kind.
    """
    known = np.isin(drawn.labels, classes)
    images, hands = drawn.images[known], drawn.hands[known]
    truth = (drawn.labels[known][:, np.newaxis] == np.array(classes)).argmax(axis=1)
    strokes, was_read = drawn.conditions[known] == STROKES, images.any(axis=(1, 2))
    kinds = {
        "strokes": strokes,
        "pictures": ~strokes,
        **{f"digits of the hand {hand}": was_read & (hands == hand) for hand in HANDS},
    }
    for name, which in kinds.items():
        if which.sum() < LEAST:
            raise DrawnRefused(
                "drawn digits", found=f"{which.sum()} {name} of the classes", promised=f"at least {LEAST}"
            )
    scores = score(images)
    right = (scores.argmax(axis=1) == truth) & was_read
    choosing, measuring = (kinds[f"digits of the hand {hand}"] for hand in HANDS)
    temperature = find_temperature(scores[choosing], truth[choosing])
    return Calibration(
        recipe=drawn.recipe,
        temperature=temperature,
        before=round(calibration_error(certainties(scores[measuring], 1), right[measuring]), 4),
        after=round(calibration_error(certainties(scores[measuring], temperature), right[measuring]), 4),
        n=int(measuring.sum()),
        strokes=Share(int(right[strokes].sum()), int(strokes.sum())),
        pictures=Share(int(right[~strokes].sum()), int((~strokes).sum())),
    )


def find_temperature(scores: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with which the true labels are likeliest, to 3 places, between COLDEST and HOTTEST.

    It has one minimum: the negative log-likelihood is convex in 1 / temperature.

    Args:
        scores: (N, k) float64, shares of 1.
        truth: (N,) the column of the true label.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", 2017.
    """
    logits = _logits(scores)
    of_truth = logits[np.arange(len(truth)), truth]

    def surprise(log_temperature: float) -> float:
        heat = math.exp(log_temperature)
        return float((logsumexp(logits / heat, axis=1) - of_truth / heat).mean())

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return round(math.exp(found.x), 3)


def certainties(scores: np.ndarray, temperature: float) -> np.ndarray:
    """(N,): the largest share once the logits of (N, k) `scores` are divided by `temperature`."""
    logits = _logits(scores) / temperature
    return np.exp(logits.max(axis=1) - logsumexp(logits, axis=1))


def calibration_error(certainty: np.ndarray, right: np.ndarray) -> float:
    """The expected calibration error: the mean distance of certainty and share of right answers, over bins.

    The bins hold equally many answers, in the order of their certainty: most of a network's lie near 1, and
    bins of equal width would put them into one. PixelWise's report bins answers in its own way.

    Args:
        certainty: (N,) in [0, 1].
        right: (N,) bool.
    """
    apart = 0.0
    for part in np.array_split(np.argsort(certainty, kind="stable"), BINS):
        apart += abs(float(certainty[part].sum()) - int(right[part].sum()))
    return apart / len(certainty)


def _logits(scores: np.ndarray) -> np.ndarray:
    """Up to a constant for each row; a share that was rounded to 0 is as small as a number can be."""
    return np.log(np.maximum(scores, np.finfo(np.float64).tiny))
