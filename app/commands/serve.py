"""`pixelwise serve`."""

from __future__ import annotations

import typer


def serve() -> None:
    """Answer on HOST and PORT until stopped. SIGHUP takes up new settings or another release without a pause."""
    from app.serving import serve as run
    from app.settings import read_settings

    code = run(read_settings(), say=lambda line: typer.echo(line, err=True))
    if code:
        raise typer.Exit(code)
