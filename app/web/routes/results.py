"""GET /results: what was answered, newest first."""

from __future__ import annotations

import asyncio
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from app.errors import BadParameter
from app.web.errors import respond
from app.web.service import Service

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


class Results:
    """Readable with a key or a visit; by anyone on this machine, or everywhere with RESULTS_PUBLIC."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def results(self, request: Request) -> Response:
        """At most `limit` results, older than `before` if it is given."""
        access = self._service.access
        if access.is_known(request) or not (self._service.results_public or access.is_local(request)):
            access.caller(request)
        else:
            access.count_address(request)
        limit, before = _limit(request), _before(request)
        self._service.watch.require()
        found = await asyncio.to_thread(self._service.store.latest, limit, before=before)
        return respond({"results": found})


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        promised = f"a whole number from 1 to {MAX_LIMIT}"
        raise BadParameter("limit", found=text[:40], promised=promised, remedy="Page through them with before=ID.")
    return int(text)


def _before(request: Request) -> UUID | None:
    text = request.query_params.get("before")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        promised, remedy = "the id of a result", "Take it from the last result of the page before."
        raise BadParameter("before", found=text[:40], promised=promised, remedy=remedy) from None
