"""What arrives on a socket: one answer for each request, bounds on slow and large ones, nothing for those who left."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
import weakref
from typing import Any

import pytest

from app.server import connection as connections
from app.server import connection_sweep as sweep
from app.server import early_refusals as refusals
from app.server import transport as outgoing
from app.web import middleware as gate
from app.web.middleware import AccessLine
from app.web.request import Call
from tests.web.inside import KEY, Inside
from tests.web.load import get, post, until
from tests.web.served import (
    LAST,
    PATIENCE_SECONDS,
    Served,
    bodies,
    chunked,
    labels,
    own,
    put_gate,
    read_to_the_end,
    replies_in,
    served,
    statuses,
)

__all__ = ["bodies", "labels", "own", "served"]


# -- headers -------------------------------------------------------------------------------------------------------


def test_white_space_around_a_header_value_is_no_part_of_it(served: Served, bodies: list[bytes]):
    around = {"x-api-key": f"\t {KEY} \t ", "host": "127.0.0.1 ", "x-request-id": "mine-1\t", "connection": "close "}
    (reply,) = served.exchange(post(bodies[0], **around))
    assert (reply.status, reply.headers["x-request-id"]) == (200, "mine-1")
    (reply,) = served.exchange(post(bodies[0], **{"x-api-key": f"{KEY[:5]} {KEY[5:]}"}, connection="close"))
    assert reply.status == 401, "within a value it is"


# -- methods, versions, expectations -------------------------------------------------------------------------------


def test_head_says_what_get_says_without_the_body(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health").replace(b"GET", b"HEAD", 1) + LAST)
        said = read_to_the_end(connection)
    head, _, rest = said.partition(b"\r\n\r\n")
    (whole,) = replies_in(rest)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"content-length: {whole.headers['content-length']}".encode() in head


def test_a_head_that_no_body_follows_is_sent_though_the_connection_stays(served: Served):
    with served.connect() as connection:
        for _ in range(2):
            connection.sendall(get("/health").replace(b"GET", b"HEAD", 1))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


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


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_an_upgrade_is_declined_by_answering_as_ever(served: Served, protocol: str):
    with served.connect() as connection:
        connection.sendall(get("/health", connection="Upgrade", upgrade=protocol))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(LAST)
        assert statuses(replies_in(read_to_the_end(connection))) == [200]


# -- slow and large --------------------------------------------------------------------------------------------------

BOUND = 0.4


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can wait for."""
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", BOUND)
    monkeypatch.setattr(connections, "READING_SECONDS", BOUND)
    monkeypatch.setattr(sweep, "SWEEP_SECONDS", 0.05)


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
    "chunks": (chunked(b""), b"1\r\nx\r\n" * 300),
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
def test_a_client_may_wait_between_its_requests(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        time.sleep(2 * BOUND)
        connection.sendall(LAST)
        assert statuses(replies_in(read_to_the_end(connection))) == [200]


@pytest.mark.usefixtures("quick")
def test_a_server_may_take_its_time_with_a_request_that_arrived_in_time(own: Served, bodies):
    gate = put_gate(own.inside)
    with own.connect() as connection:
        connection.sendall(post(bodies[0], connection="close"))
        assert gate.entered.wait(10)
        time.sleep(2 * BOUND)
        gate.may_go_on.set()
        assert statuses(replies_in(read_to_the_end(connection))) == [200]


@pytest.mark.usefixtures("quick")
def test_a_client_that_does_not_read_its_answer_is_cut_off(served: Served, published):
    images = published("v1.0").golden.images[:1000].tobytes()
    request = post(images, "/classify/batch", **{"content-type": "application/octet-stream"})
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", served.port))
        until(lambda: served.connections() == 1, "the connection")
        sender = threading.Thread(target=_send_all, args=(connection, request * 40))
        sender.start()
        try:
            until(lambda: served.connections() == 0, "the end of the connection")
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # ends the sender, whatever the server does
            sender.join(20)


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


HEAD = refusals.HEAD_BYTES
LARGE = {
    "a header": get("/health", x="y" * 2 * HEAD),
    "many headers": get("/health", **{f"x-{number}": "y" * 100 for number in range(HEAD // 50)}),
    "many small headers": get("/health", **{f"x-{number}": "y" for number in range(refusals.HEAD_LINES)}),
    "a first line": get("/" + "a" * 2 * HEAD),
    "a header without an end": b"GET /health HTTP/1.1\r\nx: " + b"y" * 20 * HEAD,
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


ENDLESS = {"a trailer": b"0\r\nx: ", "the extension of a chunk": b"1;"}


@pytest.mark.parametrize("begin", ENDLESS.values(), ids=ENDLESS.keys())
def test_of_what_stands_around_a_body_no_more_is_taken_than_of_a_body(served, begin: bytes, quick, monkeypatch):
    """It is nothing that the application is given: the rest of it waits in the socket until the time is over."""
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", 4.0)  # long enough to be looked at, on a busy machine too
    with served.connect() as connection:
        sender = threading.Thread(target=_send_all, args=(connection, chunked(begin) + b"y" * (64 << 20)))
        sender.start()
        until(lambda: _held(served) > 0, "that something is held")
        assert _held(served) < connections.CHUNK_BYTES + (1 << 20)
        assert b" 408 " in connection.recv(65536)
        sender.join(PATIENCE_SECONDS)


def _held(served: Served) -> int:
    return max((len(one._held) for one in served.peers()), default=0)


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


LARGE_BODY = b" " * (24 << 20)


def test_a_client_that_sends_all_of_a_body_that_is_too_large_reads_why_it_was_refused(served: Served):
    """More than the socket's buffers hold; a client that does not look up before it has sent everything."""
    (refused,) = served.exchange(post(LARGE_BODY, "/classify/batch"))
    assert (refused.status, refused.json["error"]) == (413, "too-large")
    until(lambda: served.connections() == 0, "the end of the connection")


def test_what_is_read_for_nobody_is_bounded(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outgoing, "DISCARD_BYTES", 1 << 20)
    with pytest.raises(OSError):
        served.exchange(post(LARGE_BODY, "/classify/batch"))


def test_a_client_that_goes_on_after_its_refusal_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outgoing, "DISCARD_SECONDS", 0.1)
    with served.connect() as connection:
        connection.sendall(post(b"x" * (24 << 20), "/classify/batch")[:1000])
        assert statuses(replies_in(read_to_the_end(connection))) == [413]
        until(lambda: served.connections() == 0, "the end of the connection")


def test_each_refusal_has_an_id_a_remedy_of_its_own_and_a_line_in_the_log(own: Served, monkeypatch: pytest.MonkeyPatch):
    lines: list[AccessLine] = []
    monkeypatch.setattr(own.inside.application, "_log", lines.append)
    head = chunked(b"")
    refused = {}
    for name, request in {
        "method": b"BREW / HTTP/1.1\r\n\r\n",
        "address": b"GET http:// HTTP/1.1\r\nhost: x\r\n\r\n",
        "head": LARGE["a header"],
        "chunk": head + b"4\r\n{   \r\nbroken\r\n",
    }.items():
        (refused[name],) = own.exchange(request)
    with own.connect() as connection:
        connection.sendall(head + b"4\r\n{   \r\n")
        time.sleep(0.05)  # the application waits for more by now
        connection.sendall(b"broken\r\n")
        (refused["later chunk"],) = replies_in(read_to_the_end(connection))
    until(lambda: len(lines) == 5, "the lines")
    assert [line.status for line in lines] == [400, 400, 431, 400, 400]
    assert [line.request_id for line in lines] == [reply.headers["x-request-id"] for reply in refused.values()]
    assert len({line.request_id for line in lines}) == 5
    for reply in refused.values():
        assert (reply.headers["x-content-type-options"], reply.headers["cache-control"]) == ("nosniff", "no-store")
    assert "headers" in refused["head"].json["remedy"] and "method" in refused["method"].json["remedy"]
    assert 'route="none",status="431"} 1.0' in own.inside.service.metrics.exposition().decode()


def test_an_ipv4_client_of_a_socket_of_both_families_is_logged_as_such(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    lines: list[AccessLine] = []
    monkeypatch.setattr(inside.application, "_log", lines.append)
    inside.application.note_refused("id", ("::ffff:192.0.2.7", 1), 400, 0.1)
    assert lines[0].client == "192.0.2.7"


@pytest.mark.parametrize("coding", ["gzip", "identity", ""])
def test_a_request_that_is_refused_at_the_end_of_its_head_is_not_carried_out(
    own: Served, monkeypatch: pytest.MonkeyPatch, coding: str
):
    lines: list[AccessLine] = []
    monkeypatch.setattr(own.inside.application, "_log", lines.append)
    (reply,) = own.exchange(get("/health", **{"transfer-encoding": coding}))
    assert reply.status == 400
    assert statuses(own.exchange(LAST)) == [200]
    until(lambda: len(lines) >= 2, "the lines")
    assert [line.status for line in lines] == [400, 200]


# -- what is left of an answered request -------------------------------------------------------------------------------


def test_an_answered_request_leaves_nothing_to_the_garbage_collector(
    own: Served, bodies, monkeypatch: pytest.MonkeyPatch
):
    calls: list[weakref.ref[Call]] = []

    class Noted(Call):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            calls.append(weakref.ref(self))

    monkeypatch.setattr(gate, "Call", Noted)
    with own.connect() as connection:
        gc.disable()
        try:
            for body in bodies[:5]:
                connection.sendall(post(body))
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            until(lambda: [call() for call in calls[:4]] == [None] * 4, "the end of all but the last request")
        finally:
            gc.enable()
