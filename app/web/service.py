"""The parts that routes need."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple, TypeVar

from msgspec import Meta
from starlette.requests import ClientDisconnect

from app.answering.answer import Answer, Explanation
from app.answering.batcher import Overload
from app.answering.reader import Reader, RowOrigin
from app.flags.evaluator import Context, Decision
from app.flags.schema import COMPARE_VERSIONS
from app.server.connection import CONNECTION
from app.storage.result_rows import AnswerSource, Store
from app.web.access import Access, Caller
from app.web.card_page import CardPage
from app.web.operation import Operation, Parameter
from app.web.process_state import ProcessState
from app.web.refusals import BadParameter, Forbidden, NotAuthenticated, NotFound
from app.web.request import Call

VERSION_PARAMETER = "model"
"""The parameter of an address that asks for one version."""
VISITOR = "X-Visitor"
"""The header in which a program names the person it asks for, in any form: each person keeps a version in a rollout."""
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
"""Parameters by which a caller may influence the version that answers."""
EXPLAIN = Parameter(
    "explain",
    "query",
    Annotated[int, Meta(ge=0, le=1)],
    "1: with how much each part of the drawing spoke for the answer. Where there is no room for it, "
    "the request is refused with 503, and nothing is stored.",
)
LATELY_SECONDS = 1.0
"""A version that flags chose this recently counts as one that requests get without asking for it."""
Outcome = TypeVar("Outcome")
REQUESTED = "REQUESTED"
"""The reason of an answer by a version that the caller asked for."""


class Admitted(NamedTuple):
    """The reader for this caller, and the origin of stored rows; `origin` None: nothing is stored."""

    reader: Reader
    origin: RowOrigin | None
    caller: Caller


@dataclass(frozen=True, kw_only=True)
class Service(ProcessState):
    """Everything that routes need: what this process has for itself, and what all processes of a service share.

    Attributes:
        default: the version that answers where nothing else is asked for or flagged.
        cards: of each served version.
        left_out: versions that should be served too and were refused, each with the sentence that says why.
        store: the stored answers.
        access: recognises callers, and counts them in `limits`.
        keeps_drawings: drawings are stored unless a flag decides.
        results_public: anyone may read the list of results, and the reports.
    """

    default: str
    cards: Mapping[str, CardPage]
    left_out: Mapping[str, str]
    store: Store
    access: Access
    keeps_drawings: bool
    results_public: bool

    @property
    def reader(self) -> Reader:
        return self.readers[self.default]

    def admit(
        self, call: Call, *, stores: AnswerSource | bool, version: str | None = None, may_compare: bool = False
    ) -> Admitted:
        """The version that reads for this caller, if it can do so soon: every check that comes before a body is read.

        Args:
            stores: whether the answer is stored; or the source to store, if that is not the caller's own kind.
            version: the one that the path of the address names.
            may_compare: a visit may ask for a version too, unless a flag forbids it.

        Raises:
            The errors of `Access.caller`, `DatabaseWatch.require`, `decide` and `Batcher.admit`.
        """
        caller = self.access.caller(call)
        if stores:
            self.watch.require()
        context = self.context(call, caller)
        decision = self.decide(call, caller, context, version, may_compare=may_compare)
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
        """The reader of results: a key or a visit; or, on this machine while HOST is loopback and everywhere with
        RESULTS_PUBLIC, the address of any client. There an expired visit is no obstacle, but a wrong key is.

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
        """The overload if this many more drawings came, whichever version flags choose; None if there is room.

        A full queue does not count if nobody gets its version without asking for it.
        """
        since = time.monotonic() - LATELY_SECONDS
        overload = None
        for name in [name for name, moment in self.lately.items() if moment > since] or [self.default]:
            overload = self.readers[name].queue.overload(rows)
            if overload is None:
                return None
        return overload

    def decide(
        self, call: Call, caller: Caller, context: Context, version: str | None = None, *, may_compare: bool = False
    ) -> Decision:
        """The version that reads: the one named in the address, by its path or `?model=`; otherwise the flags decide.

        Args: as in `admit`.

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
            expected, remedy = "one version", "Ask for one at a time."
            raise BadParameter(VERSION_PARAMETER, found=f"{len(named)} versions", expected=expected, remedy=remedy)
        if caller.kind != "key" and not may_compare:
            raise Forbidden(
                "version of the model",
                found="a visit of the page that asks for one",
                expected="a key in the header X-API-Key",
                remedy="Name no version, or send a key. POST /drawings/preview takes one without a key.",
            )
        if caller.kind != "key":
            self.require_comparison(context)
        return Decision(self.reader_of(*named).version.name, None, None, REQUESTED)

    def require_comparison(self, context: Context) -> None:
        """Refuses a caller that may not see what versions read which do not answer it.

        Raises:
            Forbidden: a flag says so.
        """
        if context.key is None and not self.flags.compare_versions(context):
            raise Forbidden(
                "comparison of versions",
                found="a visit of the page",
                expected=f"a key in the header X-API-Key, while the flag {COMPARE_VERSIONS} is off",
                remedy="Ask without `model` and `beside`. The operator allows it with `pixelwise flags set "
                f"{COMPARE_VERSIONS} on`.",
            )

    async def explanation(self, call: Call, reader: Reader, pixels: bytes, *, of: Caller) -> Explanation | None:
        """The evidence for what this version reads in the drawing, if the request asks for it; None if not.

        Raises:
            BadParameter. ClientDisconnect: it went away. Overloaded: as `Explainer.explain`.
        """
        if not asks_for(call, EXPLAIN):
            return None
        explaining = asyncio.ensure_future(self.explainer.explain(reader.version.scorer, pixels, of=of))
        return await unless_gone(call, explaining)

    def context(self, call: Call, caller: Caller) -> Context:
        """The part of this request that flags see; the only name in it is a key's.

        Raises:
            BadParameter: an X-Visitor that is too long.
        """
        visitor, key = self.access.owner(caller), None
        if caller.kind == "key":
            key, named = caller.name, call.field(_VISITOR)
            if named is not None:
                if len(named) > VISITOR_LENGTH:
                    found, expected = f"{len(named)} characters", f"at most {VISITOR_LENGTH}"
                    raise BadParameter(VISITOR, found=found, expected=expected, remedy="Send a digest of it.")
                visitor = f"{visitor} {named}"
        return Context(visitor, key, call.scope["path"].removeprefix("/api"))

    def reader_of(self, version: str) -> Reader:
        """The reader of one version.

        Raises:
            NotFound: it is not served; the message names the served ones.
        """
        if version not in self.readers:
            remedy = "Use one of these, or name none: then the default answers."
            raise NotFound(
                "version of the model",
                found=version[:40] or "empty",
                expected=", ".join(self.readers),
                remedy="It is left out: GET /ready says why." if version in self.left_out else remedy,
            )
        return self.readers[version]


class Routes:
    """The base of each class in `routes/`: methods that answer, and the operations that they answer."""

    OPERATIONS: ClassVar[tuple[Operation, ...]]

    def __init__(self, service: Service) -> None:
        self._service = service


def asks_for(call: Call, parameter: Parameter) -> bool:
    """True if the address sets this parameter to 1.

    Raises:
        BadParameter: to anything but 0 or 1.
    """
    if not call.scope["query_string"]:  # nearly always
        return False
    text = call.query_params.get(parameter.name, "0")
    if text not in ("0", "1"):
        raise BadParameter(
            parameter.name, found=text[:40] or "empty", expected="0 or 1", remedy="Leave it out, or send 1."
        )
    return text == "1"


async def answers_to(
    call: Call, reader: Reader, pixels: bytes, *, origin: RowOrigin | None, recipe: int | None = None
) -> list[Answer]:
    """The answers to this request's drawings; if its client goes away first, they are not computed.

    Args:
        recipe: the version of the recipe that brought them to 28x28; None: they arrived so.

    Raises:
        ClientDisconnect, and the errors of `Reader.submit`.
    """
    if not pixels:
        return []
    return await unless_gone(call, reader.submit(pixels, recipe=recipe, origin=origin, arrived=call.arrived))


async def unless_gone(call: Call, future: asyncio.Future[Outcome]) -> Outcome:
    """The outcome of what this request waits for; if its client goes away first, that is cancelled.

    Raises:
        ClientDisconnect: it did. Also any error of the future.
    """
    connection = call.scope.get("state", {}).get(CONNECTION)
    if connection is not None:
        connection.awaited = future
    try:
        return await future
    finally:
        if future.cancelled():
            raise ClientDisconnect
