"""The command `pixelwise`. Results go to stdout, progress and messages to stderr; `--json` gives one stable object."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import app
from app.cli.db import database
from app.cli.diff import diff
from app.cli.doctor import doctor
from app.cli.flags import flags
from app.cli.keys import keys
from app.cli.labels import labels
from app.cli.lock import lock
from app.cli.models import models
from app.cli.predict import predict
from app.cli.pull import pull
from app.cli.report import report
from app.cli.score import score
from app.cli.serve import serve
from app.cli.terminal import Asked, print_json, say
from app.cli.upgrade import upgrade
from app.cli.verify import verify
from app.errors import PixelWiseError, system_refusals
from app.settings import ROOT

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=app.__doc__)
cli.command()(pull)
cli.command()(diff)
cli.command()(report)
cli.command()(serve)
cli.command()(upgrade)
cli.command()(lock)
cli.command()(verify)
cli.command()(predict)
cli.command()(doctor)
cli.add_typer(database, name="db")
cli.add_typer(keys, name="keys")
cli.add_typer(flags, name="flags")
cli.add_typer(labels, name="labels")
cli.add_typer(models, name="models")
cli.add_typer(score, name="score")


def main() -> NoReturn:
    """Runs the command; a refusal is one message on stderr (and one object on stdout with --json) and its exit code."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that cannot show a character
    os.umask(os.umask(0o077) | 0o002)  # added to the present mask: no file may be writable for everyone
    _say_which_installation()
    try:
        with system_refusals():
            cli()
    except PixelWiseError as error:
        _refuse(error)
    sys.exit(0)


def _say_which_installation() -> None:
    """Reports on stderr which installation this is: an activated environment belongs to its own tree, in any folder."""
    here = Path(os.path.realpath("."))
    if here != ROOT and (here / "setup-server.sh").is_file() and (here / "app/cli/program.py").is_file():
        say(f"This is the command of {ROOT}, not of the current folder {here}: it reads and changes that one.")


def _refuse(error: PixelWiseError) -> NoReturn:
    say(str(error))
    if Asked.json:
        print_json({"error": error.parts})
    sys.exit(error.exit_code)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pixelwise {app.__version__}")
        raise typer.Exit


@cli.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


if __name__ == "__main__":
    main()
