"""`.env`: all changes of it (by a command, by set-up) are written here, with the parser that reads it.

Nothing in it is expanded or executed.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import Binding, parse_stream

_BOM = "\ufeff"
_BESIDE = {"MODEL_VERSIONS": "MODEL_VERSION"}
"""Key -> the key after whose line a new line goes; any other new line goes last."""


class Line(NamedTuple):
    """The value of a key and the number of its line; `unlike` are the lines above that give it another value."""

    value: str
    number: int
    unlike: tuple[int, ...] = ()


def read_lines(path: Path) -> tuple[dict[str, Line], list[str]]:
    """Each key with the line in force (the last one counts), and the lines that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return {}, [f"{path.name} line {line} is no UTF-8: save the file as UTF-8"]
    except IsADirectoryError:
        return {}, [f"{path.name} is a folder, expected a file: move it away, then run `bash setup-server.sh`"]
    except OSError as error:
        return {}, [f"{path.name} cannot be read ({error.strerror})"]
    lines, wrong = lines_in(text)
    return lines, [
        f"{path.name} line {number} is no KEY=value, such as LOG_LEVEL=info, with its quotes closed" for number in wrong
    ]


def lines_in(text: str) -> tuple[dict[str, Line], list[int]]:
    """The same for a text, with the numbers of the lines that cannot be read."""
    bindings = _bindings(text.removeprefix(_BOM))
    all_lines = [(one.key, one.value or "", _number(one)) for one in bindings if one.key]
    lines = {
        key: Line(value, number, tuple(line for other, said, line in all_lines if other == key and said != value))
        for key, value, number in all_lines
    }
    return lines, [_number(one) for one in bindings if one.error or (one.key and one.value is None)]


def with_values(text: str, values: Mapping[str, str]) -> str:
    """`text` of an `.env` in which each key has one line, with this value; every other line stays as it is."""
    bom = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    line_end = "\r\n" if "\r\n" in body else "\n"
    for key, value in values.items():
        body = _with_line(_bindings(body), key, f"{key}={_quoted(value)}", line_end)
    return bom + body


def write(file: Path, text: str | None) -> None:
    """Replaces the file in one step; a new one is for its owner alone. None removes the file. A link stays a link."""
    file = file.resolve()
    if text is None:
        file.unlink(missing_ok=True)
        return
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)  # left by an interrupted run, with any mode
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(text.encode())
            written.flush()
            os.fsync(written.fileno())
        if file.exists():
            now = file.stat()
            draft.chmod(now.st_mode & 0o777)
            os.chown(draft, now.st_uid, now.st_gid)  # root may change a service that another user runs
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def put(file: Path, values: Mapping[str, str]) -> None:
    """Writes these values into the file, which need not exist yet."""
    write(file, with_values(file.read_bytes().decode() if file.exists() else "", values))


def _bindings(text: str) -> list[Binding]:
    """The lines of a file, each with the empty ones before it; joined, they give the whole text."""
    return list(parse_stream(io.StringIO(text, newline="")))


def _number(binding: Binding) -> int:
    """The number of a line itself: the parser counts from the first of the empty lines before it."""
    text = binding.original.string
    return binding.original.line + len(re.findall(r"\r\n|\n|\r", text[: len(text) - len(text.lstrip())]))


def _with_line(bindings: list[Binding], key: str, line: str, line_end: str) -> str:
    parts = [one.original.string for one in bindings]
    own = [index for index, one in enumerate(bindings) if one.key == key]
    for index in own:
        parts[index] = _in_the_place_of(parts[index], line) if index == own[0] else ""
    if not own:
        beside = [index for index, one in enumerate(bindings) if one.key and one.key == _BESIDE.get(key)]
        place = beside[-1] + 1 if beside else len(parts)
        if place and not parts[place - 1].endswith(("\n", "\r")):
            parts[place - 1] += line_end
        parts.insert(place, line + line_end)
    return "".join(parts)


def _in_the_place_of(old: str, line: str) -> str:
    """`line` between the empty lines before `old`, and its end."""
    return re.sub(
        r"(?s)\A(\s*[\r\n])?.*?(\r\n|\n|\r)?\Z", lambda found: f"{found[1] or ''}{line}{found[2] or ''}", old, count=1
    )


def _quoted(value: str) -> str:
    """A value quoted so that the parser gives it back unchanged."""
    if re.fullmatch(r"[^\s'\"]*", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
