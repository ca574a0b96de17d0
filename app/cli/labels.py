"""`pixelwise labels`: the labels that people gave, for training."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.export_options import ExportFormat, Format, Out, write_file

labels = typer.Typer(no_args_is_help=True, help="What people say was drawn, for training.")


@labels.command()
def export(
    out: Out,
    kind: ExportFormat = Format.CSV,
    asked_only: Annotated[
        bool,
        typer.Option("--asked-only", help="Only those of the random tenth that is asked: they estimate an accuracy."),
    ] = False,
) -> None:
    """Write all labels to a file, with the drawings (npz, idx) or without (csv); -1 is what is no digit."""
    from app.storage.export import all_labels

    write_file(all_labels(asked_only=asked_only), kind, out, noun="labels")
