"""What was named on the command line to inputs, by what is in it."""

from __future__ import annotations

from pathlib import Path

from app.scoring.inputs.arrays import open_arrays
from app.scoring.inputs.source import Source
from app.scoring.refusals import BadInput


def open_inputs(path: Path, *, labels: Path | None = None) -> list[Source]:
    """The inputs at a path.

    Raises:
        BadInput: there is none that can be read.
    """
    if not path.exists():
        raise BadInput(f"input {path}", found="no such file", expected="digits", remedy="Name a file or a folder.")
    return [open_arrays(path, labels)]
