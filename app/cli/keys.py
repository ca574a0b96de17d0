"""`pixelwise keys`: the callers admitted in addition to the holder of SECRET_API_KEY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import read_settings

if TYPE_CHECKING:
    from app.storage.key_rows import Keys

keys = typer.Typer(no_args_is_help=True, help="Keys of callers: each has a name, and is shown once.")
KeyName = Annotated[str, typer.Argument(help="Whose key it is.")]


@keys.command()
def add(name: KeyName) -> None:
    """Make a key for NAME and print it. It is not stored: it cannot be shown again."""
    typer.echo(_keys().add(name))
    typer.echo(f"The key of {name}, shown this once. It is sent in the header X-API-Key.", err=True)


@keys.command("list")
def list_names() -> None:
    """List the names, and since when each has a key."""
    for one in _keys().list():
        typer.echo(f"{one.name}\t{one.created_at.isoformat(timespec='seconds')}")


@keys.command()
def remove(name: KeyName) -> None:
    """Take the key of NAME away."""
    _keys().remove(name)
    typer.echo(f"{name} has no key any more.", err=True)


def _keys() -> Keys:
    from app.storage.database import Database
    from app.storage.key_rows import Keys
    from app.storage.migrate import prepare

    settings = read_settings()
    opened = Database(settings.database_url, root=settings.root)
    prepare(opened)
    return Keys(opened)
