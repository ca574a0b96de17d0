"""Starting, ending and changing the running service.

PIXELWISE_KILLS says how often a new worker takes over under load (`make soak` does it more often).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.installation import REPOSITORY, ROOT, Installation, copy_of
from tests.service import KEY, Service, StartService, services
from tests.web.load import Load, bodies_of, post, until

pytestmark = pytest.mark.long

RELOADS = int(os.environ.get("PIXELWISE_KILLS", "3"))


@pytest.fixture(scope="module")
def bodies(published) -> list[bytes]:
    return bodies_of(published("v1.0").golden.images[:100])


def reload(service: Service, *, says: str) -> None:
    """SIGHUP, and returns when the log says what came of it."""
    begin = service.log.stat().st_size
    service.process.send_signal(signal.SIGHUP)
    until(lambda: says in service.log.read_bytes()[begin:].decode(), f"{says!r} in the log")


BEGUN = "Starting a new worker."
TAKEN_UP = "The new worker answers."
KEPT = "The old worker goes on."


def ended(pid: int) -> bool:
    """Whether this process is gone, or waits only for somebody to read its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def version_now(service: Service) -> str:
    with service.client() as client:
        return client.get("/health").json()["model_version"]


def stored_versions(service: Service) -> dict[UUID, str]:
    with closing(sqlite3.connect(service.root / "data" / "pixelwise.db")) as connection:
        return {UUID(text): version for text, version in connection.execute("SELECT id, model_version FROM results")}


@contextmanager
def connection_to(service: Service) -> Iterator[socket.socket]:
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        yield connection


def read_to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


# -- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_answers_everything_accepted_first(start_service: StartService, bodies, how: signal.Signals):
    service = start_service()
    worker = service.worker
    with Load(service.url, bodies, clients=32, reconnect=False) as load:
        load.wait_for(300)
        service.process.send_signal(how)
        assert service.process.wait(60) == 0
    assert ended(worker)
    assert load.broken == []
    assert load.statuses() == {200}
    assert sum("connection" in reply.headers for _, reply in load.replies) == 32, "each client was told once"
    assert {UUID(answer["id"]) for answer in load.answers} == set(stored_versions(service))
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    logged = [line["request_id"] for line in lines if line["source"] == "request"]
    assert sorted(logged) == sorted(reply.headers["x-request-id"] for _, reply in load.replies)


def test_a_clean_end_leaves_every_answer_in_the_one_file_of_the_database(start_service: StartService, bodies):
    service = start_service()
    with Load(service.url, bodies, clients=4) as load:
        load.wait_for(20)
        reload(service, says=TAKEN_UP)
        load.wait_for(40)
    assert service.stop() == 0
    assert [path.name for path in (service.root / "data").glob("pixelwise.db*")] == ["pixelwise.db"]
    assert {UUID(answer["id"]) for answer in load.answers} <= set(stored_versions(service))


def test_a_request_that_is_half_sent_when_the_end_comes_is_answered(start_service: StartService, bodies):
    service = start_service()
    request = post(bodies[0])
    with connection_to(service) as connection:
        connection.sendall(request[:-100])
        until(lambda: b"100" in ask_for_continue(service), "the worker's answer")  # so it has read ours too
        service.process.terminate()
        until(lambda: refuses(service), "the end of listening")
        connection.sendall(request[-100:])
        said = read_to_the_end(connection)
    assert said.startswith(b"HTTP/1.1 200 ") and b"connection: close" in said
    assert service.process.wait(60) == 0


def ask_for_continue(service: Service) -> bytes:
    with connection_to(service) as connection:
        connection.sendall(post(b"{}", expect="100-continue")[:-2])
        return connection.recv(4096)


def refuses(service: Service) -> bool:
    try:
        with connection_to(service):
            return False
    except ConnectionRefusedError:
        return True


def test_a_client_that_asks_for_nothing_does_not_hold_the_end_up(start_service: StartService):
    service = start_service()
    with connection_to(service) as silent, connection_to(service) as idle:
        idle.sendall(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert service.stop() == 0
        assert silent.recv(1) == b""


def test_without_any_client_it_ends_at_once(compiled: Path, tmp_path: Path):
    """Where it would answer clients for ten minutes, the parent would kill it before that."""
    pattern = copy_of(compiled, tmp_path).root
    file = pattern / "app/server/worker.py"
    text = file.read_text(encoding="utf-8")
    assert text.count("LINGER_SECONDS = 1.0\n") == 1
    file.write_text(text.replace("LINGER_SECONDS = 1.0\n", "LINGER_SECONDS = 600.0\n"), encoding="utf-8")
    with services(pattern, tmp_path / "started") as start:
        service = start()
        with service.client() as client:
            client.get("/health").raise_for_status()
        assert service.stop() == 0
        assert "Finished server process" in service.log.read_text()


def test_a_worker_whose_parent_was_killed_ends_by_itself(start_service: StartService):
    service = start_service()
    worker = service.worker
    service.process.kill()
    service.process.wait()
    until(lambda: ended(worker), "the end of the worker")
    assert refuses(service)


def test_a_parent_whose_worker_was_killed_says_so_and_fails(start_service: StartService):
    service = start_service()
    os.kill(service.worker, signal.SIGKILL)
    assert service.process.wait(60) == 1
    assert "The worker ended by itself, exit code -9." in service.log.read_text()


def test_a_worker_that_is_told_to_end_does_so_in_good_order_and_the_parent_fails(start_service: StartService):
    service = start_service()
    os.kill(service.worker, signal.SIGTERM)
    assert service.process.wait(60) == 1
    assert "The worker ended by itself, exit code 0." in service.log.read_text()


@contextmanager
def starts_slowly(service: Service) -> Iterator[Path]:
    """Workers that start within wait for ever; the file is there when one does."""
    begun, main = service.root / "begun", service.root / "app" / "main.py"
    code = main.read_text()
    main.write_text(f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(1000)\n")
    yield begun
    main.write_text(code)


def test_told_to_end_while_a_new_worker_starts_it_does_not_wait_for_it(start_service: StartService):
    service = start_service()
    old = service.worker
    with starts_slowly(service) as begun:
        service.process.send_signal(signal.SIGHUP)
        until(begun.exists, "the start of a new worker")
        new = service.worker
        service.process.terminate()
        assert service.process.wait(30) == 0
    assert ended(old) and ended(new)


def test_it_starts_its_worker_from_its_own_folder_and_not_from_the_current_one(start_service: StartService):
    service = start_service()
    service.stop()
    elsewhere = service.root / "elsewhere"
    (elsewhere / "app").mkdir(parents=True)
    for name in ("__init__", "worker"):
        (elsewhere / "app" / f"{name}.py").write_text("raise SystemExit(9)")
    arguments = [sys.executable, "-P", "-c", "import app.cli; app.cli.main()", "serve"]
    with service.log.open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(arguments, cwd=elsewhere, env=service.environ, stdout=log, stderr=log)
    try:
        until(
            lambda: b"answers at" in service.log.read_bytes()[begin:] or process.poll() is not None,
            "the start or the end",
        )
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(60)


# -- another release, other settings -------------------------------------------------------------------------------


def test_a_new_worker_takes_over_without_a_failed_request(start_service: StartService, bodies):
    service = start_service()
    with Load(service.url, bodies, clients=32) as load:
        for _ in range(RELOADS):
            load.wait_for(200)
            old = service.worker
            reload(service, says=TAKEN_UP)
            assert service.worker != old
            until(lambda pid=old: ended(pid), "the end of the old worker")  # type: ignore[misc]  # bound now
        load.wait_for(200)
    assert load.broken == []
    assert load.statuses() == {200}
    assert {UUID(answer["id"]) for answer in load.answers} == set(stored_versions(service))


def test_a_pulled_release_is_taken_up_and_each_row_names_the_one_that_answered(start_service: StartService, bodies):
    service = start_service()
    with Load(service.url, bodies) as load:
        load.wait_for(200)
        (service.root / ".env").write_text(f"MODEL_REPO={ROOT / REPOSITORY}\nMODEL_VERSION=v2.0\n")
        done = Installation(service.root).pixelwise("pull")
        assert done.returncode == 0, done.stderr
        load.wait_for(50)
        assert {answer["model_version"] for answer in load.answers} == {"v1.0"}
        reload(service, says=TAKEN_UP)
        until(lambda: load.answers[-1]["model_version"] == "v2.0", "an answer of v2.0")
        load.wait_for(200)
    assert load.broken == []
    assert load.statuses() == {200}
    for answer in load.answers:
        assert ("0" in answer["scores"]) == (answer["model_version"] == "v2.0")
    assert {UUID(answer["id"]): answer["model_version"] for answer in load.answers} == stored_versions(service)


def test_a_release_that_does_not_verify_changes_nothing_until_it_is_repaired(start_service: StartService, bodies):
    service = start_service()
    worker = service.worker
    artefact = service.root / "models" / "v1.0" / "digit_classifier_v1.pkl"
    whole = artefact.read_bytes()
    with Load(service.url, bodies) as load:
        artefact.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
        reload(service, says=KEPT)
        assert "digit_classifier_v1.pkl" in service.log.read_text()
        load.wait_for(100)
        assert service.worker == worker

        artefact.write_bytes(whole)
        (service.root / ".env").write_text("MODEL_VERSION=v1.1\n")  # which was never pulled
        reload(service, says=KEPT)
        assert "pixelwise pull" in service.log.read_text()
        load.wait_for(100)
        assert (service.worker, version_now(service)) == (worker, "v1.0")

        (service.root / ".env").write_text("MODEL_VERSION=v1.0\n")
        reload(service, says=TAKEN_UP)
        load.wait_for(100)
    assert service.worker != worker
    assert load.broken == []
    assert load.statuses() == {200}


def test_a_python_that_was_moved_away_changes_nothing_until_it_is_back(
    start_service: StartService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    environment, away = tmp_path / "environment", tmp_path / "away"
    environment.symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
    service = start_service()
    worker = service.worker
    environment.rename(away)
    reload(service, says=KEPT)
    said = service.log.read_text()
    assert f"({environment / 'bin' / 'python'})" in said and "Put it back" in said
    assert (service.worker, version_now(service)) == (worker, "v1.0")
    away.rename(environment)
    reload(service, says=TAKEN_UP)
    assert service.worker != worker


def test_thirty_reloads_in_a_row_are_two(start_service: StartService):
    service = start_service()
    reload(service, says=BEGUN)
    for _ in range(29):
        service.process.send_signal(signal.SIGHUP)
        time.sleep(0.005)  # or the system makes one of them
    until(lambda: service.log.read_text().count(TAKEN_UP) == 2, "the second new worker")
    assert service.stop() == 0  # subtle: a third one would be told to start before this signal is looked at
    assert service.log.read_text().count(BEGUN) == 2


# -- a start that cannot be ----------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named_with_the_remedy(installation: Installation):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = installation.pixelwise("serve", SECRET_API_KEY=KEY, PORT=port)
    assert done.returncode == 3
    assert f"PORT={port}" in done.stderr and "Set another PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_key_it_does_not_start(installation: Installation):
    done = installation.pixelwise("serve", PORT="0")
    assert done.returncode == 3
    assert "SECRET_API_KEY" in done.stderr and "setup-server.sh" in done.stderr
    assert "Traceback" not in done.stderr


def test_with_tables_of_an_old_revision_it_does_not_start(installation: Installation):
    file = installation.root / "data" / "pixelwise.db"
    database = Database(f"sqlite:///{file}", root=installation.root)
    upgrade(database)
    database.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
    done = installation.pixelwise("serve", SECRET_API_KEY=KEY, PORT="0")
    assert done.returncode == 3
    assert "0000" in done.stderr and "pixelwise db upgrade" in done.stderr
    assert "Traceback" not in done.stderr


# -- the log -------------------------------------------------------------------------------------------------------


def test_each_answer_has_a_line_in_the_log_with_its_request_id(start_service: StartService, bodies):
    service = start_service()
    with service.client() as client:
        given = client.post("/classify", content=bodies[0], headers={"x-request-id": "mine-1"})
        own = client.get("/nowhere")
        unsafe = client.get("/health", headers={"x-request-id": 'a"b'})
    service.stop()
    assert given.headers["x-request-id"] == "mine-1"
    assert unsafe.headers["x-request-id"] != 'a"b'
    worker_lines = [line for line in service.log.read_text().splitlines() if not line.startswith("PixelWise answers")]
    lines = {line["request_id"]: line for line in map(json.loads, worker_lines) if line["source"] == "request"}
    for reply, path in ((given, "/classify"), (own, "/nowhere"), (unsafe, "/health")):
        line = lines[reply.headers["x-request-id"]]
        assert (line["path"], line["status"], line["client"]) == (path, reply.status_code, "127.0.0.1")
        assert line["ms"] >= 0 and line["time"].endswith("Z")


def test_the_key_is_in_no_log(start_service: StartService, bodies):
    service = start_service(LOG_LEVEL="debug")
    with service.client() as client:
        client.post("/classify", content=bodies[0])
        client.post("/classify?api_key=" + KEY, content=b"{")
    service.stop()
    assert KEY not in service.log.read_text()
