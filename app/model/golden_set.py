"""The golden set: held-out digits with the scores that scikit-learn gave them when the release was made."""

from __future__ import annotations

import functools
import io
import math
import re
import zipfile
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import only_refusals
from app.model.contract import SCORE_TOLERANCE
from app.model.refusals import BadGoldenSet
from app.model.scorer import Scorer

MAX_BYTES = 4 << 20
"""Most bytes of the file, and of its three arrays before compression."""
MEMBERS = {"images": np.dtype("|u1"), "labels": np.dtype("<U1"), "scores": np.dtype("<f8")}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"{'descr': '([ -&(-~]{1,20})', 'fortran_order': False, 'shape': \(([0-9]{1,9}(?:, [0-9]{1,9}){0,2}),?\), } *\n"
)


class GoldenSet(NamedTuple):
    """Recorded answers.

    Attributes:
        images: (N, 28, 28) uint8, 0 paper to 255 ink.
        labels: the N true labels; the last ones may be of classes withheld from the model.
        scores: (N, classes) float64, in the order of the model's classes.
    """

    images: NDArray[np.uint8]
    labels: tuple[str, ...]
    scores: NDArray[np.float64]


class Replay(NamedTuple):
    """A model's answers here against its recorded ones, over the digits of its own classes and the withheld ones.

    Attributes:
        n: digits of known classes.
        correct: of those, the number read correctly here.
        other_labels: digits, known or withheld, that are read differently from the recorded label.
        worst: the largest difference of a score from the recorded one.
    """

    n: int
    correct: int
    other_labels: int
    worst: float

    @property
    def reproduces(self) -> bool:
        """True if all labels are the same, and all scores within 1e-5."""
        return self.other_labels == 0 and self.worst <= SCORE_TOLERANCE


def replay(golden: GoldenSet, scorer: Scorer) -> Replay:
    """Run the golden images through the serving path."""
    scores = scorer.scores(golden.images)
    here = scores.argmax(axis=1)
    recorded = golden.scores.argmax(axis=1)
    truth = np.array([scorer.classes.index(label) if label in scorer.classes else -1 for label in golden.labels])
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
        classes: the number of columns its scores must have.
        name: the file's name, for messages.
        first: read only this many digits (a few milliseconds instead of tens).

    Raises:
        BadGoldenSet: the bytes are not such a file.
    """
    if len(data) > MAX_BYTES:
        raise _bad(name, f"{len(data):,} bytes", f"at most {MAX_BYTES:,}")
    archive_refused = functools.partial(_bad_archive, name)
    with only_refusals(archive_refused), zipfile.ZipFile(io.BytesIO(data)) as archive:
        images, labels, scores = (_member(archive, member, name, first) for member in MEMBERS)
    count = len(images)
    if images.shape != (count, 28, 28):
        raise _bad(name, f"images {images.shape}", "(N, 28, 28)")
    if labels.shape != (count,):
        raise _bad(name, f"labels {labels.shape}", f"({count},)")
    if scores.shape != (count, classes) or not bool(np.isfinite(scores).all()):
        raise _bad(name, f"scores {scores.shape}", f"({count}, {classes}), all finite")
    if count == 0:
        raise _bad(name, "no digits", "at least one")
    points = labels.view("<u4")
    if not bool(((points >= ord("0")) & (points <= ord("9"))).all()):  # before numpy converts them to texts
        raise _bad(name, "labels that are no digits", "digits 0 to 9")
    return GoldenSet(images, tuple(labels.tolist()), scores)


def _member(archive: zipfile.ZipFile, member: str, name: str, first: int | None) -> NDArray[Any]:
    entries = [entry for entry in archive.infolist() if entry.filename == f"{member}.npy"]
    if len(entries) != 1:
        raise _bad(name, f"{len(entries)} arrays called {member!r}", "exactly one")
    if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
        raise _bad(name, "arrays that inflate beyond the limit", f"at most {MAX_BYTES:,} bytes")
    if entries[0].compress_type not in METHODS:
        raise _bad(name, f"{member} compressed by method {entries[0].compress_type}", "stored or deflated")
    dtype = MEMBERS[member]
    with archive.open(entries[0]) as stream:
        shape = _shape(stream, member, name)
        rows = shape[0] if first is None else min(first, shape[0])
        wanted = rows * math.prod(shape[1:]) * dtype.itemsize
        if wanted > MAX_BYTES:
            raise _bad(name, f"{member} of {wanted:,} bytes", f"at most {MAX_BYTES:,}")
        content = stream.read(wanted)
    if len(content) != wanted:
        raise _bad(name, f"{member} of {len(content):,} bytes", f"{wanted:,} by its own header")
    return np.frombuffer(content, dtype).reshape(rows, *shape[1:])


def _shape(stream: IO[bytes], member: str, name: str) -> tuple[int, ...]:
    """The shape in an array's header, in the form that numpy.savez writes. numpy itself would parse it as Python."""
    magic, length = stream.read(len(_MAGIC)), int.from_bytes(stream.read(2), "little")
    header = _HEADER.fullmatch(stream.read(length))
    if magic != _MAGIC or header is None:
        raise _bad(name, f"{member} with another header", "a C-ordered array of one to three axes, in .npy format 1.0")
    dtype = header[1].decode("ascii")
    if dtype != MEMBERS[member].str:
        raise _bad(name, f"{member} of type {dtype}", f"type {MEMBERS[member].str}")
    return tuple(map(int, header[2].split(b", ")))


def _bad_archive(name: str, said: str) -> BadGoldenSet:
    return _bad(name, f"an archive that cannot be read ({said})", "an .npz of three arrays")


def _bad(name: str, found: str, expected: str) -> BadGoldenSet:
    remedy = "Its owner must publish the release anew (docs/contract.md says how it is made), or pin another version."
    return BadGoldenSet(f"golden set {name}", found=found, expected=expected, remedy=remedy)
