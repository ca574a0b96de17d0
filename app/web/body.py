"""The body of a request, never more of it than the route takes."""

from __future__ import annotations

from functools import lru_cache

from starlette.requests import ClientDisconnect

from app.errors import NotUnderstood, TooLarge, WrongMediaType
from app.web.call import Call

JSON = "application/json"
RAW = "application/octet-stream"


def require_media_type(call: Call, *accepted: str) -> str:
    """The media type of this body, if it is one of `accepted`; a request that names none sends JSON.

    Raises:
        WrongMediaType: another one, a compressed body, or text that is not UTF-8.
    """
    encoding = call.field(b"content-encoding")
    if encoding is not None and encoding.lower() != "identity":
        raise WrongMediaType(
            "body", found=f"Content-Encoding {encoding}", promised="no compression", remedy="Send the body as it is."
        )
    kind = _media_type(call.field(b"content-type") or JSON)
    if kind not in accepted:
        listed = " or ".join(accepted)
        raise WrongMediaType("body", found=f"Content-Type {kind}", promised=listed, remedy=f"Send {listed}.")
    return kind


@lru_cache(maxsize=256)
def _media_type(content_type: str) -> str:
    """ "application/json" of "application/json; charset=utf-8"."""
    kind, _, parameters = content_type.partition(";")
    for parameter in parameters.split(";"):
        name, _, charset = parameter.strip().partition("=")
        if name.lower() == "charset" and charset.strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
            remedy = "Encode the body as UTF-8."
            raise WrongMediaType("body", found=f"charset {charset}", promised="UTF-8", remedy=remedy)
    return kind.strip().lower()


async def read_body(call: Call, *, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes.

    Raises:
        TooLarge: by its Content-Length, before anything of it is read, or while it arrives.
    """
    announced = call.field(b"content-length")
    if announced is not None and int(announced) > limit:  # the HTTP parser takes digits only
        raise _too_large(f"{int(announced):,} bytes", limit)
    parts: list[bytes] = []
    received = 0
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        received += len(part)
        if received > limit:
            raise _too_large(f"more than {limit:,} bytes", limit)
        parts.append(part)
        if not message.get("more_body", False):
            return part if len(parts) == 1 else b"".join(parts)


def not_empty(body: bytes) -> bytes:
    if not body:
        raise NotUnderstood("body", found="nothing", promised="a drawing", remedy="Send it; GET /docs shows how.")
    return body


def _too_large(found: str, limit: int) -> TooLarge:
    remedy = "Send less at once; GET /docs states the limit of each route."
    return TooLarge("body", found=found, promised=f"at most {limit:,} bytes", remedy=remedy)
