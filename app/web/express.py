"""A short way for the requests that matter most: the same routes, without what a general server must do for any.

A request that has arrived whole, in the usual form, needs no task and no stream of messages in and out. Its endpoint is
run at once, up to the future of its answer, and goes on when that is there; the answer is one piece of bytes. Everything
else goes the long way, through ASGI, to the same endpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from starlette.types import Message, Scope

from app.web.call import Call

EXPRESS_BYTES = 64 << 10
"""Bodies up to here may go the short way: a server holds as much of any request before it is asked for."""
Value = TypeVar("Value")


class Whole(NamedTuple):
    """An answer as it is sent: the status line and the header fields, each with its end of line, and the body."""

    status: int
    head: bytes
    body: bytes


class ExpressCycle:
    """One request on the short way, in the form in which uvicorn's connection keeps the current request.

    Attributes:
        call: made when the head was complete.
        body: what has come of it.
        keep_alive: the connection stays open after the answer.
        disconnected: the client is gone.
    """

    def __init__(self, scope: Scope, answer: Callable[[Call], Coroutine[Any, Any, Whole]]) -> None:
        self.scope, self.message_event, self._answer = scope, _Nobody(), answer
        self.call = Call(scope, self._receive)
        self.body = bytearray()
        self.keep_alive = self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False

    def start(self, done: Callable[[Whole], None]) -> None:
        """The body is complete: answers, and hands the answer to `done`."""
        run_now(self._answer(self.call), done)

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": bytes(self.body), "more_body": False}


class _Nobody:
    """uvicorn tells an event that more came; here nobody waits for parts of a body."""

    def set(self) -> None:
        pass


def run_now(coroutine: Coroutine[Any, Any, Value], done: Callable[[Value], None]) -> None:
    """Runs a coroutine that awaits futures only, without a task: its first part at once, the rest when they are done."""

    def go_on(_: object = None) -> None:
        try:
            future: asyncio.Future[Any] = coroutine.send(None)
        except StopIteration as end:
            done(end.value)
            return
        # As a task does: who yields a future has marked it, so that nobody forgets `await`.
        future._asyncio_future_blocking = False
        future.add_done_callback(go_on)

    go_on()
