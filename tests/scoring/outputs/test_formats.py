"""Parquet and CSV hold the same; each finds its own shards done, and refuses others' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyarrow import parquet

from app.scoring.handed_model import HandedModel
from app.scoring.outputs import formats
from app.scoring.outputs.formats import format_named
from app.scoring.refusals import MissingPackage, OtherResults
from tests.scoring.conftest import columns, score


@pytest.fixture
def source(tmp_path: Path, digits: NDArray[np.uint8]) -> Path:
    np.save(tmp_path / "digits.npy", digits[:50])
    np.save(tmp_path / "labels.npy", np.where(np.arange(50) % 2, np.arange(50) % 10, -2))
    return tmp_path / "digits.npy"


def test_both_formats_have_the_same_values(source: Path, tmp_path: Path, model: HandedModel):
    names = ["id", "prediction", "confidence", "findings", "reason", "label", "score_1", "score_9"]
    for format in ("csv", "parquet"):
        options = {"format": format, "with_scores": True, "labels": tmp_path / "labels.npy"}
        score(source, tmp_path / format, model, rows=20, **options)
    one, other = columns(tmp_path / "parquet", *names), columns(tmp_path / "csv", *names, format="csv")
    for name in names:
        texts = [None if value in (None, "") else str(value) for value in one[name]]
        if name.startswith(("confidence", "score")):
            assert [np.float32(value) for value in one[name]] == [np.float32(value) for value in other[name]]
        else:
            assert texts == other[name], name


def test_scores_are_those_of_the_model(source: Path, tmp_path: Path, model: HandedModel, digits: NDArray[np.uint8]):
    score(source, tmp_path / "out", model, with_scores=True)
    names = [f"score_{label}" for label in model.scorer().classes]
    found = np.array(list(columns(tmp_path / "out", *names).values()), np.float32).T
    assert (found == model.scorer().scores(digits[:50])).all()
    assert columns(tmp_path / "out", "confidence")["confidence"] == found.max(axis=1).tolist()


def test_other_programs_read_texts_and_numbers(source: Path, tmp_path: Path, model: HandedModel):
    score(source, tmp_path / "out", model)
    schema = parquet.read_schema(next((tmp_path / "out").glob("*.parquet")))
    kinds = {field.name: str(field.type) for field in schema}
    assert kinds["id"] == "int64" and kinds["confidence"] == "float"
    assert "string" in kinds["prediction"] and "string" in kinds["findings"] and kinds["reason"] == "string"


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_shard_that_is_not_one_of_ours_is_refused(source: Path, tmp_path: Path, model: HandedModel, format: str):
    score(source, tmp_path / "out", model, format=format)
    base = tmp_path / "out" / "part-00000-of-00001"
    file = format_named(format).file_of(base)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(OtherResults, match=r"no finished shard.*Remove that file"):
        score(source, tmp_path / "out", model, format=format)
    file.unlink()
    assert format_named(format).read_footer(base) is None


def test_parquet_without_pyarrow_names_both_remedies(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"requirements-score.txt`, or write CSV: `--format csv`"):
        format_named("parquet")
    assert format_named("csv").name == "csv"
