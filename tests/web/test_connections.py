"""What arrives on a socket: one answer for each request, bounds on slow and large ones, nothing for those who left."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from app.web import connections
from tests.web.inside import Inside
from tests.web.load import Reply, bodies_of, get, post, until
from tests.web.served import Served, put_gate, read_to_the_end, replies_in, serve


@pytest.fixture(scope="module")
def served(published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Inside(published("v1.0"), tmp_path_factory.mktemp("served")) as inside, serve(inside) as made:
        yield made


@pytest.fixture
def own(published, tmp_path) -> Iterator[Served]:
    """A server for one test: its engine may be changed."""
    with Inside(published("v1.0"), tmp_path) as inside, serve(inside) as made:
        yield made


@pytest.fixture(scope="module")
def bodies(published) -> list[bytes]:
    return bodies_of(published("v1.0").golden.images[:30])


@pytest.fixture(scope="module")
def labels(published) -> list[str]:
    return [str(row.argmax() + 1) for row in published("v1.0").golden.scores[:30]]


LAST = get("/health", connection="close")
"""After its answer the server closes."""
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
"""Answered 404 where it is taken for a request."""


def statuses(replies: list[Reply]) -> list[int]:
    return [reply.status for reply in replies]


# -- one request, one answer ---------------------------------------------------------------------------------------


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


BODY = b'{"pixels": []}'
LEGAL = {
    "a length with spaces around": with_body(b"Content-Length:   14  ", body=BODY),
    "chunks": chunked(b"4\r\n{}  \r\n0\r\n\r\n"),
    "chunks in capitals": with_body(b"TRANSFER-ENCODING: Chunked", body=b"A\r\n0123456789\r\n0\r\n\r\n"),
    "a chunk with an extension": chunked(b'4;a="b"\r\n{}  \r\n0\r\n\r\n'),
    "chunks and a trailer": chunked(b"4\r\n{}  \r\n0\r\nx: y\r\n\r\n"),
    "a chunk with zeros before": chunked(b"0004\r\n{}  \r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("request_bytes", LEGAL.values(), ids=LEGAL.keys())
def test_what_can_be_read_in_one_way_ends_where_it_says(served: Served, request_bytes: bytes):
    own_answer, next_one, last = served.exchange(request_bytes + LAST)
    assert (own_answer.status, next_one.status, last.status) == (401, 404, 200)


def test_a_trailer_is_no_header(served: Served):
    """Whoever sees the headers before us does not see it."""
    request = post(b"", **{"transfer-encoding": "chunked", "content-length": ""}).replace(b"content-length: \r\n", b"")
    request = request.replace(b"x-api-key", b"x-nothing")
    trailer = b"2\r\n{}\r\n0\r\nX-API-Key: a-key-that-is-long-enough-for-tests\r\n\r\n"
    assert statuses(served.exchange(request + trailer + LAST)) == [401, 200]


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


# -- methods, versions, expectations -------------------------------------------------------------------------------


def test_head_says_what_get_says_without_the_body(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health").replace(b"GET", b"HEAD", 1) + LAST)
        said = read_to_the_end(connection)
    head, _, rest = said.partition(b"\r\n\r\n")
    (whole,) = replies_in(rest)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"content-length: {whole.headers['content-length']}".encode() in head


def test_options_names_the_method_that_a_path_takes(served: Served):
    refused, _ = served.exchange(get("/classify").replace(b"GET", b"OPTIONS", 1) + LAST)
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


def test_a_client_that_asks_first_is_told_to_go_on(served: Served, bodies, labels):
    request = post(bodies[0], expect="100-continue", connection="close")
    head, _, body = request.partition(b"\r\n\r\n")
    with served.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        (answer,) = replies_in(read_to_the_end(connection))
    assert answer.json["prediction"] == labels[0]


def test_a_client_that_asks_first_and_is_refused_need_not_send_its_body(served: Served):
    request = post(b"x" * 1000, expect="100-continue", **{"x-api-key": "wrong"})
    with served.connect() as connection:
        connection.sendall(request[:-1000])
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_http_1_0_is_answered_and_closed(served: Served, bodies, labels):
    request = post(bodies[0]).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    (answer,) = served.exchange(request)
    assert answer.json["prediction"] == labels[0]


UPGRADES = pytest.mark.parametrize("protocol", ["websocket", "h2c"])


@UPGRADES
def test_an_upgrade_is_declined_by_answering_as_ever(served: Served, protocol: str):
    with served.connect() as connection:
        connection.sendall(get("/health", connection="Upgrade", upgrade=protocol))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(LAST)
        assert statuses(replies_in(read_to_the_end(connection))) == [200]


@UPGRADES
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


# -- slow and large --------------------------------------------------------------------------------------------------

BOUND = 0.4


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can wait for."""
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", BOUND)
    monkeypatch.setattr(connections, "FIRST_BYTE_SECONDS", BOUND)
    monkeypatch.setattr(connections, "READING_SECONDS", BOUND)
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.05)


def trickle(connection: socket.socket, data: bytes) -> bytes:
    """Sends byte by byte until the server closes, and returns all that it said."""
    connection.settimeout(0.02)
    said = b""
    for place in range(len(data)):
        with contextlib.suppress(TimeoutError):
            try:
                connection.sendall(data[place : place + 1])
                part = connection.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                return said
            said += part
            if not part:
                return said
    raise AssertionError(f"nobody stopped it; it was told {said!r}")


SLOW = {
    "a first line": (b"", b"GET /" + b"a" * 1000),
    "headers": (b"GET /health HTTP/1.1\r\n", b"x: y\r\n" * 300),
    "a body": (post(b"x" * 1000)[:-1000], b"x" * 1000),
    "chunks": (
        post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b""),
        b"1\r\nx\r\n" * 300,
    ),
    "empty lines": (b"", b"\r\n" * 500),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("at_once", "slowly"), SLOW.values(), ids=SLOW.keys())
def test_a_request_that_arrives_byte_by_byte_is_cut_off(served: Served, at_once: bytes, slowly: bytes):
    with served.connect() as connection:
        connection.sendall(at_once)
        (reply,) = replies_in(trickle(connection, slowly))
    assert (reply.status, reply.json["error"]) == (408, "too-slow")
    assert reply.headers["connection"] == "close"


@pytest.mark.usefixtures("quick")
def test_a_connection_that_says_nothing_is_closed(served: Served):
    assert statuses(served.exchange(b"")) == [408]


@pytest.mark.usefixtures("quick")
def test_empty_lines_between_requests_do_not_hold_a_connection(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        trickle(connection, b"\r\n" * 500)


@pytest.mark.usefixtures("quick")
def test_a_body_that_trickles_on_after_its_answer_gets_no_second_one(served: Served):
    with served.connect() as connection:
        connection.sendall(post(b"x" * 1000, **{"x-api-key": "wrong"})[:-1000])
        replies = replies_in(trickle(connection, b"x" * 1000))
    assert statuses(replies) == [401]


@pytest.mark.usefixtures("quick")
def test_an_idle_client_may_wait_between_requests_and_a_busy_server_may_take_its_time(own: Served, bodies):
    gate = put_gate(own.inside)
    with own.connect() as connection:
        connection.sendall(post(bodies[0], connection="close"))
        assert gate.entered.wait(10)
        time.sleep(2 * BOUND)  # the request arrived in time; what takes long is ours
        gate.may_go_on.set()
        assert statuses(replies_in(read_to_the_end(connection))) == [200]


@pytest.mark.usefixtures("quick")
def test_a_client_that_does_not_read_its_answer_is_cut_off(served: Served, published):
    images = published("v1.0").golden.images[:1000].tobytes()
    request = post(images, "/classify/batch", **{"content-type": "application/octet-stream"})
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", served.port))
        before = served.connections()
        sender = threading.Thread(target=_send_all, args=(connection, request * 40))
        sender.start()
        until(lambda: served.connections() < max(before, 1), "the end of the connection")
        sender.join(20)
        assert not sender.is_alive()


def _send_all(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(data)


def test_two_hundred_slow_clients_do_not_keep_anybody_waiting(served: Served, bodies, labels):
    request = post(bodies[0])
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(served.connect()) for _ in range(200)]
        for number, connection in enumerate(slow):
            connection.sendall(request[: 1 + number * 12])  # some in the first line, some in the headers or the body
        *answers, _ = served.exchange(b"".join(map(post, bodies)) + LAST)
        assert [answer.json["prediction"] for answer in answers] == labels
        for number, connection in enumerate(slow):
            connection.sendall(request[1 + number * 12 :])
        for connection in slow:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


HEAD = connections.HEAD_BYTES
LARGE = {
    "a header": get("/health", x="y" * 2 * HEAD),
    "many headers": get("/health", **{f"x-{number}": "y" * 100 for number in range(HEAD // 50)}),
    "a first line": get("/" + "a" * 2 * HEAD),
    "a header without an end": b"GET /health HTTP/1.1\r\nx: " + b"y" * 20 * HEAD,
    "a trailer": post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b"")
    + (b"0\r\nx: " + b"y" * 20 * HEAD),
    "the extension of a chunk": post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b"")
    + (b"1;" + b"y" * 20 * HEAD),
}


@pytest.mark.parametrize("size", [1000, 1 << 20])
@pytest.mark.parametrize("request_bytes", LARGE.values(), ids=LARGE.keys())
def test_a_head_that_is_too_large_is_refused(served: Served, request_bytes: bytes, size: int):
    """At once, and in pieces."""
    with served.connect() as connection, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for place in range(0, len(request_bytes), size):
            connection.sendall(request_bytes[place : place + size])
            time.sleep(0.001)
        said = b""
        while part := connection.recv(65536):
            said += part
        assert statuses(replies_in(said)) == [431]
    until(lambda: served.connections() == 0, "the end of the connection")


def test_a_head_below_the_bound_and_a_large_body_are_taken(served: Served, published):
    images = published("v1.0").golden.images[:500].tobytes()
    headers = {"content-type": "application/octet-stream", "x": "y" * (HEAD - 500)}
    answer, _ = served.exchange(post(images, "/classify/batch", **headers) + LAST)
    assert len(answer.json["answers"]) == 500


def test_more_connections_than_there_may_be_are_refused_with_a_time_to_come_back(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    until(lambda: served.connections() == 0, "the end of older connections")
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 5)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(served.connect())
        until(lambda: served.connections() == 5, "five connections")
        (refused,) = served.exchange(b"")
        assert (refused.status, refused.json["error"]) == (503, "too-many-connections")
        assert int(refused.headers["retry-after"]) >= 1
    until(lambda: served.connections() == 0, "the end of all connections")
    assert statuses(served.exchange(LAST)) == [200]


# -- clients that leave ------------------------------------------------------------------------------------------------


def test_work_whose_client_has_left_is_not_done(own: Served, bodies):
    gate = put_gate(own.inside)
    queue = own.inside.service.reader.queue
    with own.connect() as first, own.connect() as stays:
        first.sendall(post(bodies[0], connection="close"))
        assert gate.entered.wait(10)
        with own.connect() as leaves:
            leaves.sendall(post(bodies[1]))
            until(lambda: queue.rows_waiting == 1, "waiting")
        until(lambda: own.connections() == 2, "the end of the connection that left")
        stays.sendall(post(bodies[2], connection="close"))
        until(lambda: queue.rows_waiting == 2, "waiting")
        gate.may_go_on.set()
        assert statuses(replies_in(read_to_the_end(first))) == [200]
        assert statuses(replies_in(read_to_the_end(stays))) == [200]
    assert gate.rows == 2
    assert own.inside.stored() == 2
    (metrics,) = own.exchange(get("/metrics", connection="close"))
    assert b'status="499"} 1.0' in metrics.body


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(served: Served, bodies):
    stored = served.inside.stored()
    for _ in range(20):
        with served.connect() as connection:
            connection.sendall(post(bodies[0])[:-50])
    until(lambda: served.connections() == 0, "the end of all connections")
    assert statuses(served.exchange(LAST)) == [200]
    assert served.inside.stored() == stored
