"""Lists of short texts that a joblib file holds as object arrays: the labels that `fetch_openml` gives, unconverted,
and the column names of a DataFrame.

joblib writes an object array as a pickle of its own. That pickle is never interpreted: its bytes are compared with the
one form that numpy gives such a list, in which only the texts vary.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_OBJECT_TEXTS = 1000
"""pickle writes longer lists in several pieces."""

_HEAD = re.compile(
    rb"\x80\x05\x95(?P<size>.{8})"
    rb"\x8c(?:\x16numpy\._core|\x15numpy\.core)\.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94"
    rb"\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94"
    rb"\(K\x01(?:K(?P<count>.)|M(?P<count2>..))\x85\x94"
    rb"h\x03\x8c\x05dtype\x94\x93\x94\x8c\x02O8\x94\x89\x88\x87\x94R\x94"
    rb"\(K\x03\x8c\x01\|\x94NNNJ\xff{4}J\xff{4}K\x3ft\x94b\x89\]\x94\(",
    re.DOTALL,
)
"""The bytes up to the first text: `ndarray` of one axis, C order, dtype object."""

_TEXT = re.compile(rb"\x8c([\x01-\x20])([ -~]{1,32})\x94", re.DOTALL)
_TAIL = b"et\x94b."


def read_object_texts(data: bytes, start: int, count: int) -> tuple[NDArray[Any], int] | None:
    """The texts of an object array, and the place where the file continues; None for any other bytes.

    Args:
        data: the file.
        start: the place where the array's own pickle begins.
        count: the required number of texts, 2 to `MAX_OBJECT_TEXTS`.

    Returns:
        (count,) array of text; each of 1 to 32 printable ASCII characters.
    """
    head = _HEAD.match(data, start)
    if head is None or int.from_bytes(head["count"] or head["count2"], "little") != count or count < 2:
        return None
    if head["count"] is None and count < 256:  # numpy's pickle uses the shorter form here
        return None
    texts, position = [], head.end()
    for _ in range(count):
        length = data[position + 1 : position + 2]
        end = position + 3 + (length[0] if length else 0)
        text = _TEXT.fullmatch(data, position, end)
        if text is None or len(text[2]) != text[1][0]:
            return None
        texts.append(text[2].decode("ascii"))
        position = end
    end = position + len(_TAIL)
    if data[position:end] != _TAIL or int.from_bytes(head["size"], "little") != end - head.start() - 11:
        return None
    return np.array(texts), end
