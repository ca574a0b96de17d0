"""A shard as Parquet: arrays go to columns without an object for any row; the footer is in the file's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from app.errors import only_refusals
from app.scoring.batch import NO_LABEL, Rows
from app.scoring.footer import Footer
from app.scoring.outputs.columns import ANSWERS, REASON, Answers, column_names, score_columns
from app.scoring.outputs.draft import draft_of
from app.scoring.refusals import OtherResults

SUFFIX = ".parquet"
KEY = b"pixelwise"
"""The key of the footer in the file's metadata."""


def write(base: Path, rows: Rows, footer: Footer) -> None:
    """Puts the shard in place, whole, with its footer."""
    arrays = _arrays(rows)
    table = pa.table([arrays[name] for name in column_names(rows)], names=column_names(rows))
    table = table.replace_schema_metadata({KEY: msgspec.json.encode(footer)})
    packed = [name for name in table.column_names if pa.types.is_dictionary(table.schema.field(name).type)]
    numbers = {"id": "DELTA_BINARY_PACKED"} if isinstance(rows.ids, np.ndarray) else {}
    with draft_of(file_of(base)) as draft:
        parquet.write_table(table, draft, use_dictionary=packed, column_encoding=numbers or None, compression="snappy")


def read_footer(base: Path) -> Footer | None:
    """The footer of a finished shard; None if it is not there.

    Raises:
        OtherResults: the file is not one of ours.
    """
    file = file_of(base)
    if not file.exists():
        return None
    with only_refusals(lambda said: _no_shard(file, said)):
        metadata = parquet.read_metadata(file)
        footer = msgspec.json.decode((metadata.metadata or {}).get(KEY, b""), type=Footer)
        if metadata.num_rows != footer.rows:
            raise _no_shard(file, f"{metadata.num_rows:,} rows, and a footer that says {footer.rows:,}")
        return footer


def read_columns(base: Path, names: list[str]) -> dict[str, Any]:
    """Columns of a finished shard, as arrow arrays; dictionaries are unpacked."""
    file = file_of(base)
    with only_refusals(lambda said: _no_shard(file, said)):
        table = parquet.read_table(file, columns=names, use_threads=False)
        return {name: _plain(table.column(name).combine_chunks()) for name in table.column_names}


def read_answers(base: Path, classes: Sequence[str]) -> Answers:
    """The answers of a finished shard, as arrays."""
    found = read_columns(base, [name for name in ANSWERS if name in parquet.read_schema(file_of(base)).names])
    places = pc.index_in(found["prediction"], pa.array(classes, pa.string())).fill_null(-1)
    labels = found["label"].fill_null(NO_LABEL).to_numpy(zero_copy_only=False) if "label" in found else None
    confidences = found["confidence"].to_numpy(zero_copy_only=False)  # a null becomes NaN
    return Answers(places.to_numpy().astype(np.int8), confidences.astype(np.float32), labels)


def file_of(base: Path) -> Path:
    """The file of a shard."""
    return base.with_name(base.name + SUFFIX)


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _no_shard(file: Path, said: str) -> OtherResults:
    remedy = "Remove that file, then run this again: it is made anew."
    return OtherResults(f"file {file}", found=f"no finished shard ({said})", expected="a shard of this", remedy=remedy)


def _arrays(rows: Rows) -> dict[str, Any]:
    is_unread = rows.places < 0
    mask = is_unread if is_unread.any() else None
    arrays = {
        "id": pa.array(rows.ids) if isinstance(rows.ids, np.ndarray) else pa.array(rows.ids, pa.string()),
        "prediction": pa.DictionaryArray.from_arrays(
            pa.array(rows.places, mask=mask), pa.array(rows.classes, pa.string())
        ),
        "confidence": pa.array(rows.confidences, mask=mask),
        "findings": pa.DictionaryArray.from_arrays(pa.array(rows.findings), pa.array(rows.found, pa.string())),
        REASON: pa.nulls(len(rows.places), pa.string())
        if rows.reasons is None
        else pa.array(rows.reasons, pa.string()),
    }
    if rows.labels is not None:
        missing = rows.labels == NO_LABEL
        arrays["label"] = pa.array(rows.labels, mask=missing if missing.any() else None)
    if rows.scores is not None:
        for place, name in enumerate(score_columns(rows)):
            arrays[name] = pa.array(np.ascontiguousarray(rows.scores[:, place]), mask=mask)
    return arrays
