"""Refusals of bytes that are no request that could be answered, made before the application is involved."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

ARRIVAL_SECONDS = 10.0
"""Longest time from a request's first byte to its last, and from a new connection to its first request's last byte."""
HEAD_BYTES = 16 << 10
"""Most bytes of the request line and all headers."""
HEAD_LINES = 128
"""Most lines of a head: the same bytes may be few lines or many, and each line costs some objects."""


class ErrorBody(msgspec.Struct, frozen=True):
    """What a client gets instead of an answer."""

    error: str
    message: str
    remedy: str


class Refusal(NamedTuple):
    """A refusal to a client that sends nothing answerable."""

    status: int
    reason: str
    answer: ErrorBody


TOO_SLOW = Refusal(
    408,
    "Request Timeout",
    ErrorBody(
        "too-slow",
        f"The request took more than {ARRIVAL_SECONDS:g} s to arrive.",
        "Send it without pauses, on a new connection.",
    ),
)
HEAD_TOO_LARGE = Refusal(
    431,
    "Request Header Fields Too Large",
    ErrorBody(
        "head-too-large",
        f"The request line and headers are more than {HEAD_BYTES:,} bytes or {HEAD_LINES} lines.",
        "Send fewer or shorter headers, such as cookies.",
    ),
)
NOT_HTTP = Refusal(
    400,
    "Bad Request",
    ErrorBody(
        "not-understood",
        "This is not a request in HTTP/1.1.",
        "Check the method, the address, the headers and the framing of the body; GET /docs lists what there is.",
    ),
)
TOO_MANY_CONNECTIONS = Refusal(
    503,
    "Service Unavailable",
    ErrorBody("too-many-connections", "Too many connections are open.", "Close some of yours, or come again later."),
)


def as_bytes(refusal: Refusal, request_id: str) -> bytes:
    """All of the answer, head and body."""
    body = msgspec.json.encode(refusal.answer)
    fields = f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
    again = "retry-after: 1\r\n" if refusal.status == 503 else ""
    head = f"HTTP/1.1 {refusal.status} {refusal.reason}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    safe = "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
    return f"{head}{safe}{fields}{again}\r\n".encode() + body
