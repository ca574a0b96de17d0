"""Workers and drivers killed at any moment: every row is there once, and only unfinished shards are repeated."""

from __future__ import annotations

import os
import pickle
import random
import time
from pathlib import Path

import numpy as np
import pytest

from app.scoring.executors import in_this_process
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.table import open_inputs
from app.scoring.manifest import read_manifest
from app.scoring.plan import Plan, plan
from app.scoring.run import run
from tests.conftest import Mnist, long
from tests.scoring.conftest import columns
from tests.scoring.killing import driver, is_alive, kill, workers_of

ROWS = 1500
SEED = int(os.environ.get("PIXELWISE_SEED", "0"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, mnist: Mnist, model: HandedModel) -> Path:
    """30,000 digits, and the model for a driver."""
    folder = tmp_path_factory.mktemp("archive")
    np.save(folder / "digits.npy", mnist.train_images[:30_000])
    (folder / "model").write_bytes(pickle.dumps(model))
    return folder


@pytest.fixture(scope="module")
def whole(archive: Path, model: HandedModel) -> Path:
    """What an undisturbed run writes."""
    planned = planned_for(archive, model)
    run(planned, archive / "whole", model, in_this_process)
    return archive / "whole"


def planned_for(archive: Path, model: HandedModel) -> Plan:
    return plan(open_inputs(archive / "digits.npy"), model, rows=ROWS)


@pytest.mark.parametrize("kills", [3, *long(25)])
def test_kills_of_workers_and_drivers_lose_no_row_and_double_none(
    archive: Path, whole: Path, tmp_path: Path, model: HandedModel, kills: int
):
    chosen, out = random.Random(SEED), tmp_path / "out"
    done: dict[str, int] = {}
    left, finished = kills, False
    while not finished:
        orphans: set[int] = set()
        with driver(archive / "digits.npy", out, archive / "model", str(ROWS)) as process:
            assert process.stdout is not None
            for line in process.stdout:
                finished = line.endswith(" 0\n")
                if line != "True\n" or not left or chosen.random() < 0.5:
                    continue
                workers = workers_of(process)
                orphans |= set(workers)
                time.sleep(chosen.uniform(0, 0.02))
                kill(chosen.choice(workers) if workers and chosen.random() < 0.8 else process.pid)
                left -= 1
        now = {shard.name: shard.stat().st_ino for shard in out.glob("part-*.parquet")}
        assert done.items() <= now.items(), "a finished shard was written again"
        done = now
        if left and process.returncode == 0:  # there was nothing left to kill: begin anew
            finished = False
            for shard in list(out.glob("part-*.parquet"))[:10]:
                shard.unlink()
                del done[shard.name]
        wait_until_gone(orphans)
    found = columns(out)
    assert len(found["id"]) == len(set(found["id"])) == 30_000
    assert found == columns(whole)
    assert read_manifest(out) == read_manifest(whole)
    assert not list(out.glob(".*"))


def wait_until_gone(pids: set[int]) -> None:
    """Workers end with their driver; the test's own limit ends the wait for one that does not."""
    while any(is_alive(pid) for pid in pids):
        time.sleep(0.01)
