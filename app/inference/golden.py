"""The golden set: held-out digits with the scores that scikit-learn gave them when the release was made."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.errors import BadGoldenSet
from app.inference.contract import SCORE_TOLERANCE
from app.inference.engine import Engine

MAX_BYTES = 4 << 20
"""Of the file, and of its three arrays before compression."""
MEMBERS = ("images", "labels", "scores")


class GoldenSet(NamedTuple):
    """Recorded answers.

    Attributes:
        images: (N, 28, 28) uint8, 0 paper to 255 ink.
        labels: N labels, the truth; the last ones may be of classes withheld from the model.
        scores: (N, classes) float64, in the order of the model's classes.
    """

    images: NDArray[np.uint8]
    labels: tuple[str, ...]
    scores: NDArray[np.float64]


class Replay(NamedTuple):
    """How a model here compares with its recorded answers, over the digits of its own classes and the withheld ones.

    Attributes:
        n: digits of known classes.
        correct: of those, how many are read rightly here.
        other_labels: digits, known or withheld, that are read as another label than recorded.
        worst: the largest difference of a score from the recorded one.
    """

    n: int
    correct: int
    other_labels: int
    worst: float

    @property
    def reproduces(self) -> bool:
        """Same labels, and scores within 1e-5."""
        return self.other_labels == 0 and self.worst <= SCORE_TOLERANCE


def replay(golden: GoldenSet, engine: Engine) -> Replay:
    """Run the golden images through the serving path."""
    scores = engine.scores(golden.images)
    here = scores.argmax(axis=1)
    recorded = golden.scores.argmax(axis=1)
    truth = np.array([engine.classes.index(label) if label in engine.classes else -1 for label in golden.labels])
    return Replay(
        n=int(np.count_nonzero(truth >= 0)),
        correct=int(np.count_nonzero(here == truth)),
        other_labels=int(np.count_nonzero(here != recorded)),
        worst=float(np.abs(scores - golden.scores).max(initial=0.0)),
    )


def read_golden(data: bytes, *, classes: int, name: str, first: int | None = None) -> GoldenSet:
    """The golden set in an .npz file's bytes; sizes are checked before anything is inflated.

    Args:
        data: the file.
        classes: how many columns its scores must have.
        name: the file's name, for messages.
        first: read only this many digits (a few milliseconds instead of tens).

    Raises:
        BadGoldenSet: not such a file.
    """
    if len(data) > MAX_BYTES:
        raise _bad(name, f"{len(data):,} bytes", f"at most {MAX_BYTES:,}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            images, labels, scores = (_member(archive, member, name, first) for member in MEMBERS)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise _bad(name, f"an archive that cannot be read ({error})", "an .npz of three arrays") from None
    count = len(images)
    if images.dtype != np.uint8 or images.shape != (count, 28, 28):
        raise _bad(name, f"images {images.dtype} {images.shape}", "uint8 (N, 28, 28)")
    if labels.dtype != np.dtype("<U1") or labels.shape != (count,):
        raise _bad(name, f"labels {labels.dtype} {labels.shape}", f"one-character texts ({count},)")
    if scores.dtype != np.float64 or scores.shape != (count, classes) or not bool(np.isfinite(scores).all()):
        raise _bad(name, f"scores {scores.dtype} {scores.shape}", f"finite float64 ({count}, {classes})")
    points = labels.view("<u4")
    if not bool(((points >= ord("0")) & (points <= ord("9"))).all()):  # before numpy makes texts of them
        raise _bad(name, "labels that are no digits", "digits 0 to 9")
    return GoldenSet(images, tuple(labels.tolist()), scores)


def _member(archive: zipfile.ZipFile, member: str, name: str, first: int | None) -> NDArray[Any]:
    entries = [entry for entry in archive.infolist() if entry.filename == f"{member}.npy"]
    if len(entries) != 1:
        raise _bad(name, f"{len(entries)} arrays called {member!r}", "exactly one")
    if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
        raise _bad(name, "arrays that inflate beyond the limit", f"at most {MAX_BYTES:,} bytes")
    with archive.open(entries[0]) as stream:
        version = npy.read_magic(stream)
        if version != (1, 0):
            raise _bad(name, f"an array of format {version}", "format (1, 0), as numpy.savez writes it")
        shape, fortran_order, dtype = npy.read_array_header_1_0(stream, max_header_size=1000)
        if fortran_order or dtype.hasobject or not 1 <= len(shape) <= 3:
            raise _bad(name, f"{member} of {dtype} {shape}", "a plain C-ordered array")
        rows = shape[0] if first is None else min(first, shape[0])
        wanted = rows * math.prod(shape[1:]) * dtype.itemsize
        if not 0 <= wanted <= MAX_BYTES:
            raise _bad(name, f"{member} of {wanted:,} bytes", f"at most {MAX_BYTES:,}")
        content = stream.read(wanted)
    if len(content) != wanted:
        raise _bad(name, f"{member} of {len(content):,} bytes", f"{wanted:,} by its own header")
    return np.frombuffer(content, dtype).reshape(rows, *shape[1:])


def _bad(name: str, found: str, promised: str) -> BadGoldenSet:
    return BadGoldenSet(
        f"golden set {name}", found=found, promised=promised, remedy="Fetch the release again with `pixelwise pull`."
    )
