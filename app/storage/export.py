"""All results as one file for other programs, written in chunks and put in place whole.

csv: every column but the drawing, oldest first; `scores` and `findings` as JSON.
npz: for numpy, nothing pickled. images (N, 28, 28) uint8, ids, created_at (UTC, datetime64[ms]), predictions,
    confidences, model_versions, sources.
idx: MNIST's own format, two files: PATH-images-idx3-ubyte and PATH-labels-idx1-ubyte, labels are the predictions.

Rows without a drawing are in the csv only.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, func, select

from app.errors import ConfigurationError
from app.storage.database import Database
from app.storage.drawings import unpack
from app.storage.tables import newest_id, results

Format: TypeAlias = Literal["csv", "npz", "idx"]
Rows: TypeAlias = Sequence[Row[Any]]
CHUNK = 1000
"""Rows that are read at once: no long transaction, and about 1 MiB of memory."""
SIDE = 28
_IMAGE_SIZE = SIDE * SIDE


class Exported(NamedTuple):
    """How many results were written, into which files, and how many were left out for want of a drawing."""

    written: int
    without_drawing: int
    files: tuple[Path, ...]


def count(database: Database) -> int:
    """How many results there are."""
    with database.reading(patient=True) as connection:
        return connection.scalar(select(func.count()).select_from(results)) or 0


def export(database: Database, kind: Format, out: Path, *, progress: Callable[[int], None]) -> Exported:
    """Writes the results that were there when it began. A file at `out` is replaced, by a whole one only.

    Args:
        out: the file; for idx, what both files' names begin with.
        progress: told after each chunk how many rows were read.

    Raises:
        ConfigurationError: `out` cannot be written.
        DatabaseUnavailable: the database does not answer.
    """
    write = {"csv": _write_csv, "npz": _write_npz, "idx": _write_idx}[kind]
    try:
        return write(_chunks(database, progress), out)
    except OSError as error:
        raise ConfigurationError(
            f"--out {out}",
            found=error.strerror or str(error),
            promised="a file that can be written",
            remedy="Name another one, or free space there. What was there before is as it was.",
        ) from None


def _chunks(database: Database, progress: Callable[[int], None]) -> Iterator[Rows]:
    """All results, oldest first, at most CHUNK at a time."""
    with database.reading() as connection:
        end = newest_id(connection)
    after = UUID(int=0)
    while end is not None:
        query = select(results).where(results.c.id > after, results.c.id <= end).order_by(results.c.id).limit(CHUNK)
        with database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield rows
        after = rows[-1].id
        progress(len(rows))


def _write_csv(chunks: Iterator[Rows], out: Path) -> Exported:
    columns = [column.name for column in results.columns if column.name != "pixels"]
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
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _write_npz(chunks: Iterator[Rows], out: Path) -> Exported:
    parts: dict[str, list[NDArray[Any]]] = {
        "ids": [np.empty(0, "U36")],
        "created_at": [np.empty(0, "datetime64[ms]")],
        "predictions": [np.empty(0, "U1")],
        "confidences": [np.empty(0)],
        "model_versions": [np.empty(0, "U1")],
        "sources": [np.empty(0, "U1")],
    }
    written = left_out = 0
    with _whole(out) as file, tempfile.TemporaryFile(dir=out.parent) as images:
        for rows in chunks:
            drawn = [row for row in rows if row.pixels is not None]
            written, left_out = written + len(drawn), left_out + len(rows) - len(drawn)
            images.writelines(_pixels(row) for row in drawn)
            if drawn:
                parts["ids"].append(np.array([str(row.id) for row in drawn]))
                moments = [row.created_at.replace(tzinfo=None) for row in drawn]
                parts["created_at"].append(np.array(moments, "datetime64[ms]"))
                parts["predictions"].append(np.array([row.prediction for row in drawn]))
                parts["confidences"].append(np.array([row.confidence for row in drawn]))
                parts["model_versions"].append(np.array([row.model_version for row in drawn]))
                parts["sources"].append(np.array([row.source for row in drawn]))
        images.seek(0)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            # How many images there are stands before them: so they wait in a file of their own.
            with archive.open("images.npy", "w", force_zip64=True) as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": (written, SIDE, SIDE)}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(images, member)
            for name, arrays in parts.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.concatenate(arrays), allow_pickle=False)
    return Exported(written, left_out, (out,))


def _write_idx(chunks: Iterator[Rows], out: Path) -> Exported:
    """Source of the format: the MNIST page of LeCun, Cortes and Burges, "the IDX file format"."""
    images_path = out.with_name(f"{out.name}-images-idx3-ubyte")
    labels_path = out.with_name(f"{out.name}-labels-idx1-ubyte")
    written = left_out = 0
    with ExitStack() as stack:
        images, labels = stack.enter_context(_whole(images_path)), stack.enter_context(_whole(labels_path))
        images.write(bytes(16))
        labels.write(bytes(8))
        for rows in chunks:
            drawn = [row for row in rows if row.pixels is not None]
            written, left_out = written + len(drawn), left_out + len(rows) - len(drawn)
            images.writelines(_pixels(row) for row in drawn)
            labels.write(bytes(int(row.prediction) for row in drawn))
        images.seek(0)
        images.write(struct.pack(">IIII", 0x00000803, written, SIDE, SIDE))
        labels.seek(0)
        labels.write(struct.pack(">II", 0x00000801, written))
    return Exported(written, left_out, (images_path, labels_path))


def _pixels(row: Row[Any]) -> bytes:
    pixels = unpack(row.pixels)
    if len(pixels) != _IMAGE_SIZE:
        raise ValueError(f"result {row.id} has {len(pixels)} grey values, not {_IMAGE_SIZE}")
    return pixels


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A new file (mode 600) that is put at `path` when the block ends, and never when it raises."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    finally:
        Path(aside).unlink(missing_ok=True)
