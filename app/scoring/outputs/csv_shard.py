"""A shard as CSV, for installations without pyarrow; its footer is a small JSON beside it, written after it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from app.errors import only_refusals, system_refusals
from app.scoring.batch import NO_LABEL, Rows
from app.scoring.footer import Footer
from app.scoring.outputs.columns import ANSWERS, Answers, column_names
from app.scoring.outputs.draft import draft_of, put
from app.scoring.refusals import OtherResults

SUFFIX = ".csv"


class Beside(msgspec.Struct, frozen=True):
    """The file beside a CSV: the shard's footer, and the size of the CSV, by which a cut one is noticed."""

    bytes: int
    footer: Footer


def write(base: Path, rows: Rows, footer: Footer) -> None:
    """Puts the shard in place, whole, and then its footer: without that it is not done."""
    file = file_of(base)
    with draft_of(file) as draft:
        with draft.open("w", encoding="utf-8", newline="") as text:
            lines = csv.writer(text, lineterminator="\n")
            lines.writerow(column_names(rows))
            lines.writerows(zip(*_columns(rows), strict=True))
        size = draft.stat().st_size
    put(_beside(base), msgspec.json.format(msgspec.json.encode(Beside(size, footer))) + b"\n")


def read_footer(base: Path) -> Footer | None:
    """The footer of a finished shard; None if it is not done.

    Raises:
        OtherResults: what is there is not one of ours.
    """
    file, beside = file_of(base), _beside(base)
    if not beside.exists() or not file.exists():
        return None
    with only_refusals(lambda said: _no_shard(beside, said)):
        found = msgspec.json.decode(beside.read_bytes(), type=Beside)
        if found.bytes != file.stat().st_size:
            raise _no_shard(file, f"{file.stat().st_size:,} bytes, written were {found.bytes:,}")
        return found.footer


def read_columns(base: Path, names: list[str]) -> dict[str, Any]:
    """Columns of a finished shard, as lists of texts; an empty one is None."""
    file = file_of(base)
    with system_refusals(file), file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    return {name: [row[name] or None for row in rows] for name in names if not rows or name in rows[0]}


def read_answers(base: Path, classes: Sequence[str]) -> Answers:
    """The answers of a finished shard, as arrays."""
    found = read_columns(base, list(ANSWERS))
    places = {label: place for place, label in enumerate(classes)}
    labels = found.get("label")
    return Answers(
        np.array([places.get(said, -1) for said in found["prediction"]], np.int8),
        np.array([np.nan if said is None else float(said) for said in found["confidence"]], np.float32),
        None if labels is None else np.array([NO_LABEL if one is None else int(one) for one in labels], np.int8),
    )


def file_of(base: Path) -> Path:
    """The file of a shard."""
    return base.with_name(base.name + SUFFIX)


def _beside(base: Path) -> Path:
    return base.with_name(f"{base.name}.footer.json")


def _no_shard(file: Path, said: str) -> OtherResults:
    remedy = "Remove that file, then run this again: it is made anew."
    return OtherResults(f"file {file}", found=f"no finished shard ({said})", expected="a shard of this", remedy=remedy)


def _columns(rows: Rows) -> list[Iterable[Any]]:
    names = (*rows.classes, "")  # subtle: place -1 is the last of them
    columns: list[Iterable[Any]] = [
        rows.ids.tolist() if isinstance(rows.ids, np.ndarray) else rows.ids,
        [names[place] for place in rows.places.tolist()],
        _numbers(rows.confidences),
        [rows.found[code] for code in rows.findings.tolist()],
        rows.reasons or [""] * len(rows.places),
    ]
    if rows.labels is not None:
        columns.append(["" if label == NO_LABEL else label for label in rows.labels.tolist()])
    if rows.scores is not None:
        columns += [_numbers(column) for column in rows.scores.T]
    return columns


def _numbers(values: Any) -> list[str]:
    """As many digits as float32 has; nothing for NaN."""
    return ["" if value != value else f"{value:.9g}" for value in values.tolist()]
