"""Request smuggling: what two programs could read in two ways is refused; one request has one answer, in its order."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.web.load import post
from tests.web.served import LAST, Served, bodies, labels, read_to_the_end, replies_in, served, statuses

__all__ = ["bodies", "labels", "served"]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
"""Answered 404 where it is taken for a request."""


def with_body(*fields: bytes, body: bytes = b"0\r\n\r\n") -> bytes:
    head = b"".join(field + b"\r\n" for field in fields)
    return b"POST /classify HTTP/1.1\r\nhost: 127.0.0.1\r\n" + head + b"\r\n" + body + SMUGGLED


def chunked(body: bytes) -> bytes:
    return with_body(b"Transfer-Encoding: chunked", body=body)


def with_head(lines: bytes) -> bytes:
    return b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n" + lines + b"\r\n\r\n" + SMUGGLED


AMBIGUOUS = {
    "length and chunks": with_body(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and length": with_body(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "two lengths": with_body(b"Content-Length: 5", b"Content-Length: 60"),
    "two lengths, the same": with_body(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": with_body(b"Content-Length: 5, 5"),
    "a length with a plus": with_body(b"Content-Length: +5"),
    "a length below nothing": with_body(b"Content-Length: -5"),
    "a length with letters": with_body(b"Content-Length: 5a"),
    "a length in hexadecimal": with_body(b"Content-Length: 0x5"),
    "a length of nothing": with_body(b"Content-Length: "),
    "a length with a space inside": with_body(b"Content-Length: 1 5"),
    "a length with an underscore": with_body(b"Content-Length: 1_0"),
    "a length beyond 64 bits": with_body(b"Content-Length: 18446744073709551621"),
    "a length in other digits": with_body("Content-Length: ٥".encode()),
    "an unknown coding": with_body(b"Transfer-Encoding: xchunked"),
    "identity": with_body(b"Transfer-Encoding: identity"),
    "chunks that are not last": with_body(b"Transfer-Encoding: chunked, identity"),
    "chunks twice": with_body(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "chunks with a control character": with_body(b"Transfer-Encoding: \x0bchunked"),
    "a space before the colon": with_body(b"Transfer-Encoding : chunked"),
    "a length with a space before the colon": with_body(b"Content-Length : 5"),
    "a folded line": with_body(b"Transfer-Encoding:\r\n chunked"),
    "a folded length": with_body(b"Content-Length: 5\r\n 0"),
    "a first line that is folded": b"GET /health HTTP/1.1\r\n x: y\r\nhost: 127.0.0.1\r\n\r\n" + SMUGGLED,
    "a chunk in hexadecimal with 0x": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk with a plus": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a chunk below nothing": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk with a space": chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    "a chunk of no number": chunked(b"hello\r\n0\r\n\r\n"),
    "a chunk without a number": chunked(b"\r\nhello\r\n0\r\n\r\n"),
    "a chunk beyond 64 bits": chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": chunked(b"3\r\nhello\r\n0\r\n\r\n"),
    "a chunk that ends in a bare LF": chunked(b"5\nhello\n0\n\n"),
    "a chunk whose data ends in a bare LF": chunked(b"5\r\nhello\n0\r\n\r\n"),
    "an extension with a bare LF": chunked(b"5;a\nhello\r\n0\r\n\r\n"),
    "lines that end in a bare LF": b"GET /health HTTP/1.1\nhost: 127.0.0.1\n\n" + SMUGGLED,
    "a header that ends in a bare LF": with_head(b"x: y\nz: a"),
    "a header that ends in a bare CR": with_head(b"x: y\rz: a"),
    "a header with a NUL": with_head(b"x: y\x00z"),
    "a header without a colon": with_head(b"nothing"),
    "a header without a name": with_head(b": y"),
    "a name with a space": with_head(b"x y: z"),
    "a tab in the first line": b"GET\t/health\tHTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" + SMUGGLED,
    "no version": b"GET /health\r\n\r\n" + SMUGGLED,
    "another version": b"GET /health HTTP/3.7\r\nhost: 127.0.0.1\r\n\r\n" + SMUGGLED,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED,
    "a target that is none": b"GET nowhere HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("request_bytes", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_two_programs_could_read_in_two_ways_is_refused(served: Served, request_bytes: bytes):
    (reply,) = served.exchange(request_bytes)
    # 401, 403: the head was good so far, and its sender nobody we know.
    assert reply.status in (400, 401, 403)
    assert reply.status != 400 or reply.headers["connection"] == "close"
    assert {"error", "message", "remedy"} == set(reply.json)


@pytest.mark.long
def test_a_request_with_two_keys_is_refused(served: Served):
    (reply,) = served.exchange(b"GET /results HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: a\r\nx-api-key: b\r\n\r\n")
    assert (reply.status, reply.json["error"]) == (400, "not-understood")


BODY = b'{"pixels": []}'


def test_a_body_ends_where_its_length_says(served: Served):
    request = with_body(b"Content-Length:   14  ", body=BODY)
    own_answer, next_one, last = served.exchange(request + LAST)
    assert (own_answer.status, next_one.status, last.status) == (401, 404, 200)


IN_CHUNKS = {
    "chunks": chunked(b"4\r\n{}  \r\n0\r\n\r\n"),
    "chunks in capitals": with_body(b"TRANSFER-ENCODING: Chunked", body=b"A\r\n0123456789\r\n0\r\n\r\n"),
    "a chunk with an extension": chunked(b'4;a="b"\r\n{}  \r\n0\r\n\r\n'),
    "chunks and a trailer": chunked(b"4\r\n{}  \r\n0\r\nx: y\r\n\r\n"),
    "a chunk with zeros before": chunked(b"0004\r\n{}  \r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("request_bytes", IN_CHUNKS.values(), ids=IN_CHUNKS.keys())
def test_after_a_body_in_chunks_nothing_is_taken_for_a_request(served: Served, request_bytes: bytes):
    (answer,) = served.exchange(request_bytes + LAST)
    assert (answer.status, answer.headers["connection"]) == (401, "close")


def test_a_trailer_is_no_header(served: Served):
    """Whoever sees the headers before us does not see it."""
    request = post(b"", **{"transfer-encoding": "chunked", "content-length": ""}).replace(b"content-length: \r\n", b"")
    request = request.replace(b"x-api-key", b"x-nothing")
    trailer = b"2\r\n{}\r\n0\r\nX-API-Key: a-key-that-is-long-enough-for-tests\r\n\r\n"
    assert statuses(served.exchange(request + trailer)) == [401]


def test_pipelined_requests_are_answered_in_order(served: Served, bodies, labels):
    *answers, last = served.exchange(b"".join(map(post, bodies)) + LAST)
    assert [answer.json["prediction"] for answer in answers] == labels
    assert last.json["status"] == "ok"


def test_nothing_is_answered_after_connection_close(served: Served):
    assert statuses(served.exchange(LAST + SMUGGLED)) == [200]


def test_the_answer_before_a_broken_request_is_whole(served: Served, bodies, labels):
    replies = served.exchange(post(bodies[0]) + b"GET /health HTTP/1.1\nbroken\n\n")
    assert replies[0].json["prediction"] == labels[0]
    assert statuses(replies[1:]) in ([], [400])


def test_a_body_that_breaks_after_it_began_is_refused_once(served: Served):
    head = post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b"")
    with served.connect() as connection:
        connection.sendall(head + b"4\r\n{   \r\n")
        time.sleep(0.05)  # the application waits for the rest by now
        connection.sendall(b"broken\r\n" + SMUGGLED)
        replies = replies_in(read_to_the_end(connection))
    assert statuses(replies) == [400]


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_a_body_that_comes_with_an_upgrade_is_never_a_request(served: Served, protocol: str):
    """The parser ends such a request at its head."""
    head = post(SMUGGLED, connection="Upgrade", upgrade=protocol).removesuffix(SMUGGLED)
    with served.connect() as connection:
        connection.sendall(head)
        time.sleep(0.05)
        with contextlib.suppress(OSError):
            connection.sendall(SMUGGLED + LAST)
        (refused,) = replies_in(connection.recv(65536))
    assert refused.status == 400
    assert "Upgrade" in refused.json["message"]
