"""Workers that die, shards that they die of, and what they refuse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import PixelWiseError
from app.scoring.executors import TRIES, in_futures, in_processes, in_this_process
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.table import open_inputs
from app.scoring.plan import Plan, plan
from app.scoring.refusals import BadInput, ShardLost
from app.scoring.run import run
from tests.scoring.conftest import columns, score
from tests.scoring.deadly import Deadly


@pytest.fixture
def planned(tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel) -> Plan:
    np.save(tmp_path / "digits.npy", digits[:100])
    return plan(open_inputs(tmp_path / "digits.npy"), model, rows=10)


def test_a_shard_of_which_every_worker_dies_is_named_and_the_others_are_done(
    planned: Plan, tmp_path: Path, model: HandedModel
):
    deadly = [msgspec.structs.replace(shard, source=Deadly()) if place == 3 else shard
              for place, shard in enumerate(planned.shards)]  # fmt: skip
    done = []
    with pytest.raises(ShardLost, match=f"part-00003-of-00010: its worker died {TRIES} times"):
        for footer in in_processes(2)(deadly, tmp_path, model):
            done.append(footer.shard)
    assert len(done) >= 3


def test_futures_are_handed_out_a_few_at_a_time(planned: Plan, tmp_path: Path, model: HandedModel):
    with ThreadPoolExecutor(2) as threads:
        done = run(planned, tmp_path / "out", model, lambda *given: in_futures(*given, threads, width=3))
    assert done.scored == 10
    assert columns(tmp_path / "out", "id")["id"] == list(range(100))


def test_processes_give_the_same_as_this_process(planned: Plan, tmp_path: Path, model: HandedModel):
    run(planned, tmp_path / "a", model, in_this_process)
    run(planned, tmp_path / "b", model, in_processes(2))
    for shard in planned.shards:
        name = f"{shard.name}.parquet"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_refusal_of_a_worker_is_that_of_the_run(tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel):
    np.save(tmp_path / "digits.npy", digits[:50])
    np.save(tmp_path / "labels.npy", np.full(50, 77))
    planned = plan(open_inputs(tmp_path / "digits.npy", labels=tmp_path / "labels.npy"), model, rows=10)
    with pytest.raises(BadInput, match="a label 77") as refusal:
        run(planned, tmp_path / "out", model, in_processes(1))
    assert isinstance(refusal.value, PixelWiseError) and refusal.value.exit_code == 4


def test_workers_read_the_bytes_that_they_are_handed_and_no_others(
    tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel
):
    np.save(tmp_path / "digits.npy", digits[:5])
    with pytest.raises(BadInput, match="other bytes than were handed out"):
        score(tmp_path / "digits.npy", tmp_path / "out", model._replace(data=model.data + b"x"))
