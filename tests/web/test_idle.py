"""Connections on which nothing happens any more: each ends, whatever has been on it before."""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
import threading
import time
import weakref

import pytest

from app.answering.batcher import Overload
from app.server import connection as connections
from app.server import connection_sweep as sweep
from app.web import middleware as gate
from tests.web.inside import KEY
from tests.web.load import get, post, until
from tests.web.served import (
    LAST,
    PATIENCE_SECONDS,
    Served,
    bodies,
    chunked,
    labels,
    own,
    read_to_the_end,
    replies_in,
    served,
    statuses,
)

__all__ = ["bodies", "labels", "own", "served"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can wait for."""
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", 1.0)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(connections, "READING_SECONDS", 0.4)
    monkeypatch.setattr(sweep, "SWEEP_SECONDS", 0.05)


def replies_of(connection: socket.socket) -> list[int]:
    return statuses(replies_in(read_to_the_end(connection)))


REFUSED = post(b"xyz", **{"x-api-key": "wrong"})


def test_after_an_answer(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health"))
        assert replies_of(connection) == [200]


def test_after_an_answer_with_empty_lines(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health") + b"\r\n" * 100_000)
        assert replies_of(connection) == [200]


def test_after_an_answer_with_empty_lines_now_and_then(served: Served):
    with served.connect() as connection, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(get("/health"))
        assert connection.recv(65536)
        connection.settimeout(0.05)
        for _ in range(200):
            connection.sendall(b"\r\n")
            with contextlib.suppress(TimeoutError):
                assert connection.recv(65536) == b""
                return
        raise AssertionError("it was not closed")


@pytest.mark.parametrize("later", [b"xyz", b""], ids=["a body that comes late", "a body that never comes"])
def test_after_a_refusal_at_the_head(served: Served, later: bytes):
    with served.connect() as connection:
        connection.sendall(REFUSED[:-3])
        said = connection.recv(65536)
        connection.sendall(later)
        assert statuses(replies_in(said + read_to_the_end(connection))) == [401]


def test_after_a_refusal_its_late_body_and_half_a_head(served: Served):
    with served.connect() as connection:
        connection.sendall(REFUSED[:-3])
        said = connection.recv(65536)
        connection.sendall(b"xyz" + LAST[:20])
        assert statuses(replies_in(said + read_to_the_end(connection))) == [401, 408]


def test_a_second_request_may_take_as_long_to_arrive_as_a_first_one(served: Served):
    with served.connect() as connection:
        connection.sendall(get("/health"))
        said = connection.recv(65536)
        for place in range(4):
            connection.sendall(LAST[10 * place : 10 * place + 10])
            time.sleep(0.15)
        connection.sendall(LAST[40:])
        assert statuses(replies_in(said + read_to_the_end(connection))) == [200, 200]


def test_a_connection_whose_requests_are_refused_unread_is_not_idle(own: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own.inside.application, "_overload", lambda rows: Overload("many", 3))
    monkeypatch.setattr(gate, "FULL_SECONDS", 60)
    with own.connect() as connection:
        for _ in range(20):
            connection.sendall(post(b"{}"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
            time.sleep(0.03)


@pytest.mark.parametrize("begin", [b"PRI ", b"GET /\n", b"PRI * HTTP/2.0\r\n\r\n"])
def test_a_beginning_of_which_the_parser_would_wait_for_more(served: Served, begin: bytes):
    with served.connect() as connection:
        connection.sendall(begin)
        assert replies_of(connection) == [400]
    assert served.inside.application.coming == 0


def test_a_request_has_its_time_once_for_head_and_body(served: Served):
    request = post(b"x" * 100)
    with served.connect() as connection:
        connection.sendall(request[:20])
        time.sleep(0.7)
        connection.sendall(request[20 : request.index(b"\r\n\r\n") + 4])
        until(lambda: any(one._left for one in served.peers()), "that the head is known")
        (peer,) = (one for one in served.peers() if one._left)
        assert time.monotonic() - peer._began >= 0.7
        assert replies_of(connection) == [408]


def test_reset_connections_leave_nothing(own: Served):
    left = []
    for _ in range(5):
        with own.connect() as connection:
            connection.sendall(get("/health"))
            assert connection.recv(65536)
            left += [weakref.ref(one) for one in own.peers()]
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: own.connections() == 0, "the end of the connection")
    until(lambda: gc.collect() is not None and not any(one() for one in left), "that nothing is left")


def test_an_answer_that_is_being_read_is_no_idleness(own: Served, monkeypatch: pytest.MonkeyPatch, published):
    monkeypatch.setattr(connections, "READING_SECONDS", 1000)
    images = published("v1.0").golden.images[:1000].tobytes()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", own.port))
        connection.sendall(
            post(images[: 1000 * 784], "/classify/batch", **{"content-type": "application/octet-stream"})
        )
        until(lambda: any(one._transport.get_write_buffer_size() for one in own.peers()), "unsent bytes")
        time.sleep(0.6)  # three times as long as a connection may be idle
        said = b""
        while b"\r\n\r\n" not in said or len(said.partition(b"\r\n\r\n")[2]) < int(replies_length(said)):
            said += connection.recv(65536)
        connection.sendall(LAST)
        assert statuses(replies_in(said + read_to_the_end(connection))) == [200, 200]


def replies_length(said: bytes) -> bytes:
    """The Content-Length of the answer that these bytes begin with."""
    return said.partition(b"content-length: ")[2].partition(b"\r\n")[0]


def test_a_client_that_leaves_a_little_of_its_answers_in_the_service(own: Served, monkeypatch: pytest.MonkeyPatch):
    """Less than would make the service stop writing."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", own.port))
        until(lambda: own.connections() == 1, "the connection")
        (peer,) = own.peers()
        monkeypatch.setattr(peer, "look", lambda _: None)  # until there is something to see
        while not peer._transport.get_write_buffer_size():
            connection.sendall(get("/openapi.json"))
            time.sleep(0.01)
        monkeypatch.undo()
        monkeypatch.setattr(connections, "READING_SECONDS", 0.4)
        until(lambda: own.connections() == 0, "the end of the connection")


def test_when_the_service_ends_a_client_that_does_not_read_does_not_hold_it(
    own: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "READING_SECONDS", 1000)
    monkeypatch.setattr(connections, "ENDING_READING_SECONDS", 0.2)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", own.port))
        sender = threading.Thread(target=connection.sendall, args=(get("/openapi.json") * 300,), daemon=True)
        sender.start()
        until(lambda: any(one._transport.get_write_buffer_size() for one in own.peers()), "unsent bytes")
        own.inside.application.is_ending = True
        until(lambda: own.connections() == 0, "the end of the connection")


# -- chunks, of which the end is not seen from outside -----------------------------------------------------------------


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_body_in_chunks_that_nobody_reads_and_half_a_farewell_still_get_the_answer(served: Served, pieces: int):
    request = chunked(b"2\r\n{}\r\n0\r\n\r\n").replace(b"POST /classify", b"GET /results?limit=1", 1)
    with served.connect() as connection:
        for place in range(pieces):
            size = -(-len(request) // pieces)
            time.sleep(0.02)
            connection.sendall(request[place * size : (place + 1) * size])
        connection.shutdown(socket.SHUT_WR)
        assert replies_of(connection) == [200]


def test_what_follows_a_body_in_chunks_does_not_make_its_answer_a_refusal(own: Served, bodies, labels):
    """The drawing is stored, and who is told of it must not hear that it was not understood."""
    for earlier in (0, 20):
        body = chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(bodies[0]), bodies[0]))
        with own.connect() as connection:
            connection.sendall(body[:earlier])
            time.sleep(0.02)
            connection.sendall(body[earlier:] + get("/health") + b"rub bish\r\n\r\n")
            (reply,) = replies_in(read_to_the_end(connection))
        assert reply.json["prediction"] == labels[0]
    assert own.inside.stored() == 2


def test_no_body_of_connect_is_taken_for_requests(served: Served):
    head = f"CONNECT http://127.0.0.1/health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {KEY}\r\n"
    for body in (LAST, b"rub bish\r\n\r\n"):
        with served.connect() as connection:
            connection.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
            (reply,) = replies_in(read_to_the_end(connection))
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert "CONNECT" in reply.json["message"]


# -- too many ----------------------------------------------------------------------------------------------------------


def test_those_who_are_told_that_they_are_too_many_are_not_too_many(own: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(connections, "MAX_REFUSED", 3)
    opened = [socket.create_connection(("127.0.0.1", own.port)) for _ in range(30)]
    try:
        for one in opened[2:]:
            assert b"too-many-connections" in one.recv(65536)
        until(lambda: own.connections() <= 5, "the end of those who were told")
    finally:
        for one in opened:
            one.close()
