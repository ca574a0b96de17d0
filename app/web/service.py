"""What the routes are handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect

from app.storage.results import Source, Store
from app.web.access import Access, Caller
from app.web.call import Call
from app.web.metrics import Metrics
from app.web.model_page import Card
from app.web.payloads import Answer
from app.web.reading import Reader
from app.web.watch import DatabaseWatch


@dataclass(frozen=True)
class Service:
    """Everything that routes need.

    Attributes:
        readers: one for each served version.
        default: the version that answers.
        card: of that version.
        results_public: anyone may read the list of results.
    """

    readers: Mapping[str, Reader]
    default: str
    card: Card
    store: Store
    access: Access
    metrics: Metrics
    watch: DatabaseWatch
    results_public: bool

    @property
    def reader(self) -> Reader:
        return self.readers[self.default]

    def admit(self, call: Call, reader: Reader, *, stores: bool) -> Caller:
        """Who asks, when `reader` can answer soon: all that is refused before a body is read or decoded."""
        caller = self.access.caller(call)
        if stores:
            self.watch.require()
        reader.queue.admit()
        return caller


def source_of(caller: Caller) -> Source:
    """What a stored row says of where it came from."""
    return "api" if caller.kind == "key" else "page"


async def answers_to(call: Call, reader: Reader, pixels: bytes, *, source: Source | None) -> list[Answer]:
    """The answers to this request's drawings; if its client goes away first, they are not computed.

    Raises:
        ClientDisconnect, and what `Reader.submit` raises.
    """
    if not pixels:
        return []
    future = reader.submit(pixels, source=source, arrived=call.arrived)
    connection = call.scope.get("pixelwise.connection")
    if connection is not None:
        connection.awaited = future
    try:
        return await future
    finally:
        if future.cancelled():
            raise ClientDisconnect
