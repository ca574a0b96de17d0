"""GET /: the page to draw on, and its files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from app.web.access import COOKIE, VISIT_SECONDS
from app.web.file_response import MAY_BE_KEPT, NO_RANGES, WholeFiles
from app.web.joined_page import JoinedPage, join_page
from app.web.operation import HTML, Operation
from app.web.request import Call
from app.web.service import Routes

FILES = Path(__file__).resolve().parent.parent / "page"
NOT_SHARED = {"cache-control": "private, no-cache", **NO_RANGES}
"""As MAY_BE_KEPT, but not by a proxy: the cookie of one visit must reach nobody else."""
FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}
"""For what has its digest in its address."""
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}


@lru_cache(maxsize=1)
def drawing_page() -> JoinedPage:
    """The page to draw on, as it was when the service started."""
    return join_page(FILES)


class PageFiles(WholeFiles):
    """The files of the pages, and those that are joined of them."""

    def __init__(self) -> None:
        super().__init__(directory=FILES)
        self._joined = drawing_page().files

    async def get_response(self, path: str, scope: Scope) -> Response:
        joined = self._joined.get(path)
        if joined is None:
            return await super().get_response(path, scope)
        address = f"page/{path}?{scope['query_string'].decode('latin-1')}"
        kept = FOR_GOOD if f'"{address}"' in drawing_page().html else MAY_BE_KEPT  # a page of before has another digest
        return Response(joined, media_type=MEDIA_TYPES[Path(path).suffix], headers={**kept, **NO_RANGES})


class PageRoutes(Routes):
    """The page, and the visit that it starts: a signed cookie, so that it never holds a key."""

    async def page(self, call: Call) -> Response:
        """The page to draw on.

        Starts a visit: sets the cookie.
        """
        access = self._service.access
        access.count_address(call)
        response = HTMLResponse(drawing_page().html, headers=NOT_SHARED)
        visit = access.new_visit(call)
        if visit is not None:
            response.set_cookie(
                COOKIE, visit, VISIT_SECONDS, httponly=True, samesite="strict", secure=access.is_https(call)
            )
        return response

    OPERATIONS = (Operation("GET", "/", page, "pages", HTML, refuses=(429,)),)
