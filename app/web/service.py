"""The parts that routes need."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta
from starlette.requests import ClientDisconnect

from app.answering.answer import Answer
from app.answering.batcher import Overload
from app.answering.database_watch import DatabaseWatch
from app.answering.metrics import Metrics
from app.answering.reader import Reader, RowOrigin
from app.answering.ready_check import ReadyCheck
from app.answering.report_process import Reports
from app.answering.shadows import Shadowing
from app.flags.evaluator import Context, Decision, Flags
from app.server.connection import CONNECTION
from app.storage.result_rows import AnswerSource, Store
from app.web.access import Access, Caller
from app.web.card_page import CardPage
from app.web.front_end_hints import FrontEnds
from app.web.operation import Operation, Parameter
from app.web.refusals import BadParameter, Forbidden, NotAuthenticated, NotFound
from app.web.request import Call

VERSION_PARAMETER = "model"
"""The parameter of an address that asks for one version."""
VISITOR = "X-Visitor"
"""The header by which a program names for whom it asks, in whatever words: each keeps their version in a rollout."""
_VISITOR = VISITOR.lower().encode()
VISITOR_LENGTH = 100
FOR_WHOM = Parameter(
    VISITOR,
    "header",
    Annotated[str, Meta(max_length=VISITOR_LENGTH)],
    "For whom a program asks, in whatever words: shares of a rollout go by it. Visits are told apart without.",
)
CHOICE = (
    Parameter(
        VERSION_PARAMETER,
        "query",
        str,
        "A served version, such as v1.0; only with a key. Without it, flags choose, or the default answers.",
        refused=(404, 422),
    ),
    FOR_WHOM,
)
"""What a caller may say of the version that answers."""
LATELY_SECONDS = 1.0
"""A version that flags chose so recently is one that unasked requests get."""
REQUESTED = "REQUESTED"
"""The reason of an answer by a version that the caller asked for."""


class Admitted(NamedTuple):
    """The reader for this caller, and the origin of stored rows; `origin` None: nothing is stored."""

    reader: Reader
    origin: RowOrigin | None
    caller: Caller


@dataclass(frozen=True)
class Service:
    """Everything that routes need.

    Attributes:
        readers: one for each served version, the default first.
        default: the version that answers where nothing else is asked for or flagged.
        cards: of each served version.
        left_out: versions that should be served too and were refused, each with the sentence that says why.
        flags: which of them answers whom.
        keeps_drawings: drawings are stored where no flag says.
        shadowing: the other versions, which read along.
        reports: what the stored answers show.
        ready_check: of all readers and the database.
        results_public: anyone may read the list of results, and the reports.
        front_ends: what the log has said of those that are refused.
        lately: version -> when flags last chose it, by time.monotonic().
    """

    readers: Mapping[str, Reader]
    default: str
    cards: Mapping[str, CardPage]
    left_out: Mapping[str, str]
    store: Store
    access: Access
    metrics: Metrics
    watch: DatabaseWatch
    flags: Flags
    keeps_drawings: bool
    shadowing: Shadowing
    reports: Reports
    ready_check: ReadyCheck
    results_public: bool
    front_ends: FrontEnds = field(default_factory=FrontEnds)
    lately: dict[str, float] = field(default_factory=dict)

    @property
    def reader(self) -> Reader:
        return self.readers[self.default]

    def admit(self, call: Call, *, stores: AnswerSource | bool, version: str | None = None) -> Admitted:
        """The version that reads for this caller, when it can soon: all that is refused before a body is read.

        Args:
            stores: the answer is stored; a source that is not the caller's own kind may be given.
            version: the one that the path of the address names.

        Raises:
            What `Access.caller`, `DatabaseWatch.require`, `decide` and `Batcher.admit` raise.
        """
        caller = self.access.caller(call)
        if stores:
            self.watch.require()
        context = self.context(call, caller)
        decision = self.decide(call, caller, context, version)
        if decision.reason != REQUESTED:
            self.lately[decision.version] = call.arrived
        reader = self.readers[decision.version]
        reader.queue.admit()
        if not stores:
            return Admitted(reader, None, caller)
        source: AnswerSource = stores if isinstance(stores, str) else "api" if caller.kind == "key" else "page"
        keeps = self.flags.keep_drawings(context, self.keeps_drawings)
        return Admitted(reader, RowOrigin(source, self.access.owner(caller), *decision[1:], keeps), caller)

    def reader_of_results(self, call: Call) -> Caller | str:
        """The reader of results: a key or a visit; or the address of anyone, on this machine while HOST is
        loopback, or everywhere with RESULTS_PUBLIC. There a visit that has expired is no obstacle, but a wrong key is.

        Raises:
            As `Access.caller`.
        """
        if self.access.has_key(call):
            return self.access.caller(call)
        if self.results_public or self.access.is_local(call):
            self.access.count_address(call)
            return self.access.address(call)
        try:
            return self.access.caller(call)
        except NotAuthenticated as refusal:
            raise self.front_ends.unreadable(refusal) from None

    def overload(self, rows: int) -> Overload | None:
        """The overload of so many more drawings, whichever version flags choose; None where there is none.

        A full queue of a version that nobody gets unasked does not count.
        """
        since = time.monotonic() - LATELY_SECONDS
        overload = None
        for name in [name for name, moment in self.lately.items() if moment > since] or [self.default]:
            overload = self.readers[name].queue.overload(rows)
            if overload is None:
                return None
        return overload

    def decide(self, call: Call, caller: Caller, context: Context, version: str | None = None) -> Decision:
        """The version to read: the one that the address names, by its path or `?model=`; else the flags say.

        Raises:
            Forbidden: a visit names one. NotFound: it is not served. BadParameter: two are named.
        """
        if version is None and not call.scope["query_string"]:  # nearly always
            return self.flags.choose(context)
        named = dict.fromkeys(call.query_params.getlist(VERSION_PARAMETER))
        if version is not None:
            named[version] = None
        if not named:
            return self.flags.choose(context)
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
        return Decision(self.reader_of(*named).version.name, None, None, REQUESTED)

    def context(self, call: Call, caller: Caller) -> Context:
        """The part of this request that flags see: no name but a key's.

        Raises:
            BadParameter: an X-Visitor that is too long.
        """
        visitor, key = self.access.owner(caller), None
        if caller.kind == "key":
            key, named = caller.name, call.field(_VISITOR)
            if named is not None:
                if len(named) > VISITOR_LENGTH:
                    found, promised = f"{len(named)} characters", f"at most {VISITOR_LENGTH}"
                    raise BadParameter(VISITOR, found=found, promised=promised, remedy="Send a digest of it.")
                visitor = f"{visitor} {named}"
        return Context(visitor, key, call.scope["path"].removeprefix("/api"))

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


class Routes:
    """The base of each class in `routes/`: methods that answer, and the operations that they answer."""

    OPERATIONS: ClassVar[tuple[Operation, ...]]

    def __init__(self, service: Service) -> None:
        self._service = service


async def answers_to(
    call: Call, reader: Reader, pixels: bytes, *, origin: RowOrigin | None, recipe: int | None = None
) -> list[Answer]:
    """The answers to this request's drawings; if its client goes away first, they are not computed.

    Args:
        recipe: the version of the recipe that brought them to 28x28; None: they came so.

    Raises:
        ClientDisconnect, and what `Reader.submit` raises.
    """
    if not pixels:
        return []
    future = reader.submit(pixels, recipe=recipe, origin=origin, arrived=call.arrived)
    connection = call.scope.get("state", {}).get(CONNECTION)
    if connection is not None:
        connection.awaited = future
    try:
        return await future
    finally:
        if future.cancelled():
            raise ClientDisconnect
