"""Files as answers, always whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

MAY_BE_KEPT = {"cache-control": "no-cache"}
"""A browser may keep a file, and asks each time whether it is still the same."""
NO_RANGES = {"accept-ranges": "none"}


class WholeFile(FileResponse):
    """A file, whatever Range asks for, which a server may ignore (RFC 9110, 14.2).

    Starlette refuses what it cannot read, as plain text; and nothing here is so large that a part would do.
    """

    def __init__(self, path: Path, *, headers: Mapping[str, str] = MAY_BE_KEPT) -> None:
        super().__init__(path, headers={**headers, **NO_RANGES})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(_without_range(scope), receive, send)


class WholeFiles(StaticFiles):
    """The files of a folder, in the same way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(_without_range(scope), receive, send)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        response.headers.update({**MAY_BE_KEPT, **NO_RANGES})
        return response


def _without_range(scope: Scope) -> Scope:
    return {**scope, "headers": [field for field in scope["headers"] if field[0] != b"range"]}
