"""The real service in a process of its own: `pixelwise serve` in a copy of the product, on a free port.

Fixtures: `start_service` (a function; everything it starts is ended with the test), `service` (one for a whole module).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.installation import GIT

KEY = "a-key-that-is-long-enough-for-tests"
LIMITS = {"LIMIT_PER_KEY": "1000000/second", "LIMIT_PER_ADDRESS": "1000000/second"}
START_SECONDS = 60


class Service:
    """A running service.

    Attributes:
        root: its installation; the database is `root/data/pixelwise.db` unless DATABASE_URL says otherwise.
        url: such as "http://127.0.0.1:41234".
        process: the parent process.
    """

    def __init__(self, root: Path, environ: dict[str, str], *, log: Path | None = None) -> None:
        self.root = root
        self.environ = {
            **{"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(root), "PORT": "0"},
            **{"SECRET_API_KEY": KEY, **GIT, **LIMITS, **environ},
        }
        self.log = log or root / "service.log"
        self.url = ""
        self.start()

    def start(self) -> None:
        """Starts it (again), on a free port unless PORT is set, and returns when it answers."""
        with self.log.open("ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-c", "import app.cli; app.cli.main()", "serve"],
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            said = self.log.read_bytes()[begin:].decode()
            if found := re.search(r"answers at (http://\S+)", said):
                self.url = found[1]
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"the service did not start:\n{self.log.read_text()}")

    @property
    def worker(self) -> int:
        """The process id of the (newest) worker."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[-1])

    def kill(self) -> None:
        """SIGKILL for the parent and its workers, at once."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (*map(int, children), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)

    def client(self, *, key: str | None = KEY) -> httpx.Client:
        """An HTTP client with the key (None: without one)."""
        return httpx.Client(base_url=self.url, headers={"x-api-key": key} if key else {}, timeout=30, trust_env=False)


StartService = Callable[..., Service]


@contextmanager
def services(compiled: Path, folder: Path) -> Iterator[StartService]:
    """A function that starts services, each in an installation of its own, with settings in its environment and in its
    `.env`; all are ended at the end."""
    started: list[Service] = []

    def start(env_file: str | None = None, **environ: str) -> Service:
        root = folder / f"installation-{len(started)}"
        shutil.copytree(compiled, root, symlinks=True)
        if "DATABASE_URL" not in environ and not (root / "data").exists():
            _copy_tables(root)
        if env_file is not None:
            (root / ".env").write_text(env_file)
        started.append(Service(root, environ))
        return started[-1]

    try:
        yield start
    finally:
        for service in started:
            service.stop()


def _copy_tables(root: Path) -> None:
    """Gives an installation the empty database that its first start would make, which takes a third of a start."""
    (root / "data").mkdir(mode=0o700)
    file = root / "data/pixelwise.db"
    file.touch(mode=0o600)
    file.write_bytes(_tables())


@cache
def _tables() -> bytes:
    """A database without rows."""
    with TemporaryDirectory() as folder:
        database = Database("sqlite:///pixelwise.db", root=Path(folder))
        upgrade(database)
        database.close()
        assert [file.name for file in Path(folder).iterdir()] == ["pixelwise.db"]
        return Path(folder, "pixelwise.db").read_bytes()


@pytest.fixture
def start_service(compiled: Path, tmp_path: Path) -> Iterator[StartService]:
    """Starts services with the settings that it is given, such as `start_service(DATABASE_URL=…)`."""
    with services(compiled, tmp_path) as start:
        yield start


@pytest.fixture
def start_service_of_three(compiled_with_three: Path, tmp_path: Path) -> Iterator[StartService]:
    """The same, where v1.0, v1.1 and v2.0 are in place."""
    with services(compiled_with_three, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def service(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of a module."""
    with services(compiled, tmp_path_factory.mktemp("service")) as start:
        yield start()


def as_json(image: NDArray[np.uint8]) -> dict[str, list[list[int]]]:
    """The body of POST /classify for one (28, 28) image."""
    return {"pixels": image.tolist()}
