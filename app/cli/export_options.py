"""The options and the output shared by the commands that write rows to a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.errors import ConfigurationError
from app.settings import read_settings

if TYPE_CHECKING:
    from app.storage.export import Selection

MANY = 10_000
"""From this many rows on, an export shows a progress bar."""


class Format(StrEnum):
    """The format of an export; app/storage/export.py describes each."""

    CSV = "csv"
    NPZ = "npz"
    IDX = "idx"


Out = Annotated[Path, typer.Option("--out", help="The file; for idx, what both files' names begin with.")]
ExportFormat = Annotated[
    Format,
    typer.Option("--format", help="csv: all but the drawings; npz: for numpy; idx: as MNIST's own files."),
]


def write_file(selection: Selection, kind: Format, out: Path, *, noun: str) -> None:
    """Writes the rows to `out`, prints its name, and reports the count with this noun."""
    from rich.console import Console
    from rich.progress import Progress

    from app.storage.database import Database
    from app.storage.export import count, export
    from app.storage.migrate import check_schema

    if str(out) in ("-", "."):  # "." is what an empty text becomes
        raise ConfigurationError(
            "--out",
            found="- for the standard output" if str(out) == "-" else "no name",
            expected="the name of a file",
            remedy="Name a file, such as answers.csv; it is put in place whole.",
        )
    settings = read_settings()
    opened = Database(settings.database_url, root=settings.root)
    check_schema(opened)
    total = count(opened, selection)
    terminal = Console(stderr=True)
    quiet = total < MANY or not terminal.is_terminal or terminal.no_color
    with Progress(console=terminal, disable=quiet, transient=True) as bar:
        task = bar.add_task(f"Reading {noun}", total=total)
        done = export(opened, selection, kind.value, out, progress=lambda rows: bar.advance(task, rows))
    for file in done.files:
        typer.echo(file)
    left_out = [f"{done.without_drawing} without a drawing"] if done.without_drawing else []
    left_out += [f"{done.no_digit} of what is no digit"] if done.no_digit else []
    without = f", {' and '.join(left_out)} left out" if left_out else ""
    typer.echo(f"{done.written} {noun.removesuffix('s') if done.written == 1 else noun}{without}.", err=True)
