"""The body of a request, never more of it than the route takes."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from app.errors import NotUnderstood, TooLarge, WrongMediaType

JSON = "application/json"
RAW = "application/octet-stream"


def media_type(request: Request) -> str:
    """ "application/json" of "application/json; charset=utf-8"; a request that names none sends JSON.

    Raises:
        WrongMediaType: a compressed body, or text that is not UTF-8.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise WrongMediaType(
            "body", found=f"Content-Encoding {encoding}", promised="no compression", remedy="Send the body as it is."
        )
    kind, _, parameters = request.headers.get("content-type", JSON).partition(";")
    name, _, charset = parameters.strip().partition("=")
    if name.lower() == "charset" and charset.strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
        raise WrongMediaType("body", found=f"charset {charset}", promised="UTF-8", remedy="Encode the body as UTF-8.")
    return kind.strip().lower()


def require_media_type(request: Request, *accepted: str) -> str:
    """The media type of this request's body, if it is one of `accepted`."""
    kind = media_type(request)
    if kind not in accepted:
        listed = " or ".join(accepted)
        raise WrongMediaType("body", found=f"Content-Type {kind}", promised=listed, remedy=f"Send {listed}.")
    return kind


async def read_body(request: Request, *, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes.

    Raises:
        TooLarge: by its Content-Length, before anything of it is read, or while it arrives.
    """
    announced = request.headers.get("content-length")
    if announced is not None and int(announced) > limit:  # the HTTP parser takes digits only
        raise _too_large(f"{int(announced):,} bytes", limit)
    parts: list[bytes] = []
    received = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        received += len(part)
        if received > limit:
            raise _too_large(f"more than {limit:,} bytes", limit)
        if not message.get("more_body", False):
            return part if not parts else b"".join([*parts, part])
        parts.append(part)


def not_empty(body: bytes) -> bytes:
    if not body:
        raise NotUnderstood("body", found="nothing", promised="a drawing", remedy="Send it; GET /docs shows how.")
    return body


def _too_large(found: str, limit: int) -> TooLarge:
    remedy = "Send less at once; GET /docs states the limit of each route."
    return TooLarge("body", found=found, promised=f"at most {limit:,} bytes", remedy=remedy)
