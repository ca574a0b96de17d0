"""One request, as the routes get it, and the route made from a function that takes one."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.server.request_id import new_request_id

_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Call(Request):
    """A request with what every route asks of it.

    Attributes:
        id: of this request, in its answer's header and in the log: chosen by a proxy or client if safe to repeat.
        arrived: `time.monotonic()` when its headers were complete.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.arrived = time.monotonic()
        # White space around a value is not part of it (RFC 9110, 5.5); parsers leave it at the end.
        self._fields = {name: value.strip(b" \t") for name, value in scope["headers"]}
        self._repeats = len(self._fields) < len(scope["headers"])
        given = self._fields.get(b"x-request-id")
        self.id = given.decode() if given is not None and _SAFE_ID.fullmatch(given) else new_request_id()

    def field(self, name: bytes) -> str | None:
        """The header `name` (in lower case), found ten times faster than by `headers`."""
        value = self._fields.get(name)
        return None if value is None else value.decode("latin-1")

    def times(self, name: bytes) -> int:
        """The number of headers `name` (in lower case); `field` gives the last."""
        if self._repeats:
            return sum(given == name for given, _ in self.scope["headers"])
        return int(name in self._fields)


class Endpoint:
    """A function from call to response as an ASGI application; the gate handles its errors."""

    def __init__(self, answer: Callable[[Call], Awaitable[Response]]) -> None:
        self.answer = answer
        self.__name__ = answer.__name__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(scope["pixelwise.call"])
        await response(scope, receive, send)
