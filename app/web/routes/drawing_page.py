"""GET /: the page to draw on, and its files."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response

from app.web.access import COOKIE, VISIT_SECONDS
from app.web.file_response import WholeFile
from app.web.operation import HTML, Operation
from app.web.request import Call
from app.web.service import Routes

FILES = Path(__file__).resolve().parent.parent / "page"
NOT_SHARED = {"cache-control": "private, no-cache"}
"""As MAY_BE_KEPT, but not by a proxy: the cookie of one visit must reach nobody else."""


class PageRoutes(Routes):
    """The page, and the visit that it starts: a signed cookie, so that it never holds a key."""

    async def page(self, call: Call) -> Response:
        """The page to draw on.

        Starts a visit: sets the cookie.
        """
        access = self._service.access
        access.count_address(call)
        response = WholeFile(FILES / "index.html", headers=NOT_SHARED)
        visit = access.new_visit(call)
        if visit is not None:
            response.set_cookie(
                COOKIE, visit, VISIT_SECONDS, httponly=True, samesite="strict", secure=access.is_https(call)
            )
        return response

    OPERATIONS = (Operation("GET", "/", page, "pages", HTML, refuses=(429,)),)
