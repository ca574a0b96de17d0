"""MANIFEST.json: what a folder of answers holds, summed up from the footers of its shards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from app.errors import only_refusals
from app.model.confidence_interval import wilson
from app.scoring.counts import NONE, Counts, total
from app.scoring.fingerprint import Fingerprint
from app.scoring.footer import Footer
from app.scoring.outputs.draft import put
from app.scoring.plan import Record
from app.scoring.refusals import OtherResults

FILE = "MANIFEST.json"


class Accuracy(Struct, frozen=True):
    """Labelled digits of classes that the model knows, read rightly: `correct` of `n`; a 95% Wilson interval.

    A digit that was not read is not right.
    """

    correct: int
    n: int
    value: float
    interval: tuple[float, float]


class Manifest(Struct, frozen=True):
    """What a folder of answers holds.

    Attributes:
        rows: answers in all shards.
        unread: rows without a prediction.
        model_version, model_sha256, classes: of the release.
        recipe: the version of the recipe of the code that answered.
        inputs: their fingerprints.
        format, shards: of the files.
        predictions, findings: rows by digit, and by finding.
        labelled: rows with a label.
        accuracy: None without labels of classes that the model knows.
        confusion: label -> prediction -> rows.
    """

    rows: int
    unread: int
    model_version: str
    model_sha256: str
    classes: tuple[str, ...]
    recipe: int
    inputs: tuple[Fingerprint, ...]
    format: str
    shards: int
    predictions: dict[str, int]
    findings: dict[str, int]
    labelled: int
    accuracy: Accuracy | None
    confusion: dict[str, dict[str, int]]


def write_manifest(out: Path, record: Record, footers: Iterable[Footer]) -> Manifest:
    """Sums up all shards, and puts the manifest in place, unless the same is there."""
    counts = total([footer.counts for footer in footers])
    made = Manifest(
        rows=counts.rows,
        unread=counts.unread,
        model_version=record.model_version,
        model_sha256=record.model_sha256,
        classes=tuple(counts.predictions),
        recipe=record.recipe,
        inputs=record.inputs,
        format=record.format,
        shards=record.shards,
        predictions=counts.predictions,
        findings=counts.findings,
        labelled=sum(sum(row.values()) for row in counts.labels.values()),
        accuracy=_accuracy(counts),
        confusion=counts.labels,
    )
    data = msgspec.json.format(msgspec.json.encode(made)) + b"\n"
    file = out / FILE
    if not file.exists() or file.read_bytes() != data:
        put(file, data)
    return made


def read_manifest(out: Path) -> Manifest:
    """What a folder holds.

    Raises:
        OtherResults: it is not finished, or no folder of answers.
    """
    file = out / FILE
    if not file.is_file():
        raise OtherResults(
            f"folder {out}",
            found=f"no {FILE}",
            expected="finished answers",
            remedy="Run the same `pixelwise score` again: it goes on where it stopped.",
        )
    with only_refusals(lambda said: _unreadable(file, said)):
        return msgspec.json.decode(file.read_bytes(), type=Manifest)


def _accuracy(counts: Counts) -> Accuracy | None:
    known = {label: row for label, row in counts.labels.items() if label != NONE and label in counts.predictions}
    n = sum(sum(row.values()) for row in known.values())
    if not n:
        return None
    correct = sum(row.get(label, 0) for label, row in known.items())
    return Accuracy(correct, n, correct / n, wilson(correct, n))


def _unreadable(file: Path, said: str) -> OtherResults:
    remedy = "Remove that file, then run the same `pixelwise score` again."
    return OtherResults(f"file {file}", found=f"no manifest ({said})", expected="one of ours", remedy=remedy)
