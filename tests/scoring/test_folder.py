"""A folder holds the answers to one input by one release, or is refused; a restart does only what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import ConfigurationError
from app.scoring import folder
from app.scoring.executors import in_this_process
from app.scoring.fingerprint import sha256_of, with_digest
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.table import open_inputs
from app.scoring.manifest import FILE, read_manifest
from app.scoring.plan import plan
from app.scoring.refusals import OtherResults
from app.scoring.run import run
from tests.scoring.conftest import score


@pytest.fixture
def source(tmp_path: Path, digits: NDArray[np.uint8]) -> Path:
    np.save(tmp_path / "digits.npy", digits[:100])
    return tmp_path / "digits.npy"


def test_a_restart_repeats_only_what_is_missing(source: Path, tmp_path: Path, model: HandedModel):
    out = tmp_path / "out"
    assert score(source, out, model, rows=10).scored == 10
    before = {file.name: file.stat().st_ino for file in out.iterdir()}
    assert score(source, out, model, rows=10).scored == 0
    assert {file.name: file.stat().st_ino for file in out.iterdir()} == before
    (out / "part-00004-of-00010.parquet").unlink()
    (out / FILE).unlink()
    assert score(source, out, model, rows=10).scored == 1
    after = {file.name: file.stat().st_ino for file in out.iterdir()}
    assert {name for name in before if before[name] != after[name]} <= {"part-00004-of-00010.parquet", FILE}
    assert read_manifest(out).rows == 100


def test_parts_are_disjoint_and_the_last_one_sums_up(source: Path, tmp_path: Path, model: HandedModel):
    out, planned = tmp_path / "out", plan(open_inputs(source), model, rows=10)
    scored = []
    for index in (2, 0, 1):
        done = run(planned, out, model, in_this_process, shards=planned.part(index, 3))
        scored.append((done.shards, done.scored, done.missing, done.manifest is None))
    assert scored == [(3, 3, 7, True), (4, 4, 3, True), (3, 3, 0, False)]


def test_a_changed_input_is_refused_by_name(source: Path, tmp_path: Path, model: HandedModel):
    score(source, tmp_path / "out", model)
    os.utime(source, ns=(1, 1))
    with pytest.raises(OtherResults, match=r"digits.npy with time of change.*The input has changed since"):
        score(source, tmp_path / "out", model)
    np.save(source, np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(OtherResults, match=r"digits.npy with rows 100"):
        score(source, tmp_path / "out", model)


def test_another_model_recipe_format_or_plan_is_refused_by_name(
    source: Path, tmp_path: Path, model: HandedModel, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    score(source, out, model, rows=10)
    with pytest.raises(OtherResults, match=r"answers of model v1.0; expected model v1.1"):
        score(source, out, model._replace(version="v1.1"), rows=10)
    with pytest.raises(OtherResults, match="answers of model's sha256"):
        score(source, out, model._replace(sha256="0" * 64), rows=10)
    with pytest.raises(OtherResults, match="answers of format parquet; expected format csv"):
        score(source, out, model, rows=10, format="csv")
    with pytest.raises(OtherResults, match="answers of scores False; expected scores True"):
        score(source, out, model, rows=10, with_scores=True)
    with pytest.raises(OtherResults, match="answers of shards 10; expected shards 5"):
        score(source, out, model, rows=20)
    monkeypatch.setattr("app.scoring.plan.RECIPE", 99)
    with pytest.raises(OtherResults, match="answers of recipe 2; expected recipe 99"):
        score(source, out, model, rows=10)


def test_a_shard_of_another_plan_in_the_folder_is_refused(source: Path, tmp_path: Path, model: HandedModel):
    score(source, tmp_path / "a", model, rows=10)
    score(source, tmp_path / "b", model, rows=10, with_scores=True)
    name = "part-00003-of-00010.parquet"
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(OtherResults, match=r"part-00003-of-00010 in .*Remove that file"):
        score(source, tmp_path / "a", model, rows=10)


def test_a_folder_with_something_else_in_it_is_left_alone(source: Path, tmp_path: Path, model: HandedModel):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"a folder with thesis.txt.*Name another folder"):
        score(source, out, model)
    assert [file.name for file in out.iterdir()] == ["thesis.txt"]


def test_changed_bytes_of_the_same_size_and_time_are_noticed_when_all_are_hashed(
    source: Path, tmp_path: Path, model: HandedModel
):
    def again() -> None:
        sources = open_inputs(source)
        verified = [with_digest(sources[0].fingerprint, sha256_of(sources[0].files))]
        run(plan(sources, model, fingerprints=verified), tmp_path / "out", model, in_this_process)

    again()
    again()
    data, status = bytearray(source.read_bytes()), source.stat()
    data[-1] ^= 1
    source.write_bytes(bytes(data))
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    score(source, tmp_path / "out", model)  # unnoticed: what is compared is a fingerprint
    with pytest.raises(OtherResults, match="with sha256"):
        again()


def test_a_record_that_is_not_one_is_refused(source: Path, tmp_path: Path, model: HandedModel):
    score(source, tmp_path / "out", model)
    (tmp_path / "out" / folder.RECORD).write_bytes(msgspec.json.encode({"rows": 1}))
    with pytest.raises(OtherResults, match="no record of answers"):
        score(source, tmp_path / "out", model)
    with pytest.raises(OtherResults, match=r"no PLAN.json"):
        folder.read_record(tmp_path)
    with pytest.raises(OtherResults, match="goes on where it stopped"):
        read_manifest(tmp_path)
