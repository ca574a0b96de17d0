"""Hints in the log on misconfigured front ends of other people, whose pages would otherwise fail in silence."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.refusals import Forbidden, NotAuthenticated
from app.web.request import Call

READABLE = (
    "Send a key in the header X-API-Key, or open the service's own page in this browser and under this address first "
    "(GET /api/ is enough: it begins a visit). RESULTS_PUBLIC=1 in the service's .env lets anyone read."
)
ONE_ORIGIN = (
    "Let one server give the page and hand /api on to this service (Vite: server.proxy; nginx: location /api/), and "
    "call it by /api/classify, without a host."
)
_log = logging.getLogger("pixelwise.web")


class FrontEnds:
    """Refusals that an operator should hear of, each kind logged once in the life of a process."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def unreadable(self, refusal: NotAuthenticated) -> NotAuthenticated:
        """The refusal of reading results with neither a key nor a visit; its remedy says how to gain access."""
        self._say("a front end's history stays empty", READABLE)
        return NotAuthenticated(refusal.subject, found=refusal.found, expected=refusal.expected, remedy=READABLE)

    def elsewhere(self, origin: str) -> Forbidden:
        """The refusal of a page that calls from another origin."""
        self._say(f"a page of {origin[:100]!r} gets no answer", ONE_ORIGIN)
        return Forbidden(
            "page of another origin", found=origin[:100], expected="pages of the service's own", remedy=ONE_ORIGIN
        )

    def _say(self, what: str, remedy: str) -> None:
        if remedy not in self._said:
            self._said.add(remedy)
            _log.warning("%s: it was refused. %s", what, remedy)


class OneOrigin:
    """The application, except for CORS preflights (sent by browsers for pages of another origin), which it refuses."""

    def __init__(self, inside: ASGIApp, front_ends: FrontEnds) -> None:
        self._inside, self._front_ends = inside, front_ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            call: Call = scope["pixelwise.call"]
            if call.field(b"access-control-request-method") is not None:
                raise self._front_ends.elsewhere(call.field(b"origin") or "null")
        await self._inside(scope, receive, send)
