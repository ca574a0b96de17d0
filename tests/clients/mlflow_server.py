"""A real `mlflow server` on loopback, and its own client in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180
"""A first start makes the tables of its database: half a minute on a busy machine."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        programs: the folder with the programs of MLflow's environment.
        folder: its database, and its artifacts in `artifacts/`.
        url: such as "http://127.0.0.1:41234".
    """

    programs: Path
    folder: Path
    url: str

    def address(self, name: str) -> str:
        return f"mlflow+{self.url}/{name}"

    def client(self, script: str, **environ: str) -> str:
        """What a script with MLflow's own client prints."""
        home = {**quiet(self.folder), "MLFLOW_TRACKING_URI": self.url, **environ}
        command = [self.programs / "python", "-c", script]
        ran = subprocess.run(command, cwd=self.folder, env=home, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=60) as answer:
            return bytes(answer.read())

    def put(self, path: str, data: bytes) -> None:
        """Overwrites an artifact by the server's own interface."""
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data, method="PUT"), timeout=60) as answer:
            assert answer.status == 200


def quiet(folder: Path) -> dict[str, str]:
    """The environment of MLflow's programs, which would tell their maker of each start and run."""
    off = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), **off}


@contextmanager
def serving(programs: Path, folder: Path) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(programs, folder, f"http://127.0.0.1:{port}")
    stored = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"]
    command = [programs / "mlflow", "server", *stored, "--serve-artifacts", "--workers", "1"]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=quiet(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(server, process, log)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # its workers too
        process.wait(60)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.get("health")
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"mlflow server did not start:\n{log.read_text()}")
