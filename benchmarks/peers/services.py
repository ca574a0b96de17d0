"""The services measured: how each is started and stopped, its requests, and its answers."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from load import Drawing, Target, run_closed

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RELEASES = ROOT / "pixelwise-model" / "releases.git"
LABELS = "123456789"
"""The labels of v1.0, the version that all of them serve."""
KEY = secrets.token_urlsafe(32)
START_SECONDS = 120
STOP_SECONDS = 30

Scores = list[float]


@dataclass(frozen=True)
class Service:
    """One contender.

    Args:
        environment: the folder of its virtual environment, below the root
        package: the one that serves; with `requirements`, what that environment holds: None where it is the product's
        command: what follows that environment's Python, but the port
        body: of one drawing
        scores: of one answer, in the order of LABELS
    """

    name: str
    environment: str
    package: str | None
    requirements: str | None
    command: Sequence[str]
    path: str
    body: Callable[[Drawing], Any]
    scores: Callable[[Any], Scores]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str | None:
        """The pinned version of the package."""
        if self.requirements is None:
            return None
        pin = re.search(rf"^{self.package}==(\S+)", (ROOT / self.requirements).read_text(), re.MULTILINE)
        return pin and pin[1]

    def target(self, port: int, drawings: Sequence[Drawing]) -> Target:
        bodies = [json.dumps(self.body(drawing), separators=(",", ":")).encode() for drawing in drawings]
        return Target(f"http://127.0.0.1:{port}{self.path}", bodies, self.headers)


def pixels(drawing: Drawing) -> dict[str, Drawing]:
    return {"pixels": drawing}


def named_scores(answer: dict[str, Any]) -> Scores:
    return [answer["scores"][label] for label in LABELS]


def flat_in_a_batch(drawing: Drawing) -> dict[str, list[list[int]]]:
    return {"images": [[grey for row in drawing for grey in row]]}


def tensor_of_ink(drawing: Drawing) -> dict[str, Any]:
    """For MLServer's own runtime, which has no place for the threshold: less to send and to read, to its advantage."""
    ink = [int(grey > 128) for row in drawing for grey in row]
    tensor = {"name": "images", "shape": [1, 784], "datatype": "UINT8", "data": ink}
    return {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}


def peer(name: str, file: str, path: str, body: Callable[[Drawing], Any], scores: Callable[[Any], Scores]) -> Service:
    folder = "benchmarks/peers"
    command = [str(HERE / f"serve_{file}.py")]
    requirements = f"{folder}/requirements-{file}.txt"
    return Service(name, f"{folder}/.venv-{file}", file, requirements, command, path, body, scores)


OURS = Service(
    name="PixelWise",
    environment=".venv",
    package=None,
    requirements=None,
    command=[str(HERE / "serve_pixelwise.py")],
    path="/classify",
    body=pixels,
    scores=named_scores,
    headers={"X-API-Key": KEY},
)
PLAIN = Service(
    name="FastAPI, def",
    environment="benchmarks/.venv",
    package="fastapi",
    requirements="benchmarks/requirements.txt",
    command=[str(HERE / "plain.py")],
    path="/classify",
    body=pixels,
    scores=named_scores,
)
PLAIN_ASYNC = replace(PLAIN, name="FastAPI, async def", path="/classify-on-the-loop")
PEERS = (
    peer("BentoML", "bentoml", "/classify", flat_in_a_batch, lambda answer: answer[0]),
    peer("MLServer", "mlserver", "/v2/models/digits/infer", tensor_of_ink, lambda answer: answer["outputs"][0]["data"]),
    peer("LitServe", "litserve", "/predict", pixels, named_scores),
    peer("Ray Serve", "ray", "/", pixels, named_scores),
)


TWO = replace(OURS, name="PixelWise, two versions", command=[*OURS.command, "v1.0,v2.0"])
"""v1.0 answers, v2.0 reads along."""


def bare(answer_bytes: int) -> Service:
    """Starlette alone, in the product's environment: reads a body, and answers so many bytes."""
    command = [str(HERE / "bare.py"), str(answer_bytes)]
    return replace(OURS, name="bare Starlette", command=command, path="/", scores=lambda _: [], headers={})


class Started(NamedTuple):
    """A service that answers, the process that its others descend from, and the folder where it writes."""

    target: Target
    process: int
    folder: Path


@contextmanager
def running(service: Service, drawings: Sequence[Drawing]) -> Iterator[Started]:
    """The service, started on a free port in a folder of its own and answering; stopped with all its processes."""
    with tempfile.TemporaryDirectory(prefix="peer-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        command = [str(ROOT / service.environment / "bin" / "python"), *service.command, str(port)]
        with (Path(folder) / "log").open("w+") as log:
            process = subprocess.Popen(
                command, env=environ(Path(folder)), stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
            try:
                target = service.target(port, drawings)
                wait_for(target, process, Path(folder) / "log", service.name)
                yield Started(target, process.pid, Path(folder))
            finally:
                stop(process)


def environ(folder: Path) -> dict[str, str]:
    """The same for all: this machine's environment, the artefact, and a folder for what is written."""
    artefact = folder / "digit_classifier_v1.pkl"
    show = ["git", "-C", str(RELEASES), "show", f"v1.0:{artefact.name}"]
    artefact.write_bytes(subprocess.run(show, check=True, capture_output=True).stdout)
    return {**os.environ, "ARTEFACT": str(artefact), "FOLDER": str(folder), "SECRET_API_KEY": KEY}


def wait_for(target: Target, process: subprocess.Popen[bytes], log: Path, name: str) -> None:
    """Returns at the first answer with status 200."""
    deadline = time.monotonic() + START_SECONDS
    while not run_closed(target, connections=1, seconds=1, warm_up=0, limit=1).statuses.get(200):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"peers: {name} did not come up; the end of its log:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the service to end, then kills the rest of its process group, which is ours."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"peers: process {process.pid} did not end by itself", file=sys.stderr)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
