"""All results, or all that have a label, as one file for other programs: written in chunks and put in place whole.

Results:
csv: every column but the drawing, oldest first; `scores` and `findings` as JSON.
npz: for numpy, nothing pickled. images (N, 28, 28) uint8, ids, created_at (UTC, datetime64[ms]), predictions,
    confidences, certainties (NaN where none was measured), recipes (NO_RECIPE for pixels that came as 28x28),
    model_versions, sources.
idx: MNIST's own format, two files: PATH-images-idx3-ubyte and PATH-labels-idx1-ubyte, labels are the predictions.

Labels, as given by people: 0 to 9, or -1 for "not a digit".
csv: id, created_at (of the answer), label, prediction, model_version, asked, source, recipe (empty: it came as 28x28).
npz: images, labels (int8), ids, created_at, predictions, model_versions, asked (bool), sources, recipes.
idx: as above, with the labels given by people; rows labelled "not a digit" are left out.

Rows without a drawing are in the csv only.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
import numpy as np
from sqlalchemy import Integer, Row, Select, cast, false, func, select

from app.errors import ConfigurationError
from app.storage.database import Database
from app.storage.drawing_bytes import unpack
from app.storage.tables import labels, newest_id, results

Format: TypeAlias = Literal["csv", "npz", "idx"]
Rows: TypeAlias = Sequence[Row[Any]]
CHUNK = 1000
"""Rows read at a time: no long transaction, and about 1 MiB of memory."""
SIDE = 28
NO_DIGIT = -1
NO_RECIPE = -1
"""Stands for "no recipe" in an npz, which has no null for whole numbers: no recipe has this version."""
_IMAGE_SIZE = SIDE * SIDE


class Array(NamedTuple):
    """An array of an npz: its column, its numpy dtype, and its substitute for a null."""

    column: str
    kind: str
    none: float | None = None


class Selection(NamedTuple):
    """Rows to export.

    Attributes:
        query: its rows have `id`, `pixels` (not in the csv), and the csv's columns in their order.
        label: the column that is an idx file's label; a row with NO_DIGIT there is left out of it.
        arrays: those of an npz in addition to its images.
    """

    query: Select[Any]
    label: str
    arrays: Mapping[str, Array]


_ARRAYS = {
    "ids": Array("id", "U"),
    "created_at": Array("created_at", "datetime64[ms]"),
    "predictions": Array("prediction", "U"),
    "model_versions": Array("model_version", "U"),
    "sources": Array("source", "U"),
    "recipes": Array("recipe", "i2", none=NO_RECIPE),
}


def all_results() -> Selection:
    """Every stored answer."""
    sure = {"confidences": Array("confidence", "f8"), "certainties": Array("certainty", "f8", none=math.nan)}
    return Selection(select(results), "prediction", _ARRAYS | sure)


def all_labels(*, asked_only: bool) -> Selection:
    """Every stored answer with a label; `asked_only`: only labels of people who were asked.

    People are asked at random, so their labels estimate an accuracy; labels given unasked are mostly complaints.
    """
    asked = func.coalesce(results.c.asked, false())
    query = select(
        results.c.id,
        results.c.created_at,
        cast(func.coalesce(labels.c.label, str(NO_DIGIT)), Integer).label("label"),
        results.c.prediction,
        results.c.model_version,
        asked.label("asked"),
        results.c.source,
        results.c.recipe,
        results.c.pixels,
    ).join_from(results, labels, results.c.id == labels.c.result_id)
    arrays = _ARRAYS | {"labels": Array("label", "i1"), "asked": Array("asked", "?")}
    return Selection(query.where(asked) if asked_only else query, "label", arrays)


class Exported(NamedTuple):
    """Counts of rows written and of rows left out (without drawing, or of no digit), and the files."""

    written: int
    without_drawing: int
    files: tuple[Path, ...]
    no_digit: int = 0


def count(database: Database, selection: Selection) -> int:
    """The number of rows."""
    query = selection.query.with_only_columns(func.count(), maintain_column_froms=True)
    with database.reading(patient=True) as connection:
        return connection.scalar(query) or 0


def export(
    database: Database, selection: Selection, kind: Format, out: Path, *, progress: Callable[[int], None]
) -> Exported:
    """Writes the rows that existed when it began. A file at `out` is only ever replaced by a complete one.

    Args:
        out: the file; for idx, the prefix of both files' names.
        progress: called after each chunk with the number of rows read.

    Raises:
        ConfigurationError: `out` cannot be written.
        DatabaseUnavailable: the database does not answer.
    """
    write = {"csv": _write_csv, "npz": _write_npz, "idx": _write_idx}[kind]
    try:
        return write(_chunks(database, selection.query, progress), selection, out)
    except OSError as error:
        raise ConfigurationError(
            f"--out {out}",
            found=error.strerror or str(error),
            expected="a file that can be written",
            remedy="Name another one, or free space there. What was there before is as it was.",
        ) from None


def _chunks(database: Database, query: Select[Any], progress: Callable[[int], None]) -> Iterator[Rows]:
    """All rows, oldest first, at most CHUNK at a time."""
    with database.reading() as connection:
        end = newest_id(connection)
    after = UUID(int=0)
    while end is not None:
        chunk = query.where(results.c.id > after, results.c.id <= end).order_by(results.c.id).limit(CHUNK)
        with database.reading() as connection:
            rows = connection.execute(chunk).all()
        if not rows:
            return
        yield rows
        after = rows[-1].id
        progress(len(rows))


def _write_csv(chunks: Iterator[Rows], selection: Selection, out: Path) -> Exported:
    columns = [column.name for column in selection.query.selected_columns if column.name != "pixels"]
    written = 0
    with _whole(out) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
        lines = csv.writer(text)
        lines.writerow(columns)
        for rows in chunks:
            lines.writerows([_as_text(getattr(row, name)) for name in columns] for row in rows)
            written += len(rows)
        text.detach()
    return Exported(written, 0, (out,))


def _as_text(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return msgspec.json.encode(value).decode() if isinstance(value, bool | dict | list) else value


def _write_npz(chunks: Iterator[Rows], selection: Selection, out: Path) -> Exported:
    parts = {name: [np.empty(0, array.kind)] for name, array in selection.arrays.items()}
    written = left_out = 0
    with _whole(out) as file, tempfile.TemporaryFile(dir=out.parent) as images:
        for rows in chunks:
            drawn = [row for row in rows if row.pixels is not None]
            written, left_out = written + len(drawn), left_out + len(rows) - len(drawn)
            images.writelines(_pixels(row) for row in drawn)
            for name, (column, kind, none) in selection.arrays.items():
                values = [_for_numpy(getattr(row, column)) for row in drawn]
                parts[name].append(np.array([none if value is None else value for value in values], kind))
        images.seek(0)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            # The number of images comes before them in the file, so they wait in a file of their own.
            with archive.open("images.npy", "w", force_zip64=True) as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": (written, SIDE, SIDE)}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(images, member)
            for name, arrays in parts.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.concatenate(arrays), allow_pickle=False)
    return Exported(written, left_out, (out,))


def _for_numpy(value: object) -> object:
    """A value as numpy takes it: its datetime64 has no time zones, and ids become texts."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return str(value) if isinstance(value, UUID) else value


def _write_idx(chunks: Iterator[Rows], selection: Selection, out: Path) -> Exported:
    """Writes two IDX files. Source of the format: the MNIST page of LeCun, Cortes and Burges, "the IDX file format"."""
    images_path = out.with_name(f"{out.name}-images-idx3-ubyte")
    labels_path = out.with_name(f"{out.name}-labels-idx1-ubyte")
    written = left_out = no_digit = 0
    with ExitStack() as stack:
        images, digits = stack.enter_context(_whole(images_path)), stack.enter_context(_whole(labels_path))
        images.write(bytes(16))
        digits.write(bytes(8))
        for rows in chunks:
            drawn = [(row, int(getattr(row, selection.label))) for row in rows if row.pixels is not None]
            kept = [(row, label) for row, label in drawn if label != NO_DIGIT]
            written, left_out = written + len(kept), left_out + len(rows) - len(drawn)
            no_digit += len(drawn) - len(kept)
            images.writelines(_pixels(row) for row, _ in kept)
            digits.write(bytes(label for _, label in kept))
        images.seek(0)
        images.write(struct.pack(">IIII", 0x00000803, written, SIDE, SIDE))
        digits.seek(0)
        digits.write(struct.pack(">II", 0x00000801, written))
    return Exported(written, left_out, (images_path, labels_path), no_digit)


def _pixels(row: Row[Any]) -> bytes:
    pixels = unpack(row.pixels)
    if len(pixels) != _IMAGE_SIZE:
        raise ValueError(f"result {row.id} has {len(pixels)} grey values, not {_IMAGE_SIZE}")
    return pixels


def demand_file_or_nothing(path: Path) -> None:
    """Checks that a file may be put at `path`: a plain file is there, or nothing.

    Raises:
        ConfigurationError: something else is there, such as /dev/full, which must not be replaced.
    """
    if path.exists() and not path.is_file():
        raise ConfigurationError(
            f"--out {path}",
            found="a device, a pipe or a folder",
            expected="a plain file, or nothing",
            remedy="Name another file. What is there is as it was.",
        )


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A new file (mode 600) that is put at `path` when the block ends, and never when it raises.

    Raises:
        ConfigurationError: a device, a pipe or a folder is there.
    """
    demand_file_or_nothing(path)
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    finally:
        Path(aside).unlink(missing_ok=True)
