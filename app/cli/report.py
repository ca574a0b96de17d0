"""`pixelwise report`: which version reads better by the stored answers, in words, as JSON, or as one file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal import JsonOption, print_json, tell
from app.errors import ConfigurationError, cause_of, printable
from app.settings import read_settings

PAGE = "report.html"


def report(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder that report.html is put in; it is made where there is none."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say which version reads better, by the stored answers and labels, and how sure that is; --out writes a page in
    one file, --json gives all figures, unrounded."""
    # Slow to import, and no other command needs them.
    from datetime import UTC, datetime

    from app.report.evaluation import evaluate
    from app.report.html import render
    from app.report.verdict import words_of
    from app.storage.database import Database
    from app.storage.migrate import prepare
    from app.storage.report_queries import read_facts

    settings = read_settings()
    database = Database(settings.database_url, root=settings.root)
    prepare(database)
    figures = evaluate(read_facts(database), default=settings.model_version, made_at=datetime.now(UTC))
    if out is not None:
        file = out / PAGE
        _put(file, render(figures).encode())
        typer.echo(file, err=json)
    if json:
        print_json(figures)
    for verdict in figures.verdicts:
        tell(map(printable, words_of(verdict)), err=json or out is not None)


def _put(file: Path, content: bytes) -> None:
    """Replaces the file in one step: a reader sees the whole old or the whole new one. Only its owner may read it."""
    from app.storage.export import demand_file_or_nothing

    demand_file_or_nothing(file)
    aside = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(descriptor, "wb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        Path(aside).replace(file)
    except OSError as error:
        raise ConfigurationError(
            f"--out {file.parent}",
            found=error.strerror or str(error),
            expected="a folder that can be written to",
            remedy=f"{cause_of(error)[1]} What was there before is as it was.",
        ) from None
    finally:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)
