"""Columns of Parquet to arrays: digits as fixed binary or lists, labels, identifiers. No object for any row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.drawing.normalise import SIDE
from app.scoring.batch import NO_LABEL, Ids, Labels, Pixels
from app.scoring.inputs.label_file import as_labels
from app.scoring.refusals import BadInput

PIXELS = SIDE * SIDE
REMEDY = (
    "Write a row's digit as fixed_size_binary(784), as a list of 784 uint8, or as a picture in a struct with `bytes`."
)


def form_of(kind: Any) -> str | None:
    """How a column of this type holds digits: "binary", "list" or "pictures"; None if it does not."""
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == PIXELS:
        return "binary"
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if is_list and kind.value_type == pa.uint8():
        return "list"
    if pa.types.is_struct(kind):
        inside = {field.name: field.type for field in kind}
        if "bytes" in inside and (pa.types.is_binary(inside["bytes"]) or pa.types.is_large_binary(inside["bytes"])):
            return "pictures"
    return None


def pixels_of(column: Any, form: str, name: str) -> Pixels:
    """(n, 28, 28) uint8 of a column without nulls.

    Raises:
        BadInput: there is a null, or a list of another length.
    """
    if column.null_count:
        raise bad(name, f"{column.null_count:,} rows without a digit")
    if form == "binary":
        data = np.frombuffer(column.buffers()[1], np.uint8)
        return data[column.offset * PIXELS : (column.offset + len(column)) * PIXELS].reshape(-1, SIDE, SIDE)
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    if (lengths != PIXELS).any():
        raise bad(name, f"a list of {int(lengths[lengths != PIXELS][0]):,} values")
    values = column.flatten()
    if values.null_count:
        raise bad(name, "a pixel without a value")
    return np.asarray(values.to_numpy(zero_copy_only=True).reshape(-1, SIDE, SIDE))


def pictures_of(column: Any) -> list[bytes | None]:
    """The bytes of pictures; None where there are none. A path beside them is not opened."""
    found: list[bytes | None] = pc.struct_field(column, "bytes").to_pylist()
    return found


def labels_of(column: Any, name: str) -> Labels:
    """(n,) of whole numbers, or texts of them; a null is no label.

    Raises:
        BadInput: something else is no label.
    """
    numbers = column.cast(pa.int64()).fill_null(NO_LABEL)
    return as_labels(numbers.to_numpy(zero_copy_only=False), name)


def ids_of(column: Any, name: str) -> Ids:
    """The identifiers of rows, as they are.

    Raises:
        BadInput: one is missing.
    """
    if column.null_count:
        raise bad(name, f"{column.null_count:,} rows without an id", "Write an id for each row, or no column `id`.")
    if pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False))
    return [str(one) for one in column.to_pylist()]


def are_ids(kind: Any) -> bool:
    """True if a column of this type can name rows."""
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def are_labels(kind: Any) -> bool:
    """True if a column of this type can hold labels."""
    return are_ids(kind)


def bad(name: str, found: str, remedy: str = REMEDY) -> BadInput:
    """The refusal of a Parquet file."""
    return BadInput(f"input {name}", found=found, expected="Parquet with a digit in each row", remedy=remedy)
