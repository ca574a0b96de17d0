"""GET /results: what was answered, newest first."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, structs
from starlette.responses import Response

from app.storage.label_rows import Labels
from app.storage.result_rows import Summary
from app.web.http_statuses import respond
from app.web.operation import READERS, Operation, Parameter
from app.web.refusals import BadParameter
from app.web.request import Call
from app.web.routes.label import label_word
from app.web.service import Routes, Service

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
LIMIT = Parameter(
    "limit",
    "query",
    Annotated[int, Meta(ge=1, le=MAX_LIMIT, extra_json_schema={"default": DEFAULT_LIMIT})],
    "How many.",
)
BEFORE = Parameter("before", "query", UUID, "Only results older than this one.")


class Listed(Summary, frozen=True, kw_only=True):
    """One answer; `created_at` is in UTC.

    Attributes:
        label: what somebody says was drawn, a digit or "not-a-digit"; null where nobody said.
    """

    label: str | None


class Results(Struct):
    """The newest, or those before one of them."""

    results: Annotated[list[Listed], Meta(max_length=MAX_LIMIT)]


class ResultRoutes(Routes):
    """Readable by whom `Service.reader_of_results` lets in."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._labels = Labels(service.store.database)

    async def results(self, call: Call) -> Response:
        """What was answered, newest first.

        Without a key or a visit it is readable on the service's own machine, and everywhere if the operator set
        RESULTS_PUBLIC.
        """
        of = self._service.reader_of_results(call)
        limit, before = _limit(call), _before(call)
        return respond(Results(await self._service.watch.ask(partial(self._latest, limit, before), of=of)))

    def _latest(self, limit: int, before: UUID | None) -> list[Listed]:
        found = self._service.store.latest(limit, before=before)
        said = self._labels.of([one.id for one in found])
        return [
            Listed(**structs.asdict(one), label=label_word(said[one.id]) if one.id in said else None) for one in found
        ]

    OPERATIONS = (
        Operation("GET", "/results", results, "results", Results, parameters=[LIMIT, BEFORE], callers=READERS),
    )


def _limit(call: Call) -> int:
    text = call.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        expected = f"a whole number from 1 to {MAX_LIMIT}"
        raise BadParameter(
            "limit", found=text[:40] or "empty", expected=expected, remedy="Page through them with before=ID."
        )
    return int(text)


def _before(call: Call) -> UUID | None:
    text = call.query_params.get("before")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        expected, remedy = "the id of a result", "Take it from the last result of the page before."
        raise BadParameter("before", found=text[:40] or "empty", expected=expected, remedy=remedy) from None
