"""Is this exactly one usual request? Seen at a glance, for when there is time for nothing but refusing it.

Not a parser: whatever is in doubt is no usual request here, and goes to the one that there is.
"""

from __future__ import annotations

import re
from typing import Final

HEAD_BYTES: Final = 2048
"""A longer head is not usual."""
_FIELDS: Final = (
    rb"(?:(?!content-length|transfer-encoding|connection|expect|upgrade)[!#$%&'*+.^_`|~0-9a-z-]+:[^\r\n\0]*\r\n"
    rb"|connection: *keep-alive\r\n)*"
)
"""Header fields, but those that say where a request ends or what follows it."""
_REQUEST: Final = re.compile(
    rb"POST (/[!-~]*) HTTP/1\.1\r\n" + _FIELDS + rb"content-length: *([0-9]{1,9})\r\n" + _FIELDS + rb"\r\n",
    re.IGNORECASE,
)


def target_of_one_request(data: bytes | bytearray) -> bytes | None:
    """The target, path and query, of a POST in HTTP/1.1 that is `data`, all of it and nothing more; None when in doubt.

    The body is as long as the one Content-Length says, and nothing in the head asks for anything but an answer.
    """
    head = _REQUEST.match(data, 0, HEAD_BYTES)
    if head is None or int(head[2]) != len(data) - head.end():
        return None
    return bytes(head[1])
