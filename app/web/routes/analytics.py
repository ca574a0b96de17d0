"""GET /analytics: what the stored answers and labels show, as a page or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from starlette.responses import Response

from app.answering.report_process import Kind
from app.web.body import JSON
from app.web.file_response import WholeFile
from app.web.refusals import BadParameter
from app.web.request import Call
from app.web.service import Service

STYLE = Path(__file__).resolve().parent.parent.parent / "report" / "report.css"
FORMATS: tuple[Literal["html", "json"], ...] = ("html", "json")
MEDIA_TYPES = {"html": "text/html", "json": JSON}


class Analytics:
    """Readable by whoever may read GET /results. Drawings are in it for a key, and on this machine while HOST is
    loopback: anybody who opened the page has a visit, and disagreements show drawings of others."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def analytics(self, call: Call) -> Response:
        """The report."""
        kind = Kind(drawings=self._may_see_drawings(call), form=_format(call))
        self._service.watch.require()
        return Response(await self._service.reports.get(kind), media_type=MEDIA_TYPES[kind.form])

    async def style(self, call: Call) -> Response:
        """Its style."""
        return WholeFile(STYLE)

    def _may_see_drawings(self, call: Call) -> bool:
        """Raises as `Service.reader_of_results` for whoever may see nothing."""
        self._service.reader_of_results(call)
        return self._service.access.has_key(call) or self._service.access.is_local(call)


def _format(call: Call) -> Literal["html", "json"]:
    wanted = call.query_params.get("format", FORMATS[0])
    for known in FORMATS:
        if wanted == known:
            return known
    raise BadParameter("format", found=wanted[:40], promised=" or ".join(FORMATS), remedy="Leave it out for the page.")
