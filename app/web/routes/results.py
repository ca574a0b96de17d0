"""GET /results: what was answered, newest first."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import Response

from app.errors import BadParameter
from app.web.call import Call
from app.web.errors import respond
from app.web.service import Service

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


class Results:
    """Readable with a key or a visit; by anyone on this machine while HOST is loopback, or everywhere with
    RESULTS_PUBLIC. There a visit that has expired is no obstacle, but a wrong key is refused."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def results(self, call: Call) -> Response:
        """At most `limit` results, older than `before` if it is given."""
        access = self._service.access
        if access.has_key(call) or not (self._service.results_public or access.is_local(call)):
            access.caller(call)
        else:
            access.count_address(call)
        limit, before = _limit(call), _before(call)
        found = await self._service.watch.ask(self._service.store.latest, limit, before=before)
        return respond({"results": found})


def _limit(call: Call) -> int:
    text = call.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        promised = f"a whole number from 1 to {MAX_LIMIT}"
        raise BadParameter("limit", found=text[:40], promised=promised, remedy="Page through them with before=ID.")
    return int(text)


def _before(call: Call) -> UUID | None:
    text = call.query_params.get("before")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        promised, remedy = "the id of a result", "Take it from the last result of the page before."
        raise BadParameter("before", found=text[:40], promised=promised, remedy=remedy) from None
