"""Output of commands: results on stdout, messages on stderr, `--json` as one stable object."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, RenderableType

from app.cli.fitting import fitted


class Asked:
    """Options of this process. `json`: the command's result, or its refusal, as one object on stdout."""

    json = False


def _note_json(wanted: bool) -> bool:
    Asked.json = wanted
    return wanted


JsonOption = Annotated[bool, typer.Option("--json", callback=_note_json, help="One JSON object on stdout.")]
WIDTH = 150
"""Width of tables where there is neither a terminal nor COLUMNS."""


def console(*, stderr: bool = False) -> Console:
    """A console without colour and bars if there is no terminal, or if NO_COLOR is set."""
    plain = "NO_COLOR" in os.environ
    return Console(stderr=stderr, highlight=False, color_system=None if plain else "auto", soft_wrap=stderr)


def say(line: str) -> None:
    """Prints a message on stderr, its characters unchanged."""
    console(stderr=True).print(line, markup=False)


def tell(lines: Iterable[str], *, err: bool = False) -> None:
    """Prints sentences, broken between words where there is a terminal, each in one line where there is none."""
    out = console(stderr=err)
    for line in lines:
        broken = textwrap.wrap(line, out.width, break_long_words=False, break_on_hyphens=False)
        out.print("\n".join(broken) if _has_width(out) else line, markup=False, soft_wrap=True)


def show(result: RenderableType) -> None:
    """Prints tables on stdout, wide where there is no terminal; no word is broken or cut."""
    out = _wide_console()
    out.print(fitted(result, out), crop=False)


def width() -> int:
    """Columns that `show` has."""
    return _wide_console().width


def _wide_console() -> Console:
    out = console()
    if not _has_width(out):
        out.width = WIDTH
    return out


def _has_width(out: Console) -> bool:
    """A width to keep to: that of a terminal, or that of COLUMNS."""
    return out.is_terminal or "COLUMNS" in os.environ


def print_json(value: Any) -> None:
    """One object on stdout."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
