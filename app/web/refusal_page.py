"""A refusal as a page in words, for a person who opened an address in a browser."""

from __future__ import annotations

import msgspec
from starlette.responses import HTMLResponse, Response

from app.server.early_refusals import ErrorBody
from app.web.page_templates import page_template
from app.web.request import Call

WORDS = {
    401: (
        "Open the page to draw on first",
        "This address answers browsers that have opened it, and programs with a key.",
    ),
    403: ("This is not shown here", "Whoever runs the service decides who may see it, and under which address."),
    404: ("There is nothing at this address", "It may be mistyped, or what it named is no longer here."),
    405: ("This address is for programs", "The description of the API says how they use it."),
    422: ("A part of this address cannot be", "Something behind its “?” is mistyped, or belongs to another page."),
    429: (
        "You asked very often",
        "There is a limit for each visitor and each network. Wait a moment, then load this page again.",
    ),
    500: ("The service made a mistake", "That was not your fault. If it stays, tell whoever runs the service."),
    503: ("The service cannot answer now", "Wait a moment, then load this page again."),
}
"""By status: a title, and what helps."""
OTHERWISE = ("The service did not understand the browser", "The page to draw on may work all the same.")
_body = msgspec.json.Decoder(ErrorBody)


def asks_for_page(call: Call) -> bool:
    """True of what a browser sends for an address that a person opened; programs and scripts take anything, or JSON."""
    if call.method not in ("GET", "HEAD"):
        return False
    kinds = {part.partition(";")[0].strip().lower() for part in (call.field(b"accept") or "").split(",")}
    return "text/html" in kinds and "application/json" not in kinds


def as_page(refusal: Response, path: str) -> Response:
    """The same refusal as a page: its status and its headers stay.

    Args:
        refusal: with an `ErrorBody` as JSON.
        path: of the request: links are relative, so that they are right behind a prefix too.
    """
    title, words = WORDS.get(refusal.status_code, OTHERWISE)
    up = "../" * max(0, path.removeprefix("/api").count("/") - 1)
    body = _body.decode(bytes(refusal.body))
    page = page_template("refused.html").render(title=title, words=words, body=body, up=up, current="")
    headers = {name: value for name, value in refusal.headers.items() if name not in ("content-type", "content-length")}
    return HTMLResponse(page, refusal.status_code, {**headers, "vary": "Accept"})
