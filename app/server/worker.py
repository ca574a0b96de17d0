"""The process that answers: uvicorn on a socket that its parent opened (`app/server/supervisor.py` starts it)."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import uvicorn
import uvloop

from app.errors import PixelWiseError
from app.server.accepting import SharedAccepting
from app.server.connection import MAX_CONNECTIONS, MAX_REFUSED, BoundedConnection
from app.server.connection_sweep import open_connections
from app.server.place import Place, place_taken, take_place

_log = logging.getLogger("pixelwise.web")
STOP_SECONDS = 25
"""Time to answer all accepted requests; the parent waits a little longer."""
LINGER_SECONDS = 1.0
"""Longest time for which a worker that ends goes on answering the clients that are connected."""
LOOK_SECONDS = 0.01
"""Interval at which the worker checks whether the server has started, and whether its last client has gone."""
OTHER_FILES = 512
"""Files that the process has open beside its connections, and connections that it has not accepted yet."""
A_DAY = 24 * 3600


class Application(Protocol):
    """The ASGI application that the worker serves.

    Attributes:
        is_ending: set when the process is told to end: each answer then says that its connection closes.
        started_at: as its GET /health says it.
    """

    is_ending: bool
    started_at: datetime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def run(listener: socket.socket, parent: socket.socket) -> None:
    """Answers on `listener` until SIGTERM, or until the other end of `parent` is closed."""
    _raise_file_limit()
    from app.main import app

    server = uvicorn.Server(configuration(app, timeout_graceful_shutdown=STOP_SECONDS))
    # Objects made so far stay: the collector need not scan them again and again under load.
    gc.collect()
    gc.freeze()
    # uvicorn raises a signal that came before its start again; the process should then end as usual.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(server, app, listener, parent))


async def _answer(server: uvicorn.Server, app: Application, listener: socket.socket, parent: socket.socket) -> None:
    """Runs the server; tells the parent when it answers, and ends it gently.

    While it ends, each answer says for LINGER_SECONDS that its connection closes: a client that calls just then is
    answered, and connects to another worker afterwards. Without any client it ends at once.
    """
    place = place_taken()
    serving = asyncio.create_task(server.serve(sockets=[listener] if place.of == 1 else []))
    while not (server.started or serving.done()):
        await asyncio.sleep(LOOK_SECONDS)
    if server.started:
        told_to_end, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_end.set)
        accepting = None if place.of == 1 else SharedAccepting(listener, place, lambda: _protocol(server, loop))
        parent.setblocking(False)
        loop.add_reader(parent, told_to_end.set)
        parent.send(msgspec.json.encode(app.started_at))
        ended = asyncio.create_task(told_to_end.wait())
        await asyncio.wait([ended, serving], return_when=asyncio.FIRST_COMPLETED)
        loop.remove_reader(parent)
        app.is_ending = True
        if accepting is not None:
            accepting.close()
        for own in server.servers:
            own.close()
        deadline = loop.time() + LINGER_SECONDS
        await asyncio.sleep(LOOK_SECONDS)  # connections that were accepted last are known then
        while not serving.done() and open_connections.get(loop) and loop.time() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
        server.should_exit = True
    await serving


def _protocol(server: uvicorn.Server, loop: asyncio.AbstractEventLoop) -> asyncio.Protocol:
    """The protocol of a connection, as uvicorn itself makes it."""
    return BoundedConnection(server.config, server.server_state, server.lifespan.state, loop)


def _raise_file_limit() -> None:
    """Raises the limit as far as this user may: beyond it, clients that connect wait without any answer."""
    wanted = MAX_CONNECTIONS + MAX_REFUSED + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft != resource.RLIM_INFINITY and soft < wanted:
        _log.warning("the limit of open files is %d: raise it to %d for %d connections", soft, wanted, MAX_CONNECTIONS)


def configuration(app: Application, **options: Any) -> uvicorn.Config:
    """Configures uvicorn for `app`, with further options of its own."""
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=A_DAY,  # `BoundedConnection` decides what is idle
        **options,
    )


if __name__ == "__main__":
    try:
        if sys.argv[3:]:
            take_place(Place(int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])))
        run(*(socket.socket(fileno=int(number)) for number in sys.argv[1:3]))
    except PixelWiseError as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(refusal.exit_code)
