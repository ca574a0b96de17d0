"""`pixelwise report`: what the stored answers show, as one file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.errors import ConfigurationError
from app.settings import read_settings


def report(
    out: Annotated[Path, typer.Option("--out", help="The folder; it is made where there is none.")],
    json: Annotated[
        bool, typer.Option("--json", help="Write the figures, as report.json, instead of the page.")
    ] = False,
) -> None:
    """Compare the versions by the stored answers and labels; writes report.html, which is complete in one file."""
    from datetime import UTC, datetime

    import msgspec

    from app.report.evaluation import evaluate
    from app.report.page import render
    from app.storage.analytics import read_facts
    from app.storage.database import Database
    from app.storage.schema import prepare

    settings = read_settings()
    database = Database(settings.database_url, root=settings.root)
    prepare(database)
    figures = evaluate(read_facts(database), default=settings.model_version, made_at=datetime.now(UTC))
    file = out / ("report.json" if json else "report.html")
    content = msgspec.json.format(msgspec.json.encode(figures), indent=2) if json else render(figures).encode()
    try:
        _put(file, content)
    except OSError as error:
        raise ConfigurationError(
            f"--out {out}",
            found=error.strerror or str(error),
            promised="a folder that can be written to",
            remedy="Name another one, or free space there. What was there before is as it was.",
        ) from None
    typer.echo(file)
    for verdict in figures.verdicts:
        typer.echo(f"{verdict.sentence}.", err=True)


def _put(file: Path, content: bytes) -> None:
    """In one step: who opens it meanwhile sees the old one or the new one, whole. Only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        Path(aside).replace(file)
    finally:
        Path(aside).unlink(missing_ok=True)
