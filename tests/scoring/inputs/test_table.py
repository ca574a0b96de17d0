"""What a path stands for is told by what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

from app.scoring.handed_model import HandedModel
from app.scoring.inputs import table
from app.scoring.inputs.table import open_inputs
from app.scoring.refusals import BadInput, MissingPackage
from tests.scoring.conftest import assert_same, score
from tests.scoring.inputs.test_parquet import binary


def test_files_of_a_folder_are_read_in_their_order_and_their_rows_numbered_through(
    tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel
):
    folder = tmp_path / "archive"
    (folder / "b").mkdir(parents=True)
    parquet.write_table(pa.table({"pixels": binary(digits[:30])}), folder / "a.parquet")
    np.save(folder / "b" / "c.npy", digits[30:70])
    (folder / "README.md").write_text("about it")
    said: list[str] = []
    assert len(open_inputs(folder, say=said.append)) == 2
    assert said == [f"1 files in {folder} are neither digits nor pictures, and are left out."]
    done = score(folder, tmp_path / "out", model, rows=25)
    np.save(tmp_path / "all.npy", digits[:70])
    score(tmp_path / "all.npy", tmp_path / "all", model)
    assert_same(tmp_path / "out", tmp_path / "all")
    assert done.manifest is not None
    assert [one.name for one in done.manifest.inputs] == ["archive/a.parquet", "archive/b/c.npy"]


def test_digits_and_pictures_in_one_folder_are_refused(tmp_path: Path, digits: NDArray[np.uint8]):
    np.save(tmp_path / "a.npy", digits)
    Image.fromarray(digits[0]).save(tmp_path / "b.png")
    with pytest.raises(BadInput, match="1 files of digits and 1 pictures"):
        open_inputs(tmp_path)


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="no such file"):
        open_inputs(tmp_path / "none")
    with pytest.raises(BadInput, match="no plain file"):
        open_inputs(Path("/dev/null"))


def test_one_file_of_labels_is_for_one_file_of_digits(tmp_path: Path, digits: NDArray[np.uint8]):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", digits)
    with pytest.raises(BadInput, match="2 files"):
        open_inputs(tmp_path, labels=tmp_path / "a.npy")


def test_parquet_without_pyarrow_is_refused_with_the_extra(
    tmp_path: Path, digits: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
):
    parquet.write_table(pa.table({"pixels": binary(digits[:3])}), tmp_path / "a.parquet")
    monkeypatch.setattr(table, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"pixelwise\[score\].*requirements-score.txt.*or save the digits as .npy"):
        open_inputs(tmp_path / "a.parquet")
