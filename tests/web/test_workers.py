"""Several workers behind one socket are one service."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from app.server.running_service import Running, running_service
from app.server.supervisor import MOST_DEATHS
from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.installation import REPOSITORY, ROOT, Installation
from tests.postgresql import Server
from tests.postgresql import postgresql as postgresql
from tests.redis_server import PASSWORD, Redis
from tests.redis_server import redis as redis
from tests.service import KEY, Service, StartService, as_json, services
from tests.web.load import Load, bodies_of, until


@pytest.fixture(scope="module")
def bodies(published) -> list[bytes]:
    return bodies_of(published("v1.0").golden.images[:100])


@pytest.fixture(scope="module")
def two(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service of two workers, for all tests of this module that leave it with two."""
    with services(compiled, tmp_path_factory.mktemp("workers")) as start:
        yield start(WORKERS="2")


def running(service: Service) -> Running:
    found = running_service(service.root / "data")
    assert found is not None
    return found


def named(service: Service) -> tuple[str, ...]:
    """When its workers began; empty once it has ended."""
    found = running_service(service.root / "data")
    return found.workers if found else ()


def workers(service: Service) -> list[int]:
    """The process ids of its workers."""
    return [
        int(pid) for pid in Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    ]


@contextmanager
def clients_of_each(service: Service, *, key: str | None = KEY) -> Iterator[list[httpx.Client]]:
    """For each worker, a client whose connection it holds."""
    found: dict[str, httpx.Client] = {}
    opened = []
    try:
        deadline = time.monotonic() + 30
        while len(found) < 2:
            assert time.monotonic() < deadline, "one worker answers all"
            client = service.client(key=key)
            opened.append(client)
            found.setdefault(client.get("/health").json()["started_at"], client)
        yield list(found.values())
    finally:
        for client in opened:
            client.close()


def requests_counted(said: str, route: str = "classify") -> dict[str, float]:
    """Number of a worker -> its answered requests to a route."""
    found = re.findall(
        rf'^pixelwise_requests_total{{route="{route}",status="200",worker="(\d)"}} (\S+)$', said, re.MULTILINE
    )
    return {number: float(value) for number, value in found}


# -- one service, whichever answers ------------------------------------------------------------------------------------


def test_it_is_ready_when_all_workers_are_and_names_them(two: Service):
    assert len(workers(two)) == len(running(two).workers) == 2
    with clients_of_each(two) as clients:
        assert {client.get("/health").json()["started_at"] for client in clients} == set(running(two).workers)
        assert [client.get("/ready").status_code for client in clients] == [200, 200]


def test_an_answer_of_one_is_known_to_the_other(two: Service, published):
    """The answer itself, the list of results, a label; and ids rise from one to the other."""
    image = published("v1.0").golden.images[0]
    with clients_of_each(two) as (one, other):
        ids = [client.post("/classify", json=as_json(image)).json()["id"] for client in (one, other, one, other)]
        assert ids == sorted(ids) and len(set(ids)) == 4
        for client in (one, other):
            assert [row["id"] for row in client.get("/results?limit=4").json()["results"]] == ids[::-1]
        assert other.post(f"/results/{ids[0]}/label", json={"label": "4"}).status_code == 200
        assert one.post(f"/results/{ids[0]}/label", json={"label": "5"}).status_code == 200


def test_a_visit_that_one_signed_holds_at_the_other_and_labels_its_own(two: Service):
    with clients_of_each(two, key=None) as (one, other):
        one.get("/")
        other.cookies = one.cookies
        drawing = {"strokes": [[[80, 60], [200, 60], [130, 240]]], "pen_width": 20, "canvas": [280, 280]}
        answer = one.post("/drawings", json=drawing, headers={"origin": two.url})
        assert answer.status_code == 200
        label = other.post(f"/results/{answer.json()['id']}/label", json={"label": "7"}, headers={"origin": two.url})
        assert label.status_code == 200, label.text


def test_metrics_add_up_and_stay_when_a_worker_is_killed_and_another_takes_its_place(two: Service, published):
    image = as_json(published("v1.0").golden.images[0])
    with clients_of_each(two) as (one, other):
        before = Counter(requests_counted(one.get("/metrics").text))
        for times, client in ((3, one), (4, other)):
            for _ in range(times):
                assert client.post("/classify", json=image).status_code == 200
        said = [client.get("/metrics").text for client in (one, other)]
        counted = [Counter(requests_counted(text)) for text in said]
        assert counted[0] == counted[1]
        assert sorted((counted[0] - before).values()) == [3, 4]
        assert len(re.findall(r'^pixelwise_model_info{sha256=.*,worker="[12]"} 1.0$', said[0], re.MULTILINE)) == 2
    old = workers(two)
    os.kill(old[0], signal.SIGKILL)
    until(lambda: two.log.read_text().count("Another worker answers in its place (1 of 2).") == 1, "the word of it")
    assert "The worker ended by itself (1 of 2), exit code -9." in two.log.read_text()
    with clients_of_each(two) as clients:
        assert [requests_counted(client.get("/metrics").text) for client in clients] == [counted[0]] * 2


def test_a_reload_reaches_all_one_after_another(two: Service):
    old, named = set(workers(two)), set(running(two).workers)
    begin = two.log.stat().st_size
    two.process.send_signal(signal.SIGHUP)
    until(lambda: b"The new worker answers (2 of 2)." in two.log.read_bytes()[begin:], "the second new worker")
    until(lambda: not old & set(workers(two)), "the end of the old ones")
    assert len(workers(two)) == 2
    assert not named & set(running(two).workers)


def test_a_lone_worker_has_no_number(service: Service):
    with service.client() as client:
        assert "pixelwise_database_up 1.0\n" in client.get("/metrics").text
        assert "worker=" not in client.get("/metrics").text
    assert not (service.root / "data/workers").exists()
    assert len(running(service).workers) == 1


def test_clients_that_stay_connected_are_shared_out_evenly(two: Service):
    """The event loop alone would give most of a burst to the worker that woke first."""
    clients = [two.client() for _ in range(20)]
    answering = Counter(client.get("/health").json()["started_at"] for client in clients)
    for client in clients:
        client.close()
    assert len(answering) == 2 and min(answering.values()) >= 7, answering


# -- nothing is lost ---------------------------------------------------------------------------------------------------


def rows_of_sqlite(service: Service) -> list[UUID]:
    with closing(sqlite3.connect(service.root / "data" / "pixelwise.db")) as connection:
        return [UUID(text) for (text,) in connection.execute("SELECT id FROM results")]


def kill_workers_under_load(service: Service, bodies: list[bytes], rows: Callable[[], list[UUID]]) -> None:
    """Each answer is stored once; at most the requests that the killed workers had open have none."""
    loads = []
    for _ in range(2):
        with Load(service.url, bodies, clients=25) as load:
            load.wait_for(200)
            there = named(service)
            os.kill(workers(service)[0], signal.SIGKILL)
            load.wait_for(200)
            until(lambda known=there: named(service) != known, "another worker")  # type: ignore[misc]  # bound now
        loads.append(load)
    received = [UUID(answer["id"]) for load in loads for answer in load.answers]
    assert {status for load in loads for status in load.statuses()} == {200}
    found = rows()
    assert len(found) == len(set(found)) and len(received) == len(set(received))
    assert set(received) <= set(found), "an answer is lost"
    assert len(found) - len(received) <= sum(len(load.broken) for load in loads)
    assert any(load.broken for load in loads), "nothing was killed"


@pytest.mark.long
def test_on_sqlite_no_answer_is_lost_when_a_worker_is_killed(start_service: StartService, bodies):
    service = start_service(WORKERS="2")
    kill_workers_under_load(service, bodies, lambda: rows_of_sqlite(service))


@pytest.mark.long
def test_on_postgresql_no_answer_is_lost_when_a_worker_is_killed(
    start_service: StartService, postgresql: Server, bodies, tmp_path: Path
):
    name = f"pixelwise_{uuid4().hex}"
    postgresql.execute(f"CREATE DATABASE {name}")
    database = Database(postgresql.address(name), root=tmp_path)
    upgrade(database)
    database.close()
    service = start_service(WORKERS="2", DATABASE_URL=postgresql.address(name))

    def rows() -> list[UUID]:
        with psycopg.connect(postgresql.address(name)) as connection:
            return [found for (found,) in connection.execute("SELECT id FROM results").fetchall()]

    kill_workers_under_load(service, bodies, rows)


@pytest.mark.long
def test_a_new_team_takes_over_without_a_failed_request_and_the_end_answers_everything(
    start_service: StartService, bodies
):
    service = start_service(WORKERS="3")
    with Load(service.url, bodies, clients=32) as load:
        load.wait_for(200)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "The new worker answers (3 of 3)." in service.log.read_text(), "the third new worker")
        load.wait_for(200)
    assert load.broken == [] and load.statuses() == {200}
    with Load(service.url, bodies, clients=32, reconnect=False) as last:
        last.wait_for(200)
        service.process.terminate()
        assert service.process.wait(60) == 0
    assert last.broken == [] and last.statuses() == {200}
    received = {UUID(answer["id"]) for one in (load, last) for answer in one.answers}
    assert received == set(rows_of_sqlite(service))
    assert [path.name for path in (service.root / "data").glob("pixelwise.db*")] == ["pixelwise.db"]
    assert not (service.root / "data/workers").exists()


# -- what cannot go on -------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_worker_that_does_not_start_leaves_the_old_ones_on(start_service: StartService, bodies):
    service = start_service(WORKERS="2")
    old = workers(service)
    (service.root / ".env").write_text("MODEL_VERSION=v1.1\n")  # which was never pulled
    with Load(service.url, bodies, clients=8) as load:
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "The old worker goes on (1 of 2)." in service.log.read_text(), "the failure")
        load.wait_for(50)
    assert workers(service) == old and load.broken == []


@pytest.mark.long
def test_workers_that_die_again_and_again_end_the_service_loudly(start_service: StartService):
    service = start_service(WORKERS="2")
    for _ in range(MOST_DEATHS + 1):
        there = named(service)
        os.kill(workers(service)[0], signal.SIGKILL)
        until(
            lambda known=there: service.process.poll() is not None or named(service) != known,  # type: ignore[misc]
            "another worker",
        )
    assert service.process.wait(60) == 1
    assert f"{MOST_DEATHS + 1} workers died within 60 s: the service ends." in service.log.read_text()


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_an_upgrade_returns_when_all_workers_answer_with_the_new_release(start_service_of_three: StartService, bodies):
    service = start_service_of_three(f"MODEL_VERSION=v1.0\nMODEL_REPO={ROOT / REPOSITORY}\n", WORKERS="3")
    before = set(running(service).workers)
    with Load(service.url, bodies, clients=16) as load:
        done = Installation(service.root).pixelwise("models", "add", "v2.0", **{"SECRET_API_KEY": KEY})
        assert done.returncode == 0, done.stderr
        assert not before & set(running(service).workers)
        with Load(service.url, bodies, clients=16, path="/classify?model=v2.0") as asked:
            asked.wait_for(100)
    assert asked.statuses() == load.statuses() == {200} and load.broken == asked.broken == []


# -- limits ------------------------------------------------------------------------------------------------------------


def admitted_in_whole_seconds(service: Service, bodies: list[bytes], seconds: int) -> list[int]:
    """How many requests were answered 200 in each second of the clock."""
    by_second: Counter[int] = Counter()
    with Load(service.url, bodies, clients=12, pause=0.01) as load:
        until(lambda: time.time() % 1 < 0.05, "the beginning of a second")
        for _ in range(seconds):
            begin, second = len(load.replies), int(time.time())
            until(lambda now=second: int(time.time()) != now, "the next second")  # type: ignore[misc]
            by_second[second] = sum(reply.status == 200 for _, reply in load.replies[begin : len(load.replies)])
    return [by_second[second] for second in sorted(by_second)]


@pytest.mark.long
def test_workers_that_share_their_counts_together_keep_the_limit(start_service: StartService, redis: Redis, bodies):
    service = start_service(WORKERS="2", LIMITS_URL=redis.url, LIMIT_PER_KEY="200/second", LOG_LEVEL="warning")
    with service.client(key=None) as client:
        until(lambda: 'pixelwise_limits_processes{worker="2"} 2.0' in client.get("/metrics").text, "both counted")
    counts = admitted_in_whole_seconds(service, bodies, 4)
    assert sum(counts) <= 4 * 210 and sum(counts) >= 4 * 190 - 20, counts
    redis.stop()
    with service.client(key=None) as client:
        until(
            lambda: (
                client.get("/ready").json()["checks"]["limits"]
                == "redis does not answer: each of 2 processes takes its share"
            ),
            "the word of it",
        )
        assert client.get("/ready").status_code == 200
    redis.start()
    with service.client(key=None) as client:
        until(lambda: client.get("/ready").json()["checks"]["limits"] == "ok", "its return")
    assert PASSWORD not in service.log.read_text() and "is back" in service.log.read_text()


@pytest.mark.long
def test_workers_without_redis_take_their_shares(start_service: StartService, bodies):
    service = start_service(WORKERS="2", LIMIT_PER_KEY="21/day")
    with clients_of_each(service) as clients:
        counts = []
        for client in clients:
            answers = [client.post("/classify", content=bodies[0]) for _ in range(20)]
            counts.append(sum(answer.status_code == 200 for answer in answers))
            assert "of the 21/day at each of 2 processes" in answers[-1].text
    assert sorted(counts) == [10, 11]
