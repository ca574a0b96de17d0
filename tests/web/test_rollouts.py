"""What is served changes under load, all the time: no request fails, no answer is lost, and none bears the name of a
version that did not compute it.

PIXELWISE_ROLLOUTS says how often a version comes and goes meanwhile (`make soak`: more often, and it becomes the
default in between).
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import cycle
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.formats import read_model
from tests.installation import Published
from tests.service import Service, StartService
from tests.web.load import Load, bodies_of, until
from tests.web.test_several import REPO, events
from tests.web.test_upgrade import pixelwise

pytestmark = pytest.mark.long

ROUNDS = int(os.environ.get("PIXELWISE_ROLLOUTS", "1"))
VERSIONS = ("v1.0", "v1.1", "v2.0")
CLIENTS = 12
PAUSE_SECONDS = 0.02
TOLERANCE = 1e-5
PEOPLE = 5
"""Who send the same drawing, one after the other."""
CHANGES = (
    ["rollout", "model-version", "v2.0=20%"],
    ["rollout", "model-version", "v2.0=30%", "v1.1=40%"],
    ["rollout", "model-version", "v2.0=80%"],
    ["rollout", "model-version", "v1.1=60%"],
    ["rollback"],
    ["rollout", "model-version", "v2.0=50%", "v1.1=25%"],
    ["set", "model-version", "v2.0"],
    ["rollback"],
)
"""What `pixelwise flags` is told each second, over and over. v1.1 is there for a part of the time only."""
REFUSALS = (": version v1.1; expected one of", ": a share of its own for v1.1, the default")
"""What it says when v1.1 is not served just then, or is the default."""

Scores = dict[str, NDArray[np.float32]]
"""Version -> (N, classes): what its own engine says of N drawings."""


class Rollouts:
    """Within a `with` block, the flags change each second.

    Attributes:
        changes: how many were taken.
        failures: what was said of those that were refused for no good reason.
    """

    def __init__(self, service: Service) -> None:
        self._service, self._ending = service, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.changes = 0
        self.failures: list[str] = []

    def __enter__(self) -> Rollouts:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        for arguments in cycle(CHANGES):
            begun = time.monotonic()
            done = pixelwise(self._service, "flags", *arguments)
            if done.returncode == 0:
                self.changes += 1
            elif done.returncode != 2 or not any(refusal in done.stderr for refusal in REFUSALS):
                self.failures.append(done.stderr)
            if self._ending.wait(max(0.0, begun + 1 - time.monotonic())):
                return


class Row(NamedTuple):
    """A stored answer, or a shadow of one: whose it says it is, and its scores."""

    id: UUID
    version: str
    scores: list[float]


class Truth(NamedTuple):
    """Drawings that the versions read differently, each by more than a thousandth: scores tell whose they are."""

    images: NDArray[np.uint8]
    scores: Scores


@pytest.fixture(scope="module")
def truth(published: Callable[[str], Published]) -> Truth:
    images = published("v2.0").golden.images
    scores = {name: read_model(published(name).artefact).scores(images) for name in VERSIONS}
    assert [scores[name].shape[1] for name in VERSIONS] == [9, 9, 10]
    differ = np.abs(scores["v1.0"] - scores["v1.1"]).max(axis=1) > 100 * TOLERANCE
    chosen = np.flatnonzero(differ)[:100]
    assert len(chosen) == 100
    return Truth(images[chosen], {name: all_of_them[chosen] for name, all_of_them in scores.items()})


def rows_in(service: Service, columns: str, table: str) -> list[Any]:
    with closing(sqlite3.connect(service.root / "data" / "pixelwise.db")) as connection:
        return connection.execute(f"SELECT {columns} FROM {table}").fetchall()


def stored(service: Service, identifier: str, table: str) -> list[Row]:
    rows = rows_in(service, f"{identifier}, model_version, scores", table)
    return [Row(UUID(one), version, list(json.loads(text).values())) for one, version, text in rows]


def misattributed(rows: Sequence[Row], drawings: dict[UUID, int], scores: Scores) -> list[Row]:
    """Those whose scores are not what the engine of their version says of their drawing."""
    return [
        row
        for row in rows
        if len(row.scores) != scores[row.version].shape[1]
        or np.abs(scores[row.version][drawings[row.id]] - row.scores).max() > TOLERANCE
    ]


def test_no_answer_is_lost_or_bears_a_wrong_name_while_shares_change_and_a_version_comes_and_goes(
    start_service_of_three: StartService, truth: Truth
):
    images, scores = truth
    service = start_service_of_three("MODEL_VERSIONS=v1.0,v2.0\nLOG_LEVEL=warning\n", **REPO)

    def changed(*command: str) -> None:
        done = pixelwise(service, *command)
        assert done.returncode == 0, done.stderr

    bodies = bodies_of(images) * PEOPLE
    with Load(service.url, bodies, clients=CLIENTS, people=True, pause=PAUSE_SECONDS) as load:

        def answered_by(version: str) -> bool:
            return any(reply.json["model_version"] == version for _, reply in load.replies[-50:])

        load.wait_for(100)
        with Rollouts(service) as rollouts:
            until(lambda: answered_by("v2.0"), "an answer of v2.0")
            for _ in range(ROUNDS):
                changed("models", "add", "v1.1")
                until(lambda: answered_by("v1.1"), "an answer of v1.1")
                if ROUNDS > 1:
                    changed("models", "default", "v1.1")
                    changed("models", "default", "v1.0")
                changed("models", "remove", "v1.1")
                load.wait_for(100)
        load.wait_for(100)
    assert service.stop() == 0

    assert rollouts.failures == []
    assert rollouts.changes >= 4 * ROUNDS
    assert load.broken == []
    assert load.statuses() == {200}
    answers, drawings = [], {}
    for number, reply in load.replies:
        answer = reply.json
        answers.append(Row(UUID(answer["id"]), answer["model_version"], list(answer["scores"].values())))
        drawings[answers[-1].id] = number % len(images)
    assert {row.version for row in answers} == set(VERSIONS)
    assert misattributed(answers, drawings, scores) == []
    assert len(drawings) == len(answers)

    rows = stored(service, "id", "results")
    assert Counter((row.id, row.version) for row in rows) == Counter((row.id, row.version) for row in answers)
    assert misattributed(rows, drawings, scores) == []

    shadows = stored(service, "result_id", "shadows")
    assert {row.id for row in shadows} <= drawings.keys()
    assert misattributed(shadows, drawings, scores) == []
    answering = {row.id: row.version for row in answers}
    assert not any(answering[row.id] == row.version for row in shadows)
    assert {row.version for row in shadows} == set(VERSIONS)
    assert len({row.id for row in shadows}) > len(rows) / 10

    for version, variant, reason in set(rows_in(service, "model_version, variant, reason", "results")):
        if reason in ("STATIC", "TARGETING_MATCH"):
            assert version == variant
        else:  # no file yet, or rolled back; or it named a version that was gone: the default answered
            assert (reason, variant) in ((None, None), ("DEFAULT", None), ("ERROR", "v1.1"))
    assert {event["message"].partition(":")[0] for event in events(service) if event["level"] == "error"} <= {
        "flag model-version cannot be used for some"
    }
