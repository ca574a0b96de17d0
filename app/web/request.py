"""One request, as the routes get it, and the route made from a function that takes one."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.server.request_id import new_request_id
from app.web.refusals import BadParameter, NotUnderstood

_SINGLE = (
    b"x-api-key",
    b"content-type",
    b"content-encoding",
    b"origin",
    b"x-visitor",
    b"inference-header-content-length",
)
"""Headers with one value: what a proxy in between takes of two need not be what is taken here."""
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

    def check_headers(self) -> None:
        """Checks that no header that has one value is given twice.

        Raises:
            NotUnderstood: one is.
        """
        name = next((name for name in _SINGLE if self.times(name) > 1), None) if self._repeats else None
        if name is not None:
            raise NotUnderstood(
                f"header {name.decode()} of the request",
                found=f"{self.times(name)} headers",
                expected="at most one",
                remedy="Send the one that you mean.",
            )


class Endpoint:
    """A function from call to response as an ASGI application; the gate handles its errors."""

    def __init__(
        self,
        answer: Callable[[Call], Awaitable[Response]],
        parameters: Collection[str] = (),
        elsewhere: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """
        Args:
            parameters: those that the address may carry, each with one value.
            elsewhere: those that it may not carry because only other routes take them: name -> these routes. Names that
                nobody knows are ignored.
        """
        self.answer, self.parameters, self.elsewhere = answer, parameters, elsewhere
        self.__name__ = answer.__name__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = scope["pixelwise.call"]
        if scope["query_string"]:
            self._check_once(call)
            self._check_place(call)
        response = await self.answer(call)
        await response(scope, receive, send)

    def _check_once(self, call: Call) -> None:
        for name in self.parameters:
            values = set(call.query_params.getlist(name))
            if len(values) > 1:
                remedy = "Name the one that you mean."
                raise BadParameter(name, found=f"{len(values)} values", expected="one value", remedy=remedy)

    def _check_place(self, call: Call) -> None:
        """Refuses what would be ignored in silence: the caller counts on it."""
        for name in call.query_params:
            if name in self.elsewhere:
                found = f"a parameter of {call.method} {call.scope['path']}"
                remedy = "Leave it out here, or send the request there."
                raise BadParameter(name, found=found, expected=f"one of {self.elsewhere[name]}", remedy=remedy)
