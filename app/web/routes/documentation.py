"""GET /openapi.json, and GET /docs: the same for reading, by Swagger UI, whose files are served from here."""

from __future__ import annotations

from pathlib import Path

import swagger_ui_bundle  # type: ignore[import-untyped]  # it has no types
from starlette.responses import Response

from app.web.file_response import WholeFile
from app.web.openapi import VIEWER_FILES, openapi
from app.web.refusals import NotFound
from app.web.request import Call
from app.web.routes.drawing_page import FILES
from app.web.statuses import respond

VIEWER = Path(swagger_ui_bundle.swagger_ui_path)


class Documentation:
    """The document, the page that shows it, and the viewer's files."""

    def __init__(self) -> None:
        self._document = openapi()

    async def openapi(self, call: Call) -> Response:
        """The document."""
        return respond(self._document)

    async def docs(self, call: Call) -> Response:
        """The page."""
        return WholeFile(FILES / "docs.html")

    async def file(self, call: Call) -> Response:
        """A file of the viewer."""
        name = call.path_params["name"]
        if name not in VIEWER_FILES:
            raise NotFound(
                "file of the viewer", found=name[:40], promised=" or ".join(VIEWER_FILES), remedy="See /docs."
            )
        return WholeFile(VIEWER / name)
