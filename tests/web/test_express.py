"""The short way gives what the long way gives, to requests that arrive whole; all others go the long way."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import weakref

import pytest

from app.web import connections
from app.web.express import ExpressCycle, Run
from tests.web.load import get, post, until
from tests.web.served import (  # noqa: F401
    LAST,
    Served,
    bodies,
    labels,
    put_gate,
    read_to_the_end,
    replies_in,
    served,
    statuses,
)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[ExpressCycle]:
    """The requests that took the short way."""
    cycles: list[ExpressCycle] = []

    class Noted(Run):
        def __init__(self, coroutine, done) -> None:
            cycles.append(done.args[0])
            super().__init__(coroutine, done)

    monkeypatch.setattr(connections, "Run", Noted)
    return cycles


def in_pieces(served: Served, *pieces: bytes) -> list:  # noqa: F811
    """The answers to pieces that arrive one by one."""
    with served.connect() as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
        return replies_in(read_to_the_end(connection))


@pytest.mark.parametrize(
    "request_",
    [
        post(b'{"pixels": 1}'),
        post(b"no JSON"),
        post(b"[]", **{"x-api-key": "wrong"}),
        post(b"[]", host="evil.example"),
        post(b"[]", **{"content-type": "text/plain"}),
        post(b'{"strokes": [[[1, 1], [9, 9]]]}', path="/drawings/preview"),
        post(b'{"strokes": []}', path="/api/drawings"),
    ],
)
def test_both_ways_give_the_same_answer(served: Served, taken, request_: bytes):  # noqa: F811
    (short, _), number = served.exchange(request_ + LAST), len(taken)
    (long, _) = in_pieces(served, request_[:-1], request_[-1:] + LAST)
    assert number == 1 and len(taken) == 1
    own = ("x-request-id", "date")
    assert short.status == long.status and short.body == long.body
    assert {name: value for name, value in short.headers.items() if name not in own} == {
        name: value for name, value in long.headers.items() if name not in own
    }
    assert set(own) <= set(short.headers)


def test_digits_are_read_rightly_and_stored(served: Served, taken, bodies, labels):  # noqa: F811
    before = served.inside.stored()
    with served.connect() as connection:
        found = []
        for body in bodies:
            connection.sendall(post(body))
            (reply,) = replies_in(connection.recv(65536))
            found.append(json.loads(reply.body)["prediction"])
    assert found == labels
    assert len(taken) == len(bodies) == served.inside.stored() - before


@pytest.mark.parametrize(("at", "short"), [(0, True), (10, True), (150, False), (-1, False)])
def test_a_body_that_comes_after_its_head_goes_the_long_way(served: Served, taken, bodies, at: int, short: bool):  # noqa: F811
    request = post(bodies[0])
    assert statuses(in_pieces(served, request[:at], request[at:] + LAST)) == [200, 200]
    assert len(taken) == short


def test_a_chunked_body_in_one_piece_is_read_and_its_trailer_is_no_header(served: Served, taken, bodies):  # noqa: F811
    head = post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b"")
    chunk = f"{len(bodies[0]):x}\r\n".encode() + bodies[0] + b"\r\n0\r\n"
    assert statuses(served.exchange(head + chunk + b"x-api-key: wrong\r\n\r\n" + LAST)) == [200, 200]
    without = head.replace(b"x-api-key", b"x-other")
    assert statuses(served.exchange(without + chunk + b"x-api-key: wrong\r\n\r\n" + LAST)) == [401, 200]


def test_answers_to_requests_in_one_piece_come_in_their_order(served: Served, taken, bodies, labels):  # noqa: F811
    requests = b"".join(post(body) for body in bodies[:5]) + get("/health") + post(bodies[5]) + LAST
    replies = served.exchange(requests)
    assert statuses(replies) == [200] * 8
    found = [json.loads(reply.body).get("prediction") for reply in replies]
    assert found == [*labels[:5], None, labels[5], None]
    assert len(taken) >= 1


def test_only_what_goes_the_long_way_is_expected_before_it_is_in_the_queue(served: Served, bodies, monkeypatch):  # noqa: F811
    expected: list[bytes] = []
    monkeypatch.setattr(served.inside.application, "expect", expected.append)
    served.exchange(post(bodies[0]) + LAST)
    assert expected == [b"/health"]
    in_pieces(served, post(bodies[0])[:-1], post(bodies[0])[-1:] + LAST)
    assert expected == [b"/health", b"/classify", b"/health"]


@pytest.mark.parametrize("also", [{"connection": "close"}, {"expect": "100-continue"}])
def test_a_request_that_asks_for_more_goes_the_long_way(served: Served, taken, bodies, also: dict[str, str]):  # noqa: F811
    with served.connect() as connection:
        connection.sendall(post(bodies[0], **also) + (b"" if "connection" in also else LAST))
        assert b"HTTP/1.1 200" in read_to_the_end(connection)
    assert taken == []


def test_a_client_of_http_1_0_is_told_the_end_by_the_end_of_its_connection(served: Served, taken, bodies):  # noqa: F811
    request = post(bodies[0], connection="keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    (reply,) = served.exchange(request)
    assert (reply.status, reply.headers["connection"], taken) == (200, "close", [])


def test_a_refusal_that_says_that_the_connection_closes_closes_it(served: Served, taken):  # noqa: F811
    (reply,) = served.exchange(post(b" " * (64 << 10) + b"{}"))
    assert (reply.status, reply.headers["connection"]) == (413, "close")


def test_who_goes_away_before_the_batch_is_not_computed(served: Served, taken, bodies, monkeypatch):  # noqa: F811
    gated = put_gate(served.inside)
    queue = served.inside.service.reader.queue
    with served.connect() as first, served.connect() as second:
        first.sendall(post(bodies[0]))
        assert gated.entered.wait(10)
        second.sendall(post(bodies[1]))
        until(lambda: queue.rows_waiting == 1, "the second drawing in the queue")
        second.close()
        until(lambda: taken[1].disconnected, "that the service notices")
        gated.may_go_on.set()
        assert b"HTTP/1.1 200" in first.recv(65536)
    assert gated.rows == 1
    metrics = served.inside.service.metrics.exposition().decode()
    assert 'route="classify",status="499"' in metrics


def test_a_fault_of_ours_is_a_500_and_the_connection_stays(served: Served, bodies, monkeypatch):  # noqa: F811
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(served.inside.service.access, "caller", fail)
    refused, last = served.exchange(post(bodies[0]) + LAST)
    assert (refused.status, json.loads(refused.body)["error"], last.status) == (500, "unexpected", 200)


def test_an_answered_request_leaves_nothing_to_the_garbage_collector(served: Served, taken, bodies):  # noqa: F811
    with served.connect() as connection:
        connection.sendall(post(bodies[0]))
        assert connection.recv(65536)
        left = weakref.ref(taken.pop())
        call = weakref.ref(left().call)  # type: ignore[union-attr]
        gc.collect()
        gc.disable()
        try:
            connection.sendall(post(bodies[1]))
            assert connection.recv(65536)
            taken.clear()
            until(lambda: left() is None and call() is None, "the end of the first request")
        finally:
            gc.enable()


def test_a_coroutine_runs_to_its_end_without_a_task():
    async def waits(futures: list[asyncio.Future[int]]) -> int:
        total = 0
        for future in futures:
            total += await future
        return total

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(3)]
        futures[0].set_result(1)
        done: list[int] = []
        Run(waits(futures), done.append)
        await asyncio.sleep(0)
        assert done == []
        for future in reversed(futures[1:]):
            future.set_result(10)
        while not done:
            await asyncio.sleep(0)
        return done

    assert asyncio.run(main()) == [21]
