"""`pixelwise serve`, and the settings as read by commands that act for a running service."""

from __future__ import annotations

import typer

from app.cli.terminal import say
from app.settings import Settings, read_settings


def settings_of_service() -> Settings:
    """The settings; their warnings are reported before anything is done with them."""
    settings = read_settings()
    for warning in settings.warnings:
        say(warning)
    return settings


def serve() -> None:
    """Answer on HOST and PORT until stopped. SIGHUP takes up new settings or another release without a pause."""
    from app.server.supervisor import serve as run

    code = run(read_settings(), say=lambda line: typer.echo(line, err=True))
    if code:
        raise typer.Exit(code)
