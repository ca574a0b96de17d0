"""Digits in Parquet: split by row groups, read in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet

from app.errors import only_refusals, system_refusals
from app.scoring.batch import BATCH_ROWS, Batch, Ids, Labels
from app.scoring.fingerprint import Fingerprint, check_unchanged, stamp
from app.scoring.inputs.digit_columns import (
    REMEDY,
    are_ids,
    are_labels,
    bad,
    form_of,
    ids_of,
    labels_of,
    pictures_of,
    pixels_of,
)
from app.scoring.inputs.label_file import LabelFile, open_labels
from app.scoring.inputs.picture_bytes import PICTURE_BATCH, PICTURE_ROWS, as_batch
from app.scoring.inputs.source import Piece

MAGIC = b"PAR1"
PREFERRED = ("pixels", "image")
"""Names of the column of digits, where several columns could be it."""
LABEL, ID = "label", "id"
BUFFER = 1 << 20
"""Bytes read at a time, so that memory does not grow with row groups."""


@dataclass(frozen=True)
class ParquetSource:
    """Digits in one Parquet file.

    Attributes:
        column, form: of the digits, "binary", "list" or "pictures".
        has_labels, has_ids: there are columns `label` and `id`.
        groups: rows of each row group.
    """

    path: Path
    fingerprint: Fingerprint
    column: str
    form: str
    has_labels: bool
    has_ids: bool
    groups: tuple[int, ...]
    labels: LabelFile | None = None

    @property
    def is_labelled(self) -> bool:
        return self.has_labels or self.labels is not None

    @property
    def files(self) -> Sequence[Path]:
        return (self.path,)

    def pieces(self, rows: int, first_id: int) -> list[Piece]:
        """Row groups, as many together as have about `rows` rows; fewer of pictures, which take long."""
        rows = min(rows, PICTURE_ROWS) if self.form == "pictures" else rows
        found: list[Piece] = []
        start = held = 0
        for place, count in enumerate(self.groups):
            held += count
            if held >= rows or place == len(self.groups) - 1:
                if held:
                    found.append(Piece(start, place + 1, held, first_id))
                start, held, first_id = place + 1, 0, first_id + held
        return found

    def read(self, piece: Piece) -> Iterator[Batch]:
        """The rows of a piece, in batches."""
        planned = (self.fingerprint.size, self.fingerprint.mtime_ns)
        check_unchanged(self.path, planned)
        first, name = piece.first_id, str(self.path)
        begin = sum(self.groups[: piece.start])
        for table in self._tables(piece):
            with only_refusals(lambda said: bad(name, f"rows that cannot be read ({said})")):
                numbers = np.arange(first, first + len(table), dtype=np.int64)
                ids: Ids = ids_of(table.column(ID), name) if self.has_ids else numbers
                at = begin + first - piece.first_id
                labels = self._labels(table, at)
                digits = table.column(self.column)
                if self.form == "pictures":
                    batch = as_batch(ids, pictures_of(digits), labels)
                else:
                    batch = Batch(ids, pixels_of(digits, self.form, name), labels)
            yield batch
            first += len(table)
        check_unchanged(self.path, planned)

    def _labels(self, table: Any, at: int) -> Labels | None:
        if self.labels is not None:
            return self.labels.read(at, at + len(table))
        return labels_of(table.column(LABEL), str(self.path)) if self.has_labels else None

    def _tables(self, piece: Piece) -> Iterator[Any]:
        """Record batches of a piece; whatever the library raises for odd bytes is a refusal."""
        columns = [f"{self.column}.bytes"] if self.form == "pictures" else [self.column]
        columns += [name for name, wanted in ((LABEL, self._reads_labels), (ID, self.has_ids)) if wanted]
        with _only_broken(str(self.path)), parquet.ParquetFile(self.path, buffer_size=BUFFER, pre_buffer=False) as file:
            yield from file.iter_batches(
                PICTURE_BATCH if self.form == "pictures" else BATCH_ROWS,
                row_groups=list(range(piece.start, piece.stop)),
                columns=columns,
                use_threads=False,
            )

    @property
    def _reads_labels(self) -> bool:
        return self.has_labels and self.labels is None


def open_parquet(path: Path, name: str, labels: Path | None) -> ParquetSource:
    """The digits in a Parquet file.

    Raises:
        BadInput: no Parquet, or no column of digits.
    """
    first = stamp(path)
    with _only_broken(name), parquet.ParquetFile(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
        groups = tuple(metadata.row_group(place).num_rows for place in range(metadata.num_row_groups))
    forms = {field.name: form for field in schema if (form := form_of(field.type)) is not None}
    column = next((one for one in PREFERRED if one in forms), None) or next(iter(forms), None)
    if column is None or (len(forms) > 1 and column not in PREFERRED):
        found = f"columns of digits {', '.join(forms)}" if forms else f"columns {', '.join(schema.names) or 'none'}"
        remedy = f"Call the one of digits `{PREFERRED[0]}`." if forms else REMEDY
        raise bad(name, found, remedy)
    rows = sum(groups)
    types = {field.name: field.type for field in schema}
    named = None if labels is None else open_labels(labels, rows=rows, of=name)
    said = None if named is None else named.fingerprint
    fingerprint = Fingerprint(name, "parquet", rows, *first, footer=_footer(path, name, first[0]), labels=said)
    has_labels, has_ids = LABEL in types and are_labels(types[LABEL]), ID in types and are_ids(types[ID])
    return ParquetSource(path, fingerprint, column, forms[column], has_labels, has_ids, groups, named)


def _only_broken(name: str) -> AbstractContextManager[None]:
    return only_refusals(lambda said: bad(name, f"a broken file ({said})", "Write it again."))


def _footer(path: Path, name: str, size: int) -> str:
    """The SHA-256 of the footer: the length before the last four bytes says where it begins."""
    with system_refusals(path), path.open("rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(8)[:4], "little")
        if length > size:
            raise bad(name, f"a footer of {length:,} bytes in a file of {size:,}", "Write it again.")
        file.seek(size - 8 - length)
        return hashlib.sha256(file.read(length + 8)).hexdigest()
