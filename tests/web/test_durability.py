"""Every answer that a client received is in the database, exactly once, whatever happened to the service meanwhile.

PIXELWISE_KILLS says how often the service is killed (`make soak` does it more often).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.postgresql import Server, postgresql
from tests.service import Service, StartService
from tests.web.load import Load, bodies_of, post, until

pytestmark = pytest.mark.long

__all__ = ["postgresql"]

KILLS = int(os.environ.get("PIXELWISE_KILLS", "3"))
CLIENTS = 16


@pytest.fixture(scope="module")
def bodies(published) -> list[bytes]:
    return bodies_of(published("v1.0").golden.images[:100])


@pytest.fixture(scope="module")
def labels(published) -> list[str]:
    """The recorded prediction for each of `bodies`."""
    return [str(row.argmax() + 1) for row in published("v1.0").golden.scores[:100]]


Rows = list[tuple[UUID, str]]
"""The id and the prediction of each result."""


def rows_in(file: Path) -> Rows:
    """What SQLite's file holds, read by another program than the service."""
    with closing(sqlite3.connect(file)) as connection:
        return [(UUID(text), label) for text, label in connection.execute("SELECT id, prediction FROM results")]


def rows_on(server: Server, database: str) -> Rows:
    with psycopg.connect(server.address(database)) as connection:
        return connection.execute("SELECT id, prediction FROM results").fetchall()


def assert_nothing_is_lost(loads: list[Load], rows: Rows, labels: list[str], *, unanswered: int) -> None:
    """Each answer is right and stored once; beside them there is at most what lost its client before the answer.

    Args:
        unanswered: so many requests had no answer, or one that says that the outcome is unknown.
    """
    received = []
    for load in loads:
        for number, reply in load.replies:
            if reply.status == 200:
                assert reply.json["prediction"] == labels[number]
                received.append((UUID(reply.json["id"]), labels[number]))
    assert len(received) == len(set(received)) > 0
    assert len(rows) == len(set(rows))
    assert set(received) <= set(rows), f"{len(set(received) - set(rows))} of {len(received)} answers are lost"
    assert len(rows) - len(received) <= unanswered


def test_what_a_client_received_is_there_after_kill_9(start_service: StartService, bodies, labels):
    service = start_service()
    loads, seed = [], random.Random(9)
    for _ in range(KILLS):
        with Load(service.url, bodies, clients=CLIENTS) as load:
            load.wait_for(seed.randint(50, 500))
            service.kill()
        assert load.statuses() == {200}
        loads.append(load)
        service.start()
    assert_nothing_is_lost(loads, rows_in(database_of(service)), labels, unanswered=KILLS * CLIENTS)


def database_of(service: Service) -> Path:
    return service.root / "data" / "pixelwise.db"


# -- a kill leaves the pages with the kernel; that the disk has them, only the system calls show ------------------

REQUEST = re.compile(r'(?:read|recvfrom|recvmsg)\((\d+)<.*"POST /classify')
RESPONSE = re.compile(r'(?:write|sendto|sendmsg|writev)\((\d+)<.*"HTTP/1\.1 200')
SYNC = re.compile(r"f(?:data)?sync\(\d+<[^>]*pixelwise\.db-wal>.*= 0$")


@contextmanager
def system_calls(pid: int, file: Path) -> Iterator[None]:
    """Within, what the process reads, writes and syncs is noted in `file`, in the order it happened."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here (Debian: apt-get install strace)")
    calls = "trace=fsync,fdatasync,read,recvfrom,recvmsg,write,sendto,sendmsg,writev"
    command = ["strace", "-f", "-y", "-s", "32", "-e", calls, "-o", str(file), "-p", str(pid)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.readline()
    if "attached" not in said:
        process.wait(10)
        pytest.skip(f"strace may not look at a process here: {said.strip()}")
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


class Call(NamedTuple):
    """One system call: the lines of the journal on which it began and ended, and its text."""

    begin: int
    end: int
    text: str


def calls_in(journal: str) -> Iterator[Call]:
    """All calls, by their ends. A call during which another thread made one takes two lines."""
    begun: dict[str, tuple[int, str]] = {}
    for place, line in enumerate(journal.splitlines()):
        thread, text = line.split(maxsplit=1)
        if text.endswith("<unfinished ...>"):
            begun[thread] = place, text.removesuffix("<unfinished ...>")
        elif text.startswith("<... ") and thread in begun:
            begin, start = begun.pop(thread)
            yield Call(begin, place, start + text.partition("resumed>")[2])
        else:
            yield Call(place, place, text)


class Journal:
    """Of each answer, when its request had arrived and when it was sent; and when each sync began and ended."""

    def __init__(self, text: str) -> None:
        self.answers: list[tuple[int, int]] = []
        self.syncs: list[tuple[int, int]] = []
        arrived: dict[str, int] = {}
        for call in calls_in(text):
            if found := REQUEST.match(call.text):
                arrived[found[1]] = call.end
            elif found := RESPONSE.match(call.text):
                self.answers.append((arrived.pop(found[1]), call.begin))
            elif SYNC.match(call.text):
                self.syncs.append((call.begin, call.end))

    def unsynced(self) -> list[tuple[int, int]]:
        """Answers that were sent without a whole sync after their request's arrival."""
        return [
            (arrived, sent)
            for arrived, sent in self.answers
            if not any(arrived < begin and end < sent for begin, end in self.syncs)
        ]


def batches(service: Service) -> int:
    with service.client() as client:
        said = client.get("/metrics").text
    return int(sum(float(number) for number in re.findall(r"^pixelwise_batches_total\{.*\} (\S+)$", said, re.M)))


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_the_disk_is_synced_between_each_request_and_its_answer(
    start_service: StartService, bodies, tmp_path: Path, clients: int
):
    service = start_service(LOG_LEVEL="warning")
    before = batches(service)
    with system_calls(service.worker, tmp_path / "calls"), Load(service.url, bodies, clients=clients) as load:
        load.wait_for(150)
    run = batches(service) - before
    journal = Journal((tmp_path / "calls").read_text())
    assert len(journal.answers) == len(load.answers) >= 150
    assert journal.unsynced() == []
    assert len(journal.syncs) >= run > 0
    if clients > 1:
        assert run < len(load.answers), "answers do share their syncs"


# -- a database that goes away and comes back ----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_database_that_goes_away_is_said_at_once_and_loses_nothing(
    start_service: StartService, postgresql: Server, bodies, labels, how: str
):
    postgresql.execute(f"CREATE DATABASE durable_{how}")
    address = postgresql.address(f"durable_{how}")
    database = Database(address, root=Path.cwd())
    upgrade(database)
    database.close()
    service = start_service(DATABASE_URL=address)
    loads = []
    for _ in range(max(1, KILLS // 3)):
        with Load(service.url, bodies, clients=CLIENTS) as load, service.client() as client:
            load.wait_for(200)
            try:
                getattr(postgresql, how)()
                load.wait_for(3 * CLIENTS)
                assert_refused_before_the_body_is_read(service)
                readiness = client.get("/ready")
                assert readiness.status_code == 503
                assert f"durable_{how}" not in readiness.text
                assert "no answer" in readiness.json()["checks"]["database"]
                assert client.get("/health").status_code == 200
            finally:
                postgresql.start()
            answered = len(load.answers)
            while len(load.answers) < answered + 200:
                load.wait_for(50)
        assert load.broken == []
        assert load.statuses() == {200, 503}
        assert all("retry-after" in reply.headers for _, reply in load.replies if reply.status == 503)
        assert {reply.json["error"] for _, reply in load.replies if reply.status == 503} == {"database-unavailable"}
        loads.append(load)
    # A commit whose outcome the server could not tell any more is refused, and may be stored all the same.
    assert_nothing_is_lost(loads, rows_on(postgresql, f"durable_{how}"), labels, unanswered=CLIENTS * len(loads))


def test_a_silent_database_holds_up_nobody_who_needs_none_and_no_end(
    start_service: StartService, postgresql: Server, bodies
):
    postgresql.execute("CREATE DATABASE silent")
    address = postgresql.address("silent")
    database = Database(address, root=Path.cwd())
    upgrade(database)
    database.close()
    service = start_service(DATABASE_URL=address)
    with service.client() as client:
        assert client.post("/classify", content=bodies[0]).status_code == 200
        with postgresql.silent():
            refused = client.post("/classify", content=bodies[0])
            assert (refused.status_code, refused.json()["error"]) == (503, "database-unavailable")
            assert_refused_before_the_body_is_read(service)
            preview = client.post("/drawings/preview", json={"strokes": [[[9, 9], [9, 250]]]})
            assert preview.status_code == 200
            readiness = client.get("/ready")
            assert readiness.status_code == 503
            assert readiness.json()["checks"]["model v1.0"] == "ok"
        until(lambda: client.get("/ready").status_code == 200, "the return of the database")
        assert client.post("/classify", content=bodies[0]).status_code == 200
    with postgresql.silent():
        assert service.stop() == 0


def assert_refused_before_the_body_is_read(service: Service) -> None:
    """That is at once: nothing was tried for this request, and nothing of it waited for."""
    parts = urlsplit(service.url)
    request = post(b"x" * 1000)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall(request[:-1000])
        assert connection.recv(4096).startswith(b"HTTP/1.1 503 ")


def test_a_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_room(
    start_service: StartService, bodies, labels, tmp_path: Path
):
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk):
        service = start_service(DATABASE_URL=f"sqlite:///{disk}/pixelwise.db")
        with Load(service.url, bodies, clients=CLIENTS) as load:
            while load.statuses() != {200, 503}:
                load.wait_for(100)
            load.wait_for(100)
            with service.client() as client:
                refused = client.post("/classify", content=bodies[0])
                assert refused.status_code == 503
                assert "full" in refused.json()["message"] and "retry-after" in refused.headers
                # What is left may hold a small write for a while, such as that of the readiness check: it fills up.
                until(lambda: "full" in client.get("/ready").json()["checks"]["database"], "a disk that is full")
            full = len(load.answers)
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            while len(load.answers) < full + 200:
                load.wait_for(50)
        assert load.broken == []
        assert service.stop() == 0
        assert_nothing_is_lost([load], rows_in(disk / "pixelwise.db"), labels, unanswered=0)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 6 MiB at `folder`."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
