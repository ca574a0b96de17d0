"""GET /openapi.json, and GET /docs: the same for reading, by Swagger UI, whose files are served from here."""

from __future__ import annotations

from pathlib import Path

import swagger_ui_bundle
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.errors import NotFound
from app.web.errors import respond
from app.web.openapi import openapi
from app.web.routes.page import FILES, MAY_BE_KEPT
from app.web.service import Service

VIEWER = Path(swagger_ui_bundle.swagger_ui_path)
VIEWER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


class Documentation:
    """The document, the page that shows it, and the viewer's files."""

    def __init__(self, service: Service) -> None:
        self._document = openapi(version=service.default)

    async def openapi(self, request: Request) -> Response:
        """The document."""
        return respond(self._document, headers=MAY_BE_KEPT)

    async def docs(self, request: Request) -> Response:
        """The page."""
        return FileResponse(FILES / "docs.html", headers=MAY_BE_KEPT)

    async def file(self, request: Request) -> Response:
        """A file of the viewer."""
        name = request.path_params["name"]
        if name not in VIEWER_FILES:
            raise NotFound(
                "file of the viewer", found=name[:40], promised=" or ".join(VIEWER_FILES), remedy="See /docs."
            )
        return FileResponse(VIEWER / name, headers=MAY_BE_KEPT)
