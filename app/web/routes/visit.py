"""GET /visit: which version answers this caller, and what its page shows."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import asdict
from starlette.responses import Response

from app.answering.served_version import ServedVersion
from app.model.scorer import Architecture
from app.web.http_statuses import respond
from app.web.operation import CALLERS, Operation
from app.web.request import Call
from app.web.service import CHOICE, Routes

DRAWING_ROUTE, PREVIEW_ROUTE = "/drawings", "/drawings/preview"
"""The routes that the page calls next: rules may depend on them."""


class VersionAnswer(msgspec.Struct, frozen=True):
    """One served version.

    Attributes:
        architecture: what kind of model it is.
        classes: in the order of its scores.
        withheld: classes that people draw and it does not know.
        temperature: what makes certainties of its scores: their logits are divided by it; None: it measured none.
        unsure_by: what "unsure" of its answers follows: with a temperature their certainty, else their confidence.
        unsure_below: below what; None: nothing tells. What may be a withheld digit is unsure whatever it is.
        pictures_in_scope: its card states how well it reads pictures of paper.
    """

    model_version: str
    architecture: Architecture
    classes: tuple[str, ...]
    withheld: tuple[str, ...]
    temperature: float | None
    unsure_by: Literal["certainty", "confidence"]
    unsure_below: float | None
    pictures_in_scope: bool


class VisitAnswer(VersionAnswer, frozen=True):
    """The version that answers this caller, unless flags or releases change, and what its page shows.

    Attributes:
        show_correction: the page lets people say what was right.
        versions: all that are served, the default first, where this caller may compare them; else the one alone.
    """

    show_correction: bool
    versions: list[VersionAnswer]


class VisitRoutes(Routes):
    """The route."""

    async def visit(self, call: Call) -> Response:
        """Which version answers this caller, and what its page shows."""
        service = self._service
        caller = service.access.caller(call)
        context = service.context(call, caller)._replace(route=DRAWING_ROUTE)
        answering = _described(service.readers[service.decide(call, caller, context).version].version)
        served = [_described(reader.version) for reader in service.readers.values()]
        may_compare = context.key is not None or service.flags.compare_versions(context._replace(route=PREVIEW_ROUTE))
        return respond(
            VisitAnswer(
                **asdict(answering),
                show_correction=service.flags.show_correction(context),
                versions=served if may_compare else [answering],
            )
        )

    OPERATIONS = (
        Operation("GET", "/visit", visit, "state", VisitAnswer, parameters=CHOICE, callers=CALLERS),
    )  # fmt: skip


def _described(version: ServedVersion) -> VersionAnswer:
    return VersionAnswer(
        version.name,
        version.scorer.architecture,
        version.classes,
        version.withheld,
        version.temperature,
        "confidence" if version.temperature is None else "certainty",
        version.sure_from,
        version.pictures_in_scope,
    )
