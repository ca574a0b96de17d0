"""The flag file: read within bounds and checked, or replaced in one step."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any, NoReturn

from app.errors import only_refusals
from app.flags.refusals import BadFlags
from app.flags.schema import Document, Rules, check

MAX_BYTES = 256 << 10
MAX_DEPTH = 100
BEFORE = ".before"
"""Suffix of the replaced file, which is kept."""
_DRAFT = ".draft"
_SCHEMA = "https://flagd.dev/schema/v0/flags.json"


def read_flag_file(path: Path) -> bytes | None:
    """The bytes of the file, or None if there is none. A link is followed: flags may be mounted that way.

    Raises:
        BadFlags: it cannot be read, is not a plain file, or has more than 256 KiB.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO is refused, not waited for
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadFlags(path.name, ["no plain file"])
            data = b""
            while len(data) <= MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES + 1 - len(data))):
                data += chunk
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFlags(path.name, [f"unreadable ({error.strerror})"]) from None
    if len(data) > MAX_BYTES:
        raise BadFlags(path.name, [f"more than {MAX_BYTES:,} bytes"])
    return data


def parse_flags(data: bytes, *, name: str) -> tuple[Document, Rules]:
    """The whole file as it is written, and the part of it that is evaluated.

    Raises:
        BadFlags: it is not JSON, or its flags are invalid; every fault is named.
    """
    with only_refusals(lambda said: BadFlags(name, [f"no JSON ({said})"])):
        document = json.loads(data.decode(), object_pairs_hook=_each_once, parse_constant=_no_number)
    if _is_deeper(document, MAX_DEPTH):
        raise BadFlags(name, [f"nested more than {MAX_DEPTH} deep"])
    rules, problems = check(document)
    if problems:
        raise BadFlags(name, problems)
    return document, rules


def no_flags() -> Document:
    """A new flag file."""
    return {"$schema": _SCHEMA, "flags": {}}


def write_flag_file(path: Path, document: Document) -> None:
    """Replaces the flag file in one step, keeping its mode and owner; the old file is kept beside it.

    Raises:
        BadFlags: they would be refused on reading. Nothing has then changed.
    """
    # backslashreplace: half of a surrogate pair, which JSON can have and UTF-8 cannot, becomes JSON again
    data = json.dumps(document, indent=2, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
    parse_flags(data, name=path.name)
    path = path.resolve()  # the target of a link is replaced, not the link
    draft = path.with_name(path.name + _DRAFT)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.unlink(missing_ok=True)  # left by an interrupted change
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if path.exists():
        now = path.stat()
        draft.chmod(now.st_mode & 0o777)
        os.chown(draft, now.st_uid, now.st_gid)  # root may change a file that another user's service reads
        shutil.copy2(path, path.with_name(path.name + BEFORE))
    else:
        draft.chmod(0o644)
    draft.replace(path)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a repeated name: JSON allows it, but readers disagree about which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands there twice")
    return found


def _is_deeper(value: Any, limit: int) -> bool:
    """True if `value` is nested deeper than `limit`; found without recursion, which deep values would break."""
    level = [value]
    for _ in range(limit):
        level = [part for one in level if isinstance(one, dict | list)
                 for part in (one.values() if isinstance(one, dict) else one)]  # fmt: skip
    return bool(level)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
