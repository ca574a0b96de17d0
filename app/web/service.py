"""What the routes are handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import ClientDisconnect

from app.errors import BadParameter, Forbidden, NotFound
from app.storage.results import Source, Store
from app.web.access import Access, Caller
from app.web.call import Call
from app.web.metrics import Metrics
from app.web.model_page import Card
from app.web.payloads import Answer
from app.web.reading import Reader
from app.web.watch import DatabaseWatch

VERSION_PARAMETER = "model"
"""The parameter of an address that asks for one version."""


class Admitted(NamedTuple):
    """Who asks, and what reads for them."""

    caller: Caller
    reader: Reader


@dataclass(frozen=True)
class Service:
    """Everything that routes need.

    Attributes:
        readers: one for each served version, the default first.
        default: the version that answers who asks for none.
        cards: of each served version.
        left_out: versions that should be served too and were refused, each with the sentence that says why.
        results_public: anyone may read the list of results.
    """

    readers: Mapping[str, Reader]
    default: str
    cards: Mapping[str, Card]
    left_out: Mapping[str, str]
    store: Store
    access: Access
    metrics: Metrics
    watch: DatabaseWatch
    results_public: bool

    @property
    def reader(self) -> Reader:
        return self.readers[self.default]

    def admit(self, call: Call, *, stores: bool, version: str | None = None) -> Admitted:
        """Who asks, and the version that reads for them, when that can be soon: all that is refused before a body is
        read or decoded.

        Args:
            version: the one that the path of the address names.
        """
        caller = self.access.caller(call)
        if stores:
            self.watch.require()
        reader = self.reader_for(call, caller, version)
        reader.queue.admit()
        return Admitted(caller, reader)

    def reader_for(self, call: Call, caller: Caller, version: str | None = None) -> Reader:
        """What reads for this caller: the version that the address names, by its path or `?model=`; else the default.

        Raises:
            Forbidden: a visit names one. NotFound: it is not served. BadParameter: two are named.
        """
        if version is None and not call.scope["query_string"]:  # nearly always
            return self.reader
        named = dict.fromkeys(call.query_params.getlist(VERSION_PARAMETER))
        if version is not None:
            named[version] = None
        if not named:
            return self.reader
        if len(named) > 1:
            promised, remedy = "one version", "Ask for one at a time."
            raise BadParameter(VERSION_PARAMETER, found=f"{len(named)} of them", promised=promised, remedy=remedy)
        if caller.kind != "key":
            raise Forbidden(
                "version of the model",
                found="a visit of the page that asks for one",
                promised="a key in the header X-API-Key",
                remedy="Name no version, or send a key.",
            )
        return self.reader_of(*named)

    def reader_of(self, version: str) -> Reader:
        """That of one version.

        Raises:
            NotFound: it is not served; those that are, are named.
        """
        if version not in self.readers:
            remedy = "Use one of these, or name none: then the default answers."
            raise NotFound(
                "version of the model",
                found=version[:40] or "nothing",
                promised=", ".join(self.readers),
                remedy="It is left out: GET /ready says why." if version in self.left_out else remedy,
            )
        return self.readers[version]


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
