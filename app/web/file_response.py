"""Files as answers, always whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

MAY_BE_KEPT = {"cache-control": "no-cache"}
"""A browser may keep a file, but asks each time whether it has changed."""
NO_RANGES = {"accept-ranges": "none"}


class WholeFile(FileResponse):
    """A file, always whole: a server may ignore Range (RFC 9110, 14.2).

    Starlette refuses a Range that it cannot read with plain text, and no file here is large enough to need parts.
    """

    def __init__(self, path: Path, *, headers: Mapping[str, str] = MAY_BE_KEPT) -> None:
        super().__init__(path, headers={**headers, **NO_RANGES})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(_without_range(scope), receive, send)


class WholeFiles(StaticFiles):
    """The files of a folder, each always whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(_without_range(scope), receive, send)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on unchanged
        response.headers.update({**MAY_BE_KEPT, **NO_RANGES})
        return response


def _without_range(scope: Scope) -> Scope:
    return {**scope, "headers": [field for field in scope["headers"] if field[0] != b"range"]}
