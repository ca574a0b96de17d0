"""The body of a request, read no further than the route's limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from functools import lru_cache

from starlette.requests import ClientDisconnect

from app.answering.refusals import Overloaded
from app.answering.side_threads import share_of
from app.drawing.file_kinds import Foreign
from app.web.refusals import NotUnderstood, TooLarge, WrongMediaType
from app.web.request import Call

JSON = "application/json"
RAW = "application/octet-stream"
UNCOUNTED_BYTES = 64 << 10
SEND_LESS = "Send less at once; GET /docs states the limit of each route."
ARRIVING_BYTES = 128 << 20
NONE_KNOWN: Mapping[str, Foreign] = {}
ALIASES: Mapping[str, str] = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
"""Alternative names that some programs use for a media type."""


class Arriving:
    """Bytes of all bodies being read or kept in this process, by caller; small ones are not counted."""

    def __init__(self, limit: int) -> None:
        self._limit, self._share = limit, share_of(limit)
        self._of: Counter[Hashable] = Counter()

    @property
    def bytes(self) -> int:
        """The bytes of all callers together."""
        return self._of.total()

    def take(self, count: int, of: Hashable) -> int:
        """Counts this many more bytes for this caller, until they are given back.

        Raises:
            Overloaded: the total would exceed the limit, or this caller's share.
        """
        if self._of[of] + count > self._share:
            raise Overloaded(f"{self._of[of]:,} bytes of large bodies of yours on their way", retry_after=2)
        if self.bytes + count > self._limit:
            raise Overloaded(f"{self.bytes:,} bytes of large bodies on their way", retry_after=2)
        self._of[of] += count
        return count

    def give_back(self, count: int, of: Hashable) -> None:
        self._of[of] -= count
        if not self._of[of]:
            del self._of[of]  # a caller without any is forgotten


_arriving = Arriving(ARRIVING_BYTES)


class Kept:
    """Bytes of one caller that count as arriving until they are given back, or this block ends."""

    def __init__(self, of: Hashable) -> None:
        self._of, self._count = of, 0

    def take_all(self, count: int) -> None:
        """Counts all bytes kept up to now; as `Arriving.take`."""
        self._count += _arriving.take(count - self._count, self._of)

    def give_back(self) -> None:
        if self._count:
            _arriving.give_back(self._count, self._of)
        self._count = 0

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()


def require_media_type(call: Call, *accepted: str, foreign: Mapping[str, Foreign] = NONE_KNOWN) -> str:
    """The media type of this body, if it is one of `accepted`; a request that names none sends JSON.

    Args:
        foreign: for media types that are not accepted, what each is and what its sender should do.

    Raises:
        WrongMediaType: another one, a compressed body, or text that is not UTF-8.
    """
    encoding = call.field(b"content-encoding")
    if encoding is not None and encoding.lower() != "identity":
        raise WrongMediaType(
            "body", found=f"Content-Encoding {encoding}", expected="no compression", remedy="Send the body as it is."
        )
    kind = _media_type(call.field(b"content-type") or JSON)
    if ALIASES.get(kind) in accepted:
        return ALIASES[kind]
    if kind not in accepted:
        listed = " or ".join(accepted)
        found, remedy = f"Content-Type {kind}", f"Send {listed}."
        if known := foreign.get(kind):
            found, remedy = f"{known.name} ({found})", known.remedy
        raise WrongMediaType("body", found=found, expected=listed, remedy=remedy)
    return kind


@lru_cache(maxsize=256)
def _media_type(content_type: str) -> str:
    """ "application/json" of "application/json; charset=utf-8"."""
    kind, _, parameters = content_type.partition(";")
    for parameter in parameters.split(";"):
        name, _, charset = parameter.strip().partition("=")
        if name.lower() == "charset" and charset.strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
            remedy = "Encode the body as UTF-8."
            raise WrongMediaType("body", found=f"charset {charset}", expected="UTF-8", remedy=remedy)
    return kind.strip().lower()


async def read_body(
    call: Call, *, limit: int, of: Hashable, kept: Kept | None = None, remedy: str = SEND_LESS
) -> bytes:
    """The whole body of a request by this caller, of at most `limit` bytes.

    Args:
        kept: counts its bytes; without it, they count until all have arrived.
        remedy: advice to a sender who exceeds the limit.

    Raises:
        TooLarge: by its Content-Length, before anything of it is read, or while it arrives.
        Overloaded: too many bytes of large bodies are on their way, or too many of this caller's.
    """
    announced = announced_bytes(call)
    if announced > limit:
        raise _too_large(f"{announced:,} bytes", limit, remedy)
    parts: list[bytes] = []
    received = 0
    counting = Kept(of) if kept is None else kept
    try:
        while True:
            message = await call.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part: bytes = message.get("body", b"")
            received += len(part)
            if received > limit:
                raise _too_large(f"more than {limit:,} bytes", limit, remedy)
            parts.append(part)
            if not message.get("more_body", False):
                return part if len(parts) == 1 else b"".join(parts)
            if received > UNCOUNTED_BYTES:
                counting.take_all(received)
    finally:
        if kept is None:
            counting.give_back()


def announced_bytes(call: Call) -> int:
    """The Content-Length; 0 where there is none."""
    return int(call.field(b"content-length") or 0)  # the HTTP parser takes digits only


def not_empty(body: bytes) -> bytes:
    if not body:
        raise NotUnderstood("body", found="empty", expected="a drawing", remedy="Send it; GET /docs shows how.")
    return body


def _too_large(found: str, limit: int, remedy: str) -> TooLarge:
    return TooLarge("body", found=found, expected=f"at most {limit:,} bytes", remedy=remedy)
