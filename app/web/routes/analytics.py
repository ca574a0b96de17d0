"""GET /analytics: what the stored answers and labels show, as a page or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from app.answering.report_process import ReportFormat
from app.web.body import JSON
from app.web.file_response import WholeFile
from app.web.operation import CSS, HTML, READERS, Moment, Natural, Operation, Parameter, one_of
from app.web.refusals import BadParameter
from app.web.request import Call
from app.web.service import Routes

STYLE = Path(__file__).resolve().parent.parent.parent / "report" / "report.css"
FORMATS: tuple[Literal["html", "json"], ...] = ("html", "json")
MEDIA_TYPES = {"html": "text/html", "json": JSON}
FORMAT = Parameter("format", "query", one_of(*FORMATS, default=FORMATS[0]), "The page, or all figures, unrounded.")
Figures = Annotated[dict[str, Any], Meta(description="See app/report/report_data.py.")]


class Verdict(Struct):
    """The default against one other version."""

    challenger: str | None
    outcome: str
    sentence: str
    how_sure: str
    remark: str


class Report(Struct):
    """All figures.

    Attributes:
        disputes: null: you are not shown what others drew.
    """

    made_at: Moment
    since: Moment | None
    until: Moment | None
    answers: Natural
    base: str | None
    recipe: Natural | None
    left_out: list[Figures]
    verdicts: list[Verdict]
    asked: Figures
    volunteered: Figures
    versions: list[Figures]
    comparisons: list[Figures]
    disputes: list[Figures] | None
    choices: list[Figures]
    days: list[Figures]


class AnalyticsRoutes(Routes):
    """Readable by whoever may read GET /results. Drawings are in it for a key, and on this machine while HOST is
    loopback: anybody who opened the page has a visit, and disagreements show drawings of others."""

    async def analytics(self, call: Call) -> Response:
        """What the stored answers and labels show: which version reads better, and how sure that is.

        Who may read GET /results may read this. Only with a key, or on the service's own machine, other people's
        drawings are in it. It is at most 10 seconds old.
        """
        kind = ReportFormat(drawings=self._may_see_drawings(call), form=_format(call))
        self._service.watch.require()
        return Response(await self._service.reports.get(kind), media_type=MEDIA_TYPES[kind.form])

    async def style(self, call: Call) -> Response:
        """Its style."""
        return WholeFile(STYLE)

    def _may_see_drawings(self, call: Call) -> bool:
        """Raises as `Service.reader_of_results` for whoever may see nothing."""
        self._service.reader_of_results(call)
        return self._service.access.has_key(call) or self._service.access.is_local(call)

    OPERATIONS = (
        Operation(
            "GET", "/analytics", analytics, "pages", {**HTML, JSON: Report}, parameters=[FORMAT], callers=READERS
        ),
        Operation("GET", "/analytics/style.css", style, "pages", CSS, id="analyticsStyle"),
    )  # fmt: skip


def _format(call: Call) -> Literal["html", "json"]:
    wanted = call.query_params.get("format", FORMATS[0])
    for known in FORMATS:
        if wanted == known:
            return known
    found, remedy = wanted[:40] or "empty", "Leave it out for the page."
    raise BadParameter("format", found=found, expected=" or ".join(FORMATS), remedy=remedy)
