"""Clients that send many requests at once: they are answered some, and cost nobody else time or memory."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

from tests.web.load import get, post
from tests.web.served import Served, bodies, labels, read_to_the_end, replies_in, served, statuses

__all__ = ["bodies", "labels", "served"]


def test_who_sends_thousands_of_requests_at_once_is_answered_all_in_their_order(served: Served, bodies, labels):
    with served.connect() as connection:
        sent = (post(bodies[0]) + get("/health")) * 1000 + get("/ready", connection="close")
        sender = threading.Thread(target=_send_all, args=(connection, sent))
        sender.start()
        replies = replies_in(read_to_the_end(connection))
        sender.join(20)
    assert statuses(replies) == [200] * 2001
    assert [reply.json.get("prediction") for reply in replies[:-1]] == [labels[0], None] * 1000


def test_many_who_send_thousands_of_requests_at_once_keep_nobody_waiting(served: Served, bodies, labels):
    """Whoever asks meanwhile is answered before they are; what they sent takes no memory."""
    flood = get("/ready") + b"GET / HTTP/1.1\r\nHost:1\r\n\r\n" * 9000
    before = resident_mib()
    with contextlib.ExitStack() as stack:
        attackers = [stack.enter_context(served.connect()) for _ in range(20)]
        senders = [threading.Thread(target=_send_all, args=(one, flood)) for one in attackers]
        for sender in senders:
            sender.start()
        with served.connect() as other:
            other.sendall(post(bodies[0], connection="close"))
            (answer,) = replies_in(read_to_the_end(other))
        assert answer.json["prediction"] == labels[0]
        assert resident_mib() - before < 60
        for one in attackers:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # ends the sender, whatever the server does
        for sender in senders:
            sender.join(20)


def resident_mib() -> float:
    """Of this process, in which the server is too."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _send_all(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(data)
