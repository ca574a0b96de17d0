"""GET /: the page to draw on, and its files."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from app.web.access import COOKIE, VISIT_SECONDS
from app.web.call import Call
from app.web.service import Service

FILES = Path(__file__).resolve().parent.parent / "page"
MAY_BE_KEPT = {"cache-control": "no-cache"}
"""A browser may keep a file, and asks each time whether it is still the same."""
NOT_SHARED = {"cache-control": "private, no-cache"}
"""The same, and a proxy may not: the cookie of one visit is for nobody else."""


class Page:
    """The page, and the visit that it starts: a signed cookie, so that it never holds a key."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.files = _Files(directory=FILES)

    async def page(self, call: Call) -> Response:
        """The page itself."""
        access = self._service.access
        access.count_address(call)
        response = FileResponse(FILES / "index.html", headers=NOT_SHARED)
        visit = access.new_visit(call)
        if visit is not None:
            response.set_cookie(
                COOKIE, visit, VISIT_SECONDS, httponly=True, samesite="strict", secure=access.is_https(call)
            )
        return response


class _Files(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        response.headers.update(MAY_BE_KEPT)
        return response
