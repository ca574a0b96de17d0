"""A redis server of the tests' own, on a free port of the loopback interface, which keeps nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

PATIENCE_SECONDS = 30
PASSWORD = "a-password-that-nobody-may-see"


class Redis:
    """One server. After `stop`, `start` begins a new one on the same port.

    Attributes:
        url: LIMITS_URL for it, with its password.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Returns when it takes connections."""
        options = {
            "port": str(self._port),
            "bind": "127.0.0.1",
            "requirepass": PASSWORD,
            "save": "",
            "appendonly": "no",
        }
        command = ["redis-server", "--dir", self._folder]
        command += [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < end and self._process.poll() is None, "redis does not start"
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A running server. Skips where there is none; fails instead with PIXELWISE_REDIS=required."""
    if shutil.which("redis-server") is None:
        reason = "no redis-server here (Debian: apt-get install redis-server)"
        if os.environ.get("PIXELWISE_REDIS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pixelwise-redis-") as folder:
        server = Redis(folder)
        server.start()
        yield server
        server.stop()
