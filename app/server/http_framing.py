"""The ends of head and body, as far as they can be seen without a parser; the parser refuses cases of doubt."""

from __future__ import annotations

import math
import re
from typing import Final

from starlette.types import Scope

USUAL_BYTES: Final = 2048
"""Longest head that counts as ordinary."""
_FIELDS: Final = (
    rb"(?:(?!content-length|transfer-encoding|connection|expect|upgrade)[!#$%&'*+.^_`|~0-9a-z-]+:[^\r\n\0]*\r\n"
    rb"|connection: *keep-alive\r\n)*"
)
"""Header fields, except those that say where a request ends or what follows it."""
_USUAL: Final = re.compile(
    rb"POST (/[!-~]*) HTTP/1\.1\r\n" + _FIELDS + rb"content-length: *([0-9]{1,9})\r\n" + _FIELDS + rb"\r\n",
    re.IGNORECASE,
)


def length_of_head(data: bytearray) -> int | None:
    """Length of the head at the start of `data`, to its first empty line; 0 while there is none, None if none can come.

    None: a first byte that is no letter, a first line without CR (as in HTTP/0.9), or HTTP/2.
    """
    first_line = data.find(b"\n")
    has_bare_end = first_line > 0 and data[first_line - 1 : first_line] != b"\r"
    if not data[:1].isalpha() or has_bare_end or data.startswith(b"PRI "):
        return None
    return data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0


def length_of_body(scope: Scope) -> tuple[float, bool]:
    """The length of the body in bytes, infinite if chunked; and whether there may be a body.

    With CONNECT or the header Upgrade there may be none: the parser would take it for the next request.
    """
    length, upgrades = 0.0, scope["method"] == "CONNECT"
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value)  # the parser takes digits only
        elif name == b"transfer-encoding":
            length = math.inf
        elif name == b"upgrade":
            upgrades = True
    return length, not (upgrades and length)


def target_of_one_request(data: bytes | bytearray) -> bytes | None:
    """The target (path and query) if `data` is exactly one ordinary POST in HTTP/1.1; None when in doubt.

    Its body is as long as its only Content-Length says, and its head asks for nothing but an answer.
    """
    head = _USUAL.match(data, 0, USUAL_BYTES)
    if head is None or int(head[2]) != len(data) - head.end():
        return None
    return bytes(head[1])
