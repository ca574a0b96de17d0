"""Clients that leave: what they asked for is not computed, and costs nobody anything; half a farewell is none."""

from __future__ import annotations

import socket
import struct
from contextlib import ExitStack

import pytest

from app.answering.explainer import PLACES
from app.answering.side_threads import share_of
from tests.web.load import get, post, until
from tests.web.served import (
    LAST,
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
from tests.web.test_explanations import Held

__all__ = ["bodies", "labels", "own", "served"]

RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing resets the connection."""
SHARE = share_of(PLACES)
"""Explanations that one caller may wait for at a time."""


def test_work_whose_client_has_reset_its_connection_is_not_done(own: Served, bodies):
    gate = put_gate(own.inside)
    queue = own.inside.service.reader.queue
    with own.connect() as first, own.connect() as stays:
        first.sendall(post(bodies[0], connection="close"))
        assert gate.entered.wait(10)
        with own.connect() as leaves:
            leaves.sendall(post(bodies[1]))
            until(lambda: queue.rows_waiting == 1, "waiting")
            leaves.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
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


def test_who_leaves_while_an_explanation_waits_gives_its_place_back_and_nothing_is_stored(own: Served, bodies):
    explained = [post(body, path="/classify?explain=1", connection="close") for body in bodies[: 2 * SHARE]]
    with Held(own.inside) as held, ExitStack() as stack:
        leaving = [stack.enter_context(own.connect()) for _ in range(SHARE)]
        for connection, sent in zip(leaving, explained, strict=False):
            connection.sendall(sent)
        until(lambda: sum(peer.awaited is not None for peer in own.peers()) == SHARE, "all places to be taken")
        for connection in leaving:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
        until(lambda: own.connections() == 0, "the end of the connections that left")
        staying = [stack.enter_context(own.connect()) for _ in range(SHARE - 1)]  # one place is still computed for
        for connection, sent in zip(staying, explained[SHARE:], strict=False):
            connection.sendall(sent)
        until(lambda: sum(peer.awaited is not None for peer in own.peers()) == SHARE - 1, "the others to wait")
        held.may_go_on.set()
        assert [statuses(replies_in(read_to_the_end(connection))) for connection in staying] == [[200]] * (SHARE - 1)
    assert own.inside.stored() == SHARE - 1
    (metrics,) = own.exchange(get("/metrics", connection="close"))
    assert f'status="499"}} {SHARE}.0'.encode() in metrics.body


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "before it is computed"])
def test_a_client_that_sends_nothing_more_is_answered_and_then_its_connection_closes(
    own: Served, bodies, labels, waits
):
    gate = put_gate(own.inside)
    with own.connect() as connection:
        connection.sendall(post(bodies[0]) + get("/health") + post(bodies[1]))
        if waits:
            assert gate.entered.wait(10)
        connection.shutdown(socket.SHUT_WR)
        gate.may_go_on.set()
        first, health, second = replies_in(read_to_the_end(connection))
    assert [first.json["prediction"], second.json["prediction"]] == labels[:2]
    assert health.status == 200
    until(lambda: own.connections() == 0, "the end of the connection")


def test_a_client_that_sends_half_a_request_and_nothing_more_gets_no_answer(served: Served, bodies):
    for sent in (b"", b"GET /hea", post(bodies[0])[:-50], chunked(b"5\r\nab")):
        with served.connect() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert read_to_the_end(connection) == b""
    until(lambda: served.connections() == 0, "the end of all connections")


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(served: Served, bodies):
    stored = served.inside.stored()
    for _ in range(20):
        with served.connect() as connection:
            connection.sendall(post(bodies[0])[:-50])
    until(lambda: served.connections() == 0, "the end of all connections")
    assert statuses(served.exchange(LAST)) == [200]
    assert served.inside.stored() == stored
