"""`pixelwise upgrade`: another default, taken up by the running service without a pause, or not at all."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.flags import say_who_gets_another
from app.cli.pull import fetch
from app.cli.serve import settings_of_service
from app.cli.terminal import say
from app.settings import read_settings


def upgrade(version: Annotated[str, typer.Argument(help="The release, such as v2.0.")]) -> None:
    """Fetch a release, verify it, make it the default in .env (where several are named, the others stay), and let the
    running service take it up; else all stays as it was."""
    from app.cli.reload import Versions, take_up

    fetch(version, settings_of_service())

    def decide(now: Versions) -> Versions:
        return (version,) if len(now) == 1 else (version, *(other for other in now if other != version))

    is_served = take_up(version, decide)
    say(f"{version}: the default in .env, and " + ("served." if is_served else "no service runs now."))
    say_who_gets_another(read_settings())
