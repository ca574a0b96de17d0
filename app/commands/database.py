"""`pixelwise db`: the database's tables, and what is in them as a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.settings import read_settings

database = typer.Typer(no_args_is_help=True, help="The database: its tables, and its results as a file.")
MANY = 10_000
"""From this many results on, an export shows a progress bar."""


class Format(StrEnum):
    """What `export` writes; app/storage/export.py says what is in each."""

    CSV = "csv"
    NPZ = "npz"
    IDX = "idx"


@database.command()
def upgrade() -> None:
    """Bring the tables to what this version needs; makes them where there are none. May be run again."""
    from app.storage.database import Database
    from app.storage.schema import REVISION
    from app.storage.schema import upgrade as upgrade_tables

    settings = read_settings()
    opened = Database(settings.database_url, root=settings.root)
    upgrade_tables(opened)
    typer.echo(f"Database {opened.name}: tables of revision {REVISION}.", err=True)


@database.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="The file; for idx, what both files' names begin with.")],
    kind: Annotated[
        Format,
        typer.Option("--format", help="csv: all but the drawings; npz: for numpy; idx: as MNIST's own files."),
    ] = Format.CSV,
) -> None:
    """Write all stored results to a file."""
    from rich.console import Console
    from rich.progress import Progress

    from app.storage.database import Database
    from app.storage.export import count
    from app.storage.export import export as export_results
    from app.storage.schema import check_schema

    settings = read_settings()
    opened = Database(settings.database_url, root=settings.root)
    check_schema(opened)
    total = count(opened)
    terminal = Console(stderr=True)
    quiet = total < MANY or not terminal.is_terminal or terminal.no_color
    with Progress(console=terminal, disable=quiet, transient=True) as bar:
        task = bar.add_task("Reading results", total=total)
        done = export_results(opened, kind.value, out, progress=lambda rows: bar.advance(task, rows))
    for file in done.files:
        typer.echo(file)
    without = f", {done.without_drawing} without a drawing left out" if done.without_drawing else ""
    typer.echo(f"{done.written} results{without}.", err=True)
