"""A visit of the page, and what it sends, to an application in this process."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.inside import Inside, Reply

STROKES = b'{"strokes": [[[140, 40], [140, 240]]]}'
ORIGIN = {"origin": "http://127.0.0.1"}
MakeInside = Callable[..., Inside]


def visit(inside: Inside, **options: str) -> dict[str, str]:
    """The headers of a request from the page, after a new visit."""
    reply = inside.ask("GET", "/", key=None, **options)
    return {"cookie": reply.headers["set-cookie"].partition(";")[0], **ORIGIN}


def preview(inside: Inside, headers: dict[str, str], *, key: str | None = None, address: str = "192.0.2.7") -> Reply:
    return inside.ask("POST", "/drawings/preview", STROKES, headers, key=key, address=address)
