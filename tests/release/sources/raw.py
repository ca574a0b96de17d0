"""A server on loopback that says any bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Says = Callable[[socket.socket, threading.Event], None]


class Raw:
    """A server that says any bytes: `says` is called with the connection, once a request came (or at once)."""

    def __init__(self) -> None:
        self.says: Says = lambda connection, stop: None
        self.heard: list[bytes] = []
        self.at_once = False
        self.stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._run)]
        self._threads[0].start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._talk, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if not self.at_once:
                heard = b""
                while b"\r\n\r\n" not in heard and (piece := connection.recv(1 << 16)):
                    heard += piece
                self.heard.append(heard)
            self.says(connection, self.stop)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            while connection.recv(1 << 16):
                pass

    def close(self) -> None:
        self.stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
