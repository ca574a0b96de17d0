"""Output of commands: results on stdout, messages on stderr, `--json` as one stable object."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, RenderableType


class Asked:
    """Options of this process. `json`: the command's result, or its refusal, as one object on stdout."""

    json = False


def _note_json(wanted: bool) -> bool:
    Asked.json = wanted
    return wanted


JsonOption = Annotated[bool, typer.Option("--json", callback=_note_json, help="One JSON object on stdout.")]
WIDTH = 150
"""Width of tables where there is no terminal."""


def console(*, stderr: bool = False) -> Console:
    """A console without colour and bars if there is no terminal, or if NO_COLOR is set."""
    plain = "NO_COLOR" in os.environ
    return Console(stderr=stderr, highlight=False, color_system=None if plain else "auto", soft_wrap=stderr)


def say(line: str) -> None:
    """Prints a message on stderr, its characters unchanged."""
    console(stderr=True).print(line, markup=False)


def show(result: RenderableType) -> None:
    """Prints tables on stdout, wide where there is no terminal; a still wider table is not cut."""
    out = console()
    if not out.is_terminal:
        out.width = WIDTH
    out.print(result, crop=False)


def print_json(value: Any) -> None:
    """One object on stdout."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
