"""Signs that a virtual environment belongs to another folder: after `mv` or `cp -r` it leads to where it was made.

Set-up runs this with the system's Python, `python -I app/cli/virtual_environment.py FOLDER`, before there is any other.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

_HEAD_BYTES = 1000
_INTERPRETER = re.compile(rb"""\A#!(?:/bin/sh\n'''exec' )?(?:"([^"\n]+)"|(/[^\s]+))""")
"""The first line of a script; pip writes the longer form where a path is long or has a space in it."""


def leads_elsewhere(folder: Path) -> str:
    """A file in this environment that leads to another folder, and that folder; empty if there is none."""
    for file, place in _places(folder):
        if not _is_same(Path(os.fsdecode(place)), folder):
            return f"{file.relative_to(folder)} leads to {os.fsdecode(place)}"
    return ""


def _places(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every environment named by a script that people activate or call."""
    activate = folder / "bin/activate"
    for line in activate.read_bytes().splitlines() if activate.is_file() else ():
        if found := re.fullmatch(rb"\s*(?:export )?VIRTUAL_ENV=([^$]*)", line):
            yield activate, os.fsencode("".join(shlex.split(os.fsdecode(found[1]))))
    for script in sorted((folder / "bin").glob("*")):
        found = _INTERPRETER.match(_head(script))
        interpreter = Path(os.fsdecode((found[1] or found[2]) if found else b""))
        if interpreter.parent.parent.name == folder.name:  # neither /usr/bin/python3 nor a shell
            yield script, os.fsencode(interpreter.parent.parent)


def _head(script: Path) -> bytes:
    if script.is_symlink() or not script.is_file():
        return b""
    with script.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_same(place: Path, folder: Path) -> bool:
    return place.exists() and place.samefile(folder)


if __name__ == "__main__":
    sys.stdout.write(leads_elsewhere(Path(sys.argv[1]).absolute()))
