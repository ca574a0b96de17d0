"""A short way for the requests that matter most: the same routes, without what a general server must do for any.

A request in the usual form, whose body arrives together with its head, needs no task and no stream of messages in and
out. Its endpoint is run at once, up to the future of its answer, and goes on when that is there; the answer is one
piece of bytes. Everything else goes the long way, through ASGI, to the same endpoints.

Nothing here refers back to what refers to it: what one request leaves behind is freed at once, and the garbage
collector has nothing to look for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from starlette.types import Message, Scope

from app.web.call import Call

Value = TypeVar("Value")


class Whole(NamedTuple):
    """An answer as it is sent: the status line and the header fields, each with its end of line, and the body.

    `ends`: the fields say that the connection closes.
    """

    status: int
    head: bytes
    body: bytes
    ends: bool = False


Answering: TypeAlias = Callable[[Call], Coroutine[Any, Any, Whole]]


class ExpressCycle:
    """One request on the short way, in the form in which uvicorn's connection keeps the current request.

    Attributes:
        call: made when the head was complete.
        answer: what answers it; awaits futures only.
        body: what has come of it.
        keep_alive: the connection stays open after the answer.
        disconnected: the client is gone.
    """

    def __init__(self, scope: Scope, answer: Answering) -> None:
        body = _Body()
        self.scope, self.answer, self.body, self.message_event = scope, answer, body.data, _NOBODY
        self.call = Call(scope, body)
        self.keep_alive = self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False


class _Body:
    """What a request is read from; read when it is complete."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def __call__(self) -> Message:
        return {"type": "http.request", "body": bytes(self.data), "more_body": False}


class _Nobody:
    """uvicorn tells an event that more came; here nobody waits for parts of a body."""

    def set(self) -> None:
        pass


_NOBODY = _Nobody()


class Run(Generic[Value]):
    """Runs a coroutine that awaits futures only, without a task: its first part at once, the rest when they are done.

    `done` gets what it returns; it must not raise.
    """

    __slots__ = ("_coroutine", "_done")

    def __init__(self, coroutine: Coroutine[Any, Any, Value], done: Callable[[Value], None]) -> None:
        self._coroutine, self._done = coroutine, done
        self._go_on()

    def _go_on(self, _: object = None) -> None:
        try:
            future: asyncio.Future[Any] = self._coroutine.send(None)
        except StopIteration as end:
            self._done(end.value)
            return
        # As a task does: who yields a future has marked it, so that nobody forgets `await`.
        future._asyncio_future_blocking = False
        future.add_done_callback(self._go_on)
