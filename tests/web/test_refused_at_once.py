"""While the queue is full, requests are refused at their head: before their body, their key and their route."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator

import pytest

from app.answering.batcher import ADMITTED_ROWS, Overload
from app.server import connection as connections
from app.server import connection_sweep as sweep
from tests.web.inside import KEY
from tests.web.load import get, post, until
from tests.web.served import LAST, Served, bodies, put_gate, read_to_the_end, replies_in, served, statuses  # noqa: F401


@pytest.fixture
def full(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:  # noqa: F811
    """The queue has no room; the list has what it was asked for."""
    asked: list[int] = []

    def overload(rows: int) -> Overload:
        asked.append(rows)
        return Overload("many", 3)

    monkeypatch.setattr(served.inside.application, "_overload", overload)
    yield asked


def test_the_refusal_says_when_to_come_again_in_the_usual_shape(served: Served, full, bodies):  # noqa: F811
    refused, last = served.exchange(post(bodies[0]) + LAST)
    assert (refused.status, refused.headers["retry-after"]) == (503, "3")
    assert set(json.loads(refused.body)) == {"error", "message", "remedy"}
    assert json.loads(refused.body)["error"] == "overloaded"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert last.status == 200
    assert re.fullmatch("[0-9a-f]{16}", refused.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/classify", "/api/classify", "/classify/batch", "/drawings/preview?width=28"])
def test_every_route_whose_drawings_wait_in_the_queue_is_refused(served: Served, full, bodies, path: str):  # noqa: F811
    assert statuses(served.exchange(post(bodies[0], path=path) + LAST)) == [503, 200]


@pytest.mark.parametrize("path", ["/health", "/results?limit=1", "/metrics", "/"])
def test_other_routes_are_answered(served: Served, full, path: str):  # noqa: F811
    assert statuses(served.exchange(get(path, **{"x-api-key": KEY}) + LAST)) == [200, 200]
    assert full == []


def test_nothing_is_stored_and_no_body_is_taken_for_a_request(served: Served, full, bodies):  # noqa: F811
    before = served.inside.stored()
    hidden = get("/health")
    replies = served.exchange(post(hidden) + post(bodies[0]) + LAST)
    assert statuses(replies) == [503, 503, 200]
    assert served.inside.stored() == before


def test_a_body_that_comes_in_pieces_or_in_chunks_is_dropped_whole(served: Served, full, bodies):  # noqa: F811
    chunked = (
        b"POST /classify HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
    )
    request = post(bodies[0])
    with served.connect() as connection:
        for piece in (request[:150], request[150:400], request[400:], request, chunked, LAST):
            connection.sendall(piece)
        assert statuses(replies_in(read_to_the_end(connection))) == [503, 503, 503], "after chunks it closes"


def test_who_asks_for_one_version_is_not_refused_for_the_default(served: Served, full, bodies):  # noqa: F811
    assert statuses(served.exchange(post(bodies[0], path="/classify?model=v1.0") + LAST)) == [200, 200]
    assert full == []


def test_a_class_that_draws_at_once_is_never_refused(served: Served, bodies):  # noqa: F811
    """Each drawing counts once: 64 may always wait, also behind a batch that takes its time."""
    gated = put_gate(served.inside)
    with contextlib.ExitStack() as stack:
        people = [stack.enter_context(served.connect()) for _ in range(1 + ADMITTED_ROWS)]
        people[0].sendall(post(bodies[0]))
        assert gated.entered.wait(10)
        for place, one in enumerate(people[1:]):
            one.sendall(post(bodies[place % len(bodies)]))
        until(lambda: served.inside.service.reader.queue.rows_waiting == ADMITTED_ROWS, "that all wait")
        gated.may_go_on.set()
        for one in people:
            assert one.recv(65536).startswith(b"HTTP/1.1 200")


def test_refusals_are_counted_and_logged_once_a_second(served: Served, full, bodies, caplog):  # noqa: F811
    served.exchange(post(bodies[0]) * 5 + LAST)
    until(lambda: "requests were refused within a second" in caplog.text, "the line in the log")
    metrics = served.inside.service.metrics.exposition().decode()
    assert "pixelwise_refused_at_once_total" in metrics


@pytest.mark.parametrize("rest", ["slow", "broken"])
@pytest.mark.parametrize("earlier", [b"", get("/health")], ids=["the first", "a later"])
def test_a_refused_request_whose_body_does_not_arrive_ends_its_connection_and_nothing_else(
    served: Served,  # noqa: F811
    full,
    monkeypatch: pytest.MonkeyPatch,
    rest: str,
    earlier: bytes,
):
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", 0.2)
    monkeypatch.setattr(sweep, "SWEEP_SECONDS", 0.05)
    head = post(b"", **{"transfer-encoding": "chunked"}).replace(b"content-length: 0\r\n", b"")
    with served.connect() as connection, served.connect() as silent:
        said = b""
        if earlier:
            connection.sendall(earlier)
            said = connection.recv(65536)
        connection.sendall(head + (b"broken\r\n" if rest == "broken" else b"1\r\n"))
        said += read_to_the_end(connection)
        assert statuses(replies_in(said))[-1] == 503
        assert len(replies_in(said)) == 1 + bool(earlier)
        assert b" 408 " in read_to_the_end(silent), "the sweep goes on"


def test_a_client_that_does_not_read_is_not_written_to_without_end(served: Served, full, bodies):  # noqa: F811
    until(lambda: served.connections() == 0, "the end of other connections")
    with served.connect() as connection:
        connection.setblocking(False)
        requests = post(bodies[0]) * 50
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                connection.send(requests)
            time.sleep(0.001)
        sizes = [one._transport.get_write_buffer_size() for one in served.peers()]
        assert sizes and max(sizes) < 1 << 20


def test_an_answer_in_flight_is_not_cut_off_by_the_keep_alive_of_the_one_before(
    served: Served,  # noqa: F811
    bodies,  # noqa: F811
):
    """A refusal at once, and in the same piece a request that takes longer than a connection may be idle."""
    gated = put_gate(served.inside)
    with served.connect() as connection:
        connection.sendall(post(b"no JSON") + post(bodies[0]))
        assert gated.entered.wait(10)
        time.sleep(2.5)  # served for these tests with a keep-alive of 2 s
        gated.may_go_on.set()
        connection.sendall(LAST)
        assert statuses(replies_in(read_to_the_end(connection))) == [400, 200, 200]
