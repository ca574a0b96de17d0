"""Lengths that must fit a number elsewhere, which no schema can say: schemathesis loads this, and what it makes by the
document fits then. What is to be refused stays as it is made."""

from __future__ import annotations

import json
from typing import Any

import schemathesis

from app.drawing.ink_measures import PIXELS, SIDE
from app.web.application import document
from app.web.body import RAW
from app.web.tensors import LENGTH_HEADER

EXAMPLE = document()["paths"]["/v2/models/{name}/infer"]["post"]["requestBody"]["content"]["application/json"][
    "example"
]


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Before each request; `case` may be changed."""
    if not case.meta.generation.mode.is_positive or case.method != "POST":
        return
    if case.path.endswith("/infer"):
        fit_question(case)
    elif case.media_type == RAW and case.path == "/classify/batch":
        case.body = bytes(PIXELS) + bytes(PIXELS)
    elif case.media_type == RAW:
        case.query |= {"width": 7, "height": 5}
        case.body = bytes(range(35))


def fit_question(case: Any) -> None:
    """All of it JSON, or with the values of one drawing behind it."""
    case.headers.pop(LENGTH_HEADER, None)
    if case.media_type == RAW:
        ((tensor,), after) = EXAMPLE["inputs"], bytes(PIXELS)
        about = {key: value for key, value in tensor.items() if key != "data"}
        head = json.dumps({"inputs": [about | {"parameters": {"binary_data_size": PIXELS}}]}).encode()
        case.headers[LENGTH_HEADER], case.body = str(len(head)), head + after
        return
    (tensor,) = case.body["inputs"]
    data = tensor["data"]
    is_nested = bool(data) and isinstance(data[0], list)
    if not is_nested:
        data += [0] * (-len(data) % PIXELS)
    count = len(data) if is_nested else len(data) // PIXELS
    tensor["shape"] = [count, SIDE, SIDE] if is_nested and len(data[0]) == SIDE else [count, PIXELS]
    if "outputs" in case.body:
        case.body["outputs"] = list({output["name"]: output for output in case.body["outputs"]}.values())
