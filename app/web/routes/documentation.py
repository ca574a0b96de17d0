"""GET /openapi.json, and GET /docs: the same for reading, by Swagger UI, whose files are served from here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import swagger_ui_bundle  # type: ignore[import-untyped]  # it has no types
from starlette.responses import Response

from app.web.file_response import WholeFile
from app.web.http_statuses import respond
from app.web.operation import CSS, HTML, Operation, Parameter, one_of
from app.web.refusals import NotFound
from app.web.request import Call
from app.web.routes.drawing_page import FILES
from app.web.service import Routes

VIEWER = Path(swagger_ui_bundle.swagger_ui_path)
VIEWER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
NAME = Parameter("name", "path", one_of(*VIEWER_FILES), "The file.")


class DocumentationRoutes(Routes):
    """The document, the page that shows it, and the viewer's files."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self._document = document

    async def openapi(self, call: Call) -> Response:
        """This document."""
        return respond(self._document)

    async def docs(self, call: Call) -> Response:
        """This document, for reading."""
        return WholeFile(FILES / "docs.html")

    async def file(self, call: Call) -> Response:
        """A file of its viewer."""
        name = call.path_params["name"]
        if name not in VIEWER_FILES:
            raise NotFound(
                "file of the viewer", found=name[:40], expected=" or ".join(VIEWER_FILES), remedy="See /docs."
            )
        return WholeFile(VIEWER / name)

    OPERATIONS = (
        Operation("GET", "/openapi.json", openapi, "state", dict),
        Operation("GET", "/docs", docs, "pages", HTML),
        Operation(
            "GET", "/docs/files/{name}", file, "pages", {**CSS, "text/javascript": str},
            parameters=[NAME], id="docsFile",
        ),
    )  # fmt: skip
