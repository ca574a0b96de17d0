"""`pixelwise db`: the database's tables, and what is in them as a file."""

from __future__ import annotations

import typer

from app.cli.export_options import ExportFormat, Format, Out, write_file
from app.settings import read_settings

database = typer.Typer(no_args_is_help=True, help="The database: its tables, and its results as a file.")


@database.command()
def upgrade() -> None:
    """Bring the tables to what this version needs; makes them where there are none. May be run again."""
    from app.storage.database import Database
    from app.storage.migrate import REVISION
    from app.storage.migrate import upgrade as upgrade_tables

    settings = read_settings()
    opened = Database(settings.database_url, root=settings.root)
    upgrade_tables(opened)
    typer.echo(f"Database {opened.name}: tables of revision {REVISION}.", err=True)


@database.command()
def export(out: Out, kind: ExportFormat = Format.CSV) -> None:
    """Write all stored results to a file."""
    from app.storage.export import all_results

    write_file(all_results(), kind, out, noun="results")
