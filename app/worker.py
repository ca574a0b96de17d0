"""The process that answers: uvicorn on a socket that its parent opened (`app/serving.py` starts it)."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
from typing import Any

import uvicorn

from app.errors import PixelWiseError
from app.web.connections import MAX_CONNECTIONS, BoundedConnection
from app.web.gate import Gate

_log = logging.getLogger("pixelwise.web")
STOP_SECONDS = 25
"""For answering what was accepted; the parent waits a little longer."""


OTHER_FILES = 128
"""Which the process has open beside its connections."""


def run(listener: socket.socket, parent: socket.socket) -> None:
    """Answers on `listener` until SIGTERM, or until the other end of `parent` is closed."""
    _raise_file_limit()
    from app.main import app

    server = _Server(configuration(app, timeout_graceful_shutdown=STOP_SECONDS), parent)
    # What was made until here stays: the collector need not look at it again and again under load.
    gc.collect()
    gc.freeze()
    # uvicorn raises the signal again when it is done; the process then ends as any other, its last lines written.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.run(sockets=[listener])


def _raise_file_limit() -> None:
    """As far as this user may: beyond it, whoever connects is kept waiting without a word."""
    wanted = MAX_CONNECTIONS + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft != resource.RLIM_INFINITY and soft < wanted:
        _log.warning("the limit of open files is %d: raise it to %d for %d connections", soft, wanted, MAX_CONNECTIONS)


def configuration(app: Gate, **options: Any) -> uvicorn.Config:
    """How uvicorn serves `app`, with further options of its own."""
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        **options,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, parent: socket.socket) -> None:
        super().__init__(config)
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._parent.setblocking(False)
            asyncio.get_running_loop().add_reader(self._parent, self._parent_is_gone)
            self._parent.send(b"1")

    def _parent_is_gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._parent)
        self.should_exit = True


if __name__ == "__main__":
    try:
        run(*(socket.socket(fileno=int(number)) for number in sys.argv[1:3]))
    except PixelWiseError as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(refusal.exit_code)
