"""The formats that shards are written in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from app.scoring.batch import Rows
from app.scoring.footer import Footer
from app.scoring.outputs import csv_shard
from app.scoring.outputs.columns import Answers
from app.scoring.refusals import MissingPackage


class ShardFormat(NamedTuple):
    """How a shard is written, and how it is found done. Each takes the shard's path without a suffix."""

    name: str
    write: Callable[[Path, Rows, Footer], None]
    read_footer: Callable[[Path], Footer | None]
    read_columns: Callable[[Path, list[str]], dict[str, Any]]
    read_answers: Callable[[Path, Sequence[str]], Answers]
    file_of: Callable[[Path], Path]


def format_named(name: str) -> ShardFormat:
    """The format "parquet" or "csv".

    Raises:
        MissingPackage: Parquet without pyarrow.
    """
    if name == "csv":
        return ShardFormat(
            name,
            csv_shard.write,
            csv_shard.read_footer,
            csv_shard.read_columns,
            csv_shard.read_answers,
            csv_shard.file_of,
        )
    if find_spec("pyarrow") is None:
        or_else = ", or write CSV: `--format csv`"
        raise MissingPackage("answers in Parquet", package="pyarrow", extra="score", or_else=or_else)
    from app.scoring.outputs import parquet_shard  # slow to import

    return ShardFormat(
        name,
        parquet_shard.write,
        parquet_shard.read_footer,
        parquet_shard.read_columns,
        parquet_shard.read_answers,
        parquet_shard.file_of,
    )
