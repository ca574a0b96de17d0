"""What was named on the command line to inputs, by what is in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from app.errors import system_refusals
from app.scoring.inputs.arrays import open_arrays
from app.scoring.inputs.pictures import SUFFIXES, open_pictures
from app.scoring.inputs.source import Source
from app.scoring.refusals import BadInput, MissingPackage

OF_ARRAYS = frozenset({".npy", ".parquet", ".idx", ".gz"})
"""Suffixes of files in a folder that hold many digits each."""
IDX_IMAGES = "-images-idx3-ubyte"
PARQUET = b"PAR1"


def open_inputs(
    path: Path, *, labels: Path | None = None, say: Callable[[str], None] = lambda line: None
) -> list[Source]:
    """The inputs at a path: a file of digits, a folder of such files, or a folder of pictures.

    Args:
        labels: a file with a label for each row; only for one input.
        say: is told what is left out.

    Raises:
        BadInput: there is none that can be read. MissingPackage: Parquet without pyarrow.
    """
    if not path.exists():
        raise _bad(path, "no such file", "Name a file or a folder.")
    if not path.is_dir():
        return [_open_file(path, path.name, labels)]
    with system_refusals(path):
        files = sorted(Path(top, name) for top, _, names in os.walk(path) for name in names)
    arrays = [file for file in files if _is_array(file)]
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    others = len(files) - len(arrays) - len(pictures) - sum(_is_idx_labels(file) for file in files)
    if others:
        say(f"{others:,} files in {path} are neither digits nor pictures, and are left out.")
    if arrays and pictures:
        found = f"{len(arrays):,} files of digits and {len(pictures):,} pictures"
        raise _bad(path, found, "Put them into folders of their own: their rows are named in different ways.")
    if pictures:
        return [open_pictures(path, path.name, labels)]
    if labels is not None and len(arrays) != 1:
        raise _bad(path, f"{len(arrays):,} files", "Give --labels for one file, or a column `label` in each.")
    return [_open_file(file, f"{path.name}/{file.relative_to(path).as_posix()}", labels) for file in arrays]


def _open_file(path: Path, name: str, labels: Path | None) -> Source:
    with system_refusals(path):
        if not path.is_file():
            raise _bad(path, "no plain file", "Name a plain file.")
        with path.open("rb") as file:
            begin = file.read(4)
    if begin != PARQUET:
        return open_arrays(path, name, labels)
    if find_spec("pyarrow") is None:
        or_else = ", or save the digits as .npy"
        raise MissingPackage(f"input {path}", package="pyarrow", extra="score", or_else=or_else)
    from app.scoring.inputs.parquet import open_parquet  # slow to import

    return open_parquet(path, name, labels)


def _is_array(file: Path) -> bool:
    return (file.suffix.lower() in OF_ARRAYS and not _is_idx_labels(file)) or file.name.endswith(IDX_IMAGES)


def _is_idx_labels(file: Path) -> bool:
    return "-labels-idx1-ubyte" in file.name


def _bad(path: Path, found: str, remedy: str) -> BadInput:
    return BadInput(f"input {path}", found=found, expected="digits", remedy=remedy)
