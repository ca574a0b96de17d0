"""`pixelwise flags`: the version for each visitor, and what is shown and kept; a running service follows changes."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.terminal import JsonOption, print_json, show
from app.errors import CannotStore
from app.flags.refusals import BadFlagChange, BadFlags
from app.settings import Settings, read_settings

if TYPE_CHECKING:
    from app.flags.editing import Change
    from app.flags.schema import Document

flags = typer.Typer(no_args_is_help=True, help="Flags: which version answers whom, and what is shown and kept.")
FlagName = Annotated[
    str,
    typer.Argument(
        metavar="FLAG", help="model-version, shadow-versions, show-correction, keep-drawings or compare-versions."
    ),
]


@flags.command("list")
def list_flags(json: JsonOption = False) -> None:
    """Show each flag: its state, its variants, and who gets what."""
    from app.flags.formatting import describe

    settings = read_settings()
    document = _read(settings)
    described = describe(document, versions=settings.model_versions)
    if json:
        print_json({"file": str(settings.flags_file), "flags": [flag._asdict() for flag in described]})
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for column in ("flag", "state", "variants", "gives"):
            table.add_column(column, overflow="fold")
        for flag in described:
            # Text, not str: the contents of a file are not markup.
            table.add_row(flag.flag, flag.state or "not in the file", Text(", ".join(flag.variants)), Text(flag.gives))
        show(table)
    for flag in described:
        if flag.not_served:
            typer.echo(f"{flag.flag}: {', '.join(flag.not_served)} is not in MODEL_VERSIONS, and not used.", err=True)


@flags.command("set")
def set_flag(
    name: FlagName,
    variant: Annotated[str, typer.Argument(help="on, off, a version, or versions such as v1.1,v2.0.")],
) -> None:
    """Give everyone VARIANT of FLAG. Rollouts and other rules of this flag are dropped."""
    from app.flags.editing import set_variant

    settings = read_settings()
    change = set_variant(_read(settings), name, variant, versions=settings.model_versions)
    _write(settings, change)
    typer.echo(f"{name}: {change.after}. Before: {change.before}.", err=True)


@flags.command()
def rollout(
    name: FlagName,
    shares: Annotated[list[str], typer.Argument(metavar="VERSION=PERCENT", help="Such as v2.0=20%.")],
) -> None:
    """Give each VERSION its share of the visitors, the rest gets the default.

    Who gets a version keeps it until its share is made smaller.
    """
    from app.flags.editing import roll_out

    settings = read_settings()
    change = roll_out(_read(settings), name, _parts(name, shares), versions=settings.model_versions)
    _write(settings, change)
    typer.echo(f"{name}: {change.after}. Before: {change.before}.", err=True)


@flags.command()
def rollback() -> None:
    """Give everyone the default version of MODEL_VERSIONS again, whatever was set or rolled out."""
    from app.flags.editing import roll_back
    from app.flags.flag_file import BEFORE

    settings = read_settings()
    default = settings.model_versions[0]
    change = roll_back(_read(settings), versions=settings.model_versions)
    if change is None:
        typer.echo(f"Nothing to undo: everyone gets {default}, the default.", err=True)
        return
    _write(settings, change)
    file, root = settings.flags_file, settings.root
    kept = f"{file.relative_to(root) if file.is_relative_to(root) else file}{BEFORE}"
    typer.echo(f"Everyone gets {default}, the default. Undone: {change.before} (kept in {kept}).", err=True)


def say_who_gets_another(settings: Settings) -> None:
    """Prints a line on stderr if a flag gives any visitor a version other than the default."""
    from app.flags.formatting import beside_the_default

    default = settings.model_versions[0]
    try:
        gives = beside_the_default(_read(settings), default)
    except BadFlags as error:
        typer.echo(str(error), err=True)
        return
    if gives is not None:
        remedy = f"`pixelwise flags rollback` gives everyone {default}."
        typer.echo(f"But the flag model-version gives: {gives}. {remedy}", err=True)


def _parts(name: str, shares: list[str]) -> dict[str, Fraction]:
    """ "v2.0=20%" -> a fifth."""
    found: dict[str, Fraction] = {}
    for share in shares:
        match = re.fullmatch(r"([^=]+)=([0-9]{1,3}(?:\.[0-9]{1,2})?)%", share)
        if match is None or match[1] in found:
            raise BadFlagChange(
                f"rollout of {name}",
                found=share if match is None else f"{match[1]} twice",
                expected="a version and its share, once each",
                remedy="Write it like v2.0=20%, or v2.0=0.5%.",
            )
        found[match[1]] = Fraction(match[2]) / 100
    return found


def _read(settings: Settings) -> Document:
    from app.flags.flag_file import no_flags, parse_flags, read_flag_file

    data = read_flag_file(settings.flags_file)
    return no_flags() if data is None else parse_flags(data, name=settings.flags_file.name)[0]


def _write(settings: Settings, change: Change) -> None:
    from app.flags.flag_file import write_flag_file

    try:
        write_flag_file(settings.flags_file, change.document)
    except OSError as error:
        raise CannotStore(settings.flags_file, error, setting="FLAGS_FILE (or DATA_DIR)") from None
