"""`pixelwise lock`: pulled releases into `model.lock`, for review."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.terminal import say
from app.settings import read_settings


def lock(
    version: Annotated[
        str | None, typer.Argument(help="The release, such as v2.0; without it, all that .env names.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a new commit of a release that is listed replace its entry.")
    ] = False,
) -> None:
    """Add the pulled releases that .env names, or VERSION, to model.lock, for review."""
    from app.release.model_lock import add_to_lock

    settings = read_settings()
    for one in settings.model_versions if version is None else (version,):
        say(
            add_to_lock(
                models=settings.models,
                version=one,
                lock_file=settings.lock_file,
                root=settings.root,
                replace=replace,
            )
        )
