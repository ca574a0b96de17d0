"""What is refused unread is exactly one usual request; all else is parsed."""

from __future__ import annotations

import pytest

from app.server.http_framing import USUAL_BYTES, target_of_one_request

USUAL = b"POST /classify HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-API-Key: k\r\n\r\nhello"


@pytest.mark.parametrize(
    ("request_", "target"),
    [
        (USUAL, b"/classify"),
        (USUAL.replace(b"/classify", b"/api/drawings?width=28"), b"/api/drawings?width=28"),
        (USUAL.replace(b"Content-Length", b"content-length"), b"/classify"),
        (USUAL.replace(b": 5", b":5"), b"/classify"),
        (USUAL.replace(b"Host: a", b"Connection: keep-alive"), b"/classify"),
        (USUAL.replace(b": 5", b": 0")[:-5], b"/classify"),
    ],
)
def test_a_usual_request_is_known_by_its_target(request_: bytes, target: bytes):
    assert target_of_one_request(request_) == target


@pytest.mark.parametrize(
    "unusual",
    [
        USUAL[:-1],
        USUAL + b"x",
        USUAL + USUAL,
        USUAL[:40],
        b"\r\n" + USUAL,
        USUAL.replace(b"POST", b"GET"),
        USUAL.replace(b"1.1", b"1.0"),
        USUAL.replace(b"POST /", b"POST http://a/"),
        USUAL.replace(b"POST /", b"POST  /"),
        USUAL.replace(b"\r\n", b"\n"),
        USUAL.replace(b"Host: a\r\n", b"Host: a\n"),
        USUAL.replace(b"Host: a", b"Host: a\0"),
        USUAL.replace(b"Host: a", b"Host: a\r\n folded: b"),
        USUAL.replace(b"Host: a", b"Host : a"),
        USUAL.replace(b"Host: a", b"no field"),
        USUAL.replace(b"Host: a", b"Content-Length: 5"),
        USUAL.replace(b"Host: a", b"content-length: 4"),
        USUAL.replace(b"Host: a", b"Transfer-Encoding: chunked"),
        USUAL.replace(b"Host: a", b"transfer-encoding : chunked"),
        USUAL.replace(b"Host: a", b"Connection: close"),
        USUAL.replace(b"Host: a", b"Connection: keep-alive, close"),
        USUAL.replace(b"Host: a", b"Expect: 100-continue"),
        USUAL.replace(b"Host: a", b"Upgrade: h2c"),
        USUAL.replace(b": 5", b": +5"),
        USUAL.replace(b": 5", b": 5, 5"),
        USUAL.replace(b": 5", b": 5 "),
        USUAL.replace(b": 5", b": 0x5"),
        USUAL.replace(b"Content-Length: 5\r\n", b""),
        USUAL.replace(b"Host: a", b"Host: " + b"a" * USUAL_BYTES),
    ],
)
def test_whatever_is_in_doubt_is_left_to_the_parser(unusual: bytes):
    assert target_of_one_request(unusual) is None
