"""GET /openapi.json, and GET /docs: the same for reading."""

from __future__ import annotations

from markupsafe import escape
from starlette.responses import HTMLResponse, Response

from app.web.access import Access
from app.web.file_response import MAY_BE_KEPT
from app.web.http_statuses import respond
from app.web.markdown_text import as_html
from app.web.openapi_schemas import Json
from app.web.operation import HTML, Operation
from app.web.page_templates import page_template
from app.web.reference_page import chapters, type_of
from app.web.request import Call
from app.web.service import Routes

_URL = "ADDRESS-OF-THE-SERVICE"


class DocumentationRoutes(Routes):
    """The document, and the page that is made of it once, but for the address of the service."""

    def __init__(self, document: Json, access: Access) -> None:
        self._document, self._access = document, access
        self._before, _, self._after = (
            page_template("docs.html")
            .render(
                up="", current="docs", url=_URL, document=document, chapters=chapters(document), type_of=type_of,
                in_markdown=as_html,
            )
            .partition(_URL)
        )  # fmt: skip

    async def openapi(self, call: Call) -> Response:
        """This document."""
        return respond(self._document)

    async def docs(self, call: Call) -> Response:
        """This document, for reading."""
        return HTMLResponse(f"{self._before}{escape(self._access.address_of(call))}{self._after}", headers=MAY_BE_KEPT)

    OPERATIONS = (
        Operation("GET", "/openapi.json", openapi, "state", dict),
        Operation("GET", "/docs", docs, "pages", HTML),
    )
