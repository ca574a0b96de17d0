"""The socket at HOST and PORT: opened to serve, and by doctor to check that it can be opened."""

from __future__ import annotations

import socket

from app.server.refusals import CannotListen

BACKLOG = 2048
UNSENT_BYTES = 16 << 10
"""Bytes that the system buffers for a connection; it takes more only as the client reads, so a stalled one shows."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at this address; at :: for IPv4 as well as for IPv6.

    Raises:
        CannotListen: it is taken, or not ours.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        both = address[0] == "::"
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except UnicodeError:  # raised by getaddrinfo for a name with a part that is empty or too long
        raise CannotListen(host[:80], port, said="no name of a host") from None
    except ValueError:  # raised by create_server on a system without dual-stack sockets
        raise CannotListen(host, port, said="a system without IPv6, or without IPv4 beside it") from None
    except OSError as error:
        raise CannotListen(host, port, said=error.strerror or str(error)) from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listener
