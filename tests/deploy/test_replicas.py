"""Three replicas of the service on ports of their own, behind the shipped nginx, with one PostgreSQL and one redis.

Under load one is killed, one is drained, and one is upgraded to another release while flags widen.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.deploy.test_nginx import free_port, nginx
from tests.postgresql import Server
from tests.postgresql import postgresql as postgresql
from tests.redis_server import Redis
from tests.redis_server import redis as redis
from tests.service import Service, StartService
from tests.web.load import Load, bodies_of, until
from tests.web.test_rollouts import Row, Truth, misattributed
from tests.web.test_rollouts import truth as truth
from tests.web.test_several import REPO
from tests.web.test_upgrade import pixelwise

pytestmark = pytest.mark.long

CLIENTS = 12
PEOPLE = 5
VERSIONS = {"v1.0", "v1.1", "v2.0"}


@pytest.fixture
def database(postgresql: Server, tmp_path: Path) -> str:
    """The address of a database with tables and no rows."""
    name = f"pixelwise_{uuid4().hex}"
    postgresql.execute(f"CREATE DATABASE {name}")
    address = postgresql.address(name)
    opened = Database(address, root=tmp_path)
    upgrade(opened)
    opened.close()
    return address


def stored(address: str) -> list[Row]:
    with psycopg.connect(address) as connection:
        rows = connection.execute("SELECT id, model_version, scores FROM results").fetchall()
    return [Row(UUID(str(one)), version, list(scores.values())) for one, version, scores in rows]


def told(service: Service, *command: str) -> None:
    done = pixelwise(service, *command)
    assert done.returncode == 0, done.stderr


def test_no_answer_is_lost_or_given_twice_or_misnamed_while_replicas_die_end_and_change(
    start_service_of_three: StartService, truth: Truth, database: str, redis: Redis, tmp_path: Path
):
    images, scores = truth
    shared = {"DATABASE_URL": database, "LIMITS_URL": redis.url, "FLAGS_FILE": str(tmp_path / "flags.json")}
    shared |= {"TRUSTED_PROXIES": "127.0.0.1/32", **REPO}
    file = "MODEL_VERSIONS=v1.0,v1.1\nLOG_LEVEL=warning\n"
    killed, drained, upgraded = (start_service_of_three(file, PORT=str(free_port()), **shared) for _ in range(3))
    replicas = (killed, drained, upgraded)
    (tmp_path / "nginx").mkdir()
    upstream = "; server ".join(service.url.removeprefix("http://") for service in replicas)
    bodies = bodies_of(images) * PEOPLE
    with nginx(tmp_path / "nginx", upstream) as (port, _):
        load = Load(f"http://127.0.0.1:{port}", bodies, clients=CLIENTS, people=True, pause=0.02)

        def failed() -> int:
            return sum(reply.status != 200 for _, reply in load.replies)

        def answered_by(version: str) -> bool:
            return any(
                reply.status == 200 and reply.json["model_version"] == version for _, reply in load.replies[-50:]
            )

        with load:
            load.wait_for(200)
            killed.kill()
            load.wait_for(200)
            failed_of_the_killed = failed()

            assert drained.stop() == 0
            load.wait_for(100)
            drained.start()
            killed.start()

            told(upgraded, "flags", "rollout", "model-version", "v1.1=20%")
            told(upgraded, "models", "add", "v2.0")
            told(upgraded, "flags", "rollout", "model-version", "v1.1=40%", "v2.0=20%")
            until(lambda: answered_by("v2.0"), "an answer of v2.0")
            told(upgraded, "models", "default", "v2.0")
            told(upgraded, "flags", "rollout", "model-version", "v1.1=60%")
            load.wait_for(200)
    for service in replicas:
        assert service.stop() == 0

    assert load.broken == []
    assert failed() == failed_of_the_killed <= CLIENTS
    assert load.statuses() <= {200, 503}
    drawings = {UUID(reply.json["id"]): number % len(images) for number, reply in load.replies if reply.status == 200}
    answers = [
        Row(UUID(answer["id"]), answer["model_version"], list(answer["scores"].values())) for answer in load.answers
    ]
    assert len(drawings) == len(answers)
    assert {row.version for row in answers} == VERSIONS
    assert misattributed(answers, drawings, scores) == []

    rows = stored(database)
    counted = Counter((row.id, row.version) for row in rows)
    assert set(counted.values()) == {1}
    acknowledged = {(row.id, row.version) for row in answers}
    assert acknowledged <= set(counted)
    assert len(rows) - len(answers) <= failed_of_the_killed  # stored, and its answer died with the replica
    assert misattributed([row for row in rows if row.id in drawings], drawings, scores) == []
