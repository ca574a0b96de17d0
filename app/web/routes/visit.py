"""GET /visit: which version answers this caller, and what its page shows."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.responses import Response

from app.web.http_statuses import respond
from app.web.operation import CALLERS, Operation
from app.web.request import Call
from app.web.service import CHOICE, Routes

DRAWING_ROUTE = "/drawings"
"""The route that the page calls next: rules may depend on it."""


class VisitAnswer(msgspec.Struct, frozen=True):
    """What this caller gets.

    Attributes:
        model_version: the one that answers, unless flags or releases change.
        classes: in the order of its scores.
        withheld: classes that people draw and it does not know.
        show_correction: the page lets people say what was right.
        temperature: what makes certainties of its scores: their logits are divided by it; None: it measured none.
        unsure_by: what "unsure" of its answers follows: with a temperature their certainty, else their confidence.
        unsure_below: below what; None: nothing tells. What may be a withheld digit is unsure whatever it is.
        pictures_in_scope: its card states how well it reads pictures of paper.
    """

    model_version: str
    classes: tuple[str, ...]
    withheld: tuple[str, ...]
    show_correction: bool
    temperature: float | None
    unsure_by: Literal["certainty", "confidence"]
    unsure_below: float | None
    pictures_in_scope: bool


class VisitRoutes(Routes):
    """The route."""

    async def visit(self, call: Call) -> Response:
        """Which version answers this caller, and what its page shows."""
        service = self._service
        caller = service.access.caller(call)
        context = service.context(call, caller)._replace(route=DRAWING_ROUTE)
        version = service.readers[service.decide(call, caller, context).version].version
        shows = service.flags.show_correction(context)
        return respond(
            VisitAnswer(
                version.name,
                version.classes,
                version.withheld,
                shows,
                version.temperature,
                "confidence" if version.temperature is None else "certainty",
                version.sure_from,
                version.pictures_in_scope,
            )
        )

    OPERATIONS = (
        Operation("GET", "/visit", visit, "state", VisitAnswer, parameters=CHOICE, callers=CALLERS),
    )  # fmt: skip
