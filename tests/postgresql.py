"""A PostgreSQL server of the tests' own: made in a temporary folder, on a free port of the loopback interface."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "postgres"
PATIENCE_SECONDS = 30


class Server:
    """One server and its folder; `start` after `stop` or `kill` goes on with the same port and the same data.

    Attributes:
        programs: the folder of PostgreSQL's programs.
        port: its port.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self._folder = programs, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        """Returns when the server takes connections."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "timezone": "Asia/Kathmandu",  # far from UTC, and off by a quarter of an hour
        }
        command = [*self._as_nobody_special(), str(self.programs / "postgres"), "-D", str(self._folder / "data")]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            # A process of ours, not a daemon: it is ended by its own id.
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, cwd=self._folder)
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._takes_connections():
            if time.monotonic() > end or self._process.poll() is not None:
                pytest.fail(f"PostgreSQL does not start:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """A fast shutdown: connections are ended, data is kept."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """The end of the machine, as far as a process can have it: nothing is written any more."""
        self._end(signal.SIGQUIT)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Within, it takes connections and statements, and says nothing."""
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        every = [parent, *map(int, children)]
        try:
            for pid in every:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in every:
                os.kill(pid, signal.SIGCONT)

    def runs(self) -> bool:
        """Whether it was started and not ended since."""
        return self._process is not None

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement of SQL."""
        import psycopg

        with psycopg.connect(self.address(database, driver=""), autocommit=True) as connection:
            connection.execute(statement.encode())

    def address(self, database: str, driver: str = "") -> str:
        """DATABASE_URL of one of its databases."""
        return f"postgresql{driver}://{USER}:not-asked-for@127.0.0.1:{self.port}/{database}"

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            # The process of ours is PostgreSQL itself (setpriv replaces itself by it).
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def _takes_connections(self) -> bool:
        command = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_nobody_special(), str(self.programs / program), "-D", str(self._folder / "data")]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, cwd=self._folder)
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _as_nobody_special() -> list[str]:
        """PostgreSQL refuses to run as root."""
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"] if os.geteuid() == 0 else []


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server. Skips where there is none; fails instead with PIXELWISE_POSTGRESQL=required."""
    programs = _find_programs()
    if programs is None:
        reason = "no PostgreSQL server here (Debian: apt-get install postgresql)"
        if os.environ.get("PIXELWISE_POSTGRESQL") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pixelwise-postgresql-") as folder:
        if os.geteuid() == 0:
            account = pwd.getpwnam(USER)
            os.chown(folder, account.pw_uid, account.pw_gid)
        server = Server(programs, Path(folder))
        server.start()
        yield server
        server.stop()


def _find_programs() -> Path | None:
    """The newest folder with the server's programs: Debian keeps them out of PATH."""
    candidates = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)
