"""`pixelwise score`: from files of digits to files of answers, by the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.cli.score_progress import Lines
from tests.conftest import Mnist
from tests.installation import Installation
from tests.scoring.conftest import columns


@pytest.fixture(scope="module")
def digits(mnist: Mnist) -> NDArray[np.uint8]:
    return mnist.test_images[:200]


@pytest.fixture
def source(tmp_path: Path, digits: NDArray[np.uint8], mnist: Mnist) -> Path:
    np.save(tmp_path / "digits.npy", digits)
    np.save(tmp_path / "labels.npy", mnist.test_labels[:200])
    return tmp_path / "digits.npy"


def test_two_releases_score_the_same_digits_and_are_compared(
    installation_of_three: Installation, source: Path, tmp_path: Path
):
    labels = ["--labels", str(tmp_path / "labels.npy")]
    for version in ("v1.0", "v2.0"):
        out = str(tmp_path / version)
        done = installation_of_three.pixelwise(
            "score", str(source), "--out", out, "--model", version, "--jobs", "1", *labels
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == f"{out}/MANIFEST.json"
        manifest = json.loads(Path(out, "MANIFEST.json").read_text())
        assert (manifest["rows"], manifest["model_version"], manifest["labelled"]) == (200, version, 200)
        assert f"200 answers by {version}" in done.stderr
    done = installation_of_three.pixelwise("score", "diff", str(tmp_path / "v1.0"), str(tmp_path / "v2.0"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [side["version"] for side in found["sides"]] == ["v1.0", "v2.0"]
    assert found["agreement"]["of"] == 200
    page = (tmp_path / "v2.0" / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == len(found["shown"]) > 5


def test_options_may_come_first_and_a_second_run_has_nothing_to_do(
    installation: Installation, source: Path, tmp_path: Path
):
    arguments = ["score", "--out", str(tmp_path / "out"), "--format", "csv", "--scores", str(source), "--json"]
    first, second = (json.loads(installation.pixelwise(*arguments).stdout) for _ in range(2))
    assert (first["scored"], second["scored"]) == (1, 0)
    assert first["manifest"] == second["manifest"]
    found = columns(tmp_path / "out", "id", "score_9", format="csv")
    assert found["id"] == [str(place) for place in range(200)]


def test_refusals_have_their_exit_codes(installation: Installation, source: Path, tmp_path: Path):
    out = ["--out", str(tmp_path / "out")]
    (tmp_path / "odd.npy").write_bytes(b"odd")
    for arguments, code, said in (
        ([str(tmp_path / "odd.npy"), *out], 4, "neither an array nor pictures"),
        ([str(source), *out, "--part", "2/2"], 2, "I from 0 to N - 1"),
        ([str(source), *out, "--since", "2026-01-01"], 2, "are of db:"),
        ([str(source), *out, "--model", "v9.9"], 4, "nothing pulled"),
        ([str(source), *out, "--on", "tcp://elsewhere:8786"], 3, "tls://elsewhere:8786"),
        ([str(source), *out, "--on", "tcp://127.0.0.1:1", "--jobs", "2"], 2, "were started"),
        (["db:", *out], 6, "pixelwise db upgrade"),
        (["diff", str(tmp_path), str(tmp_path)], 4, "no PLAN.json"),
    ):
        done = installation.pixelwise("score", *arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_csv_is_written_and_parquet_is_refused(
    installation: Installation, source: Path, tmp_path: Path
):
    (installation.root / "pyarrow.py").write_text("raise ImportError('hidden')\n")  # any import of it fails
    done = installation.pixelwise("score", str(source), "--out", str(tmp_path / "out"), "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert len(columns(tmp_path / "out", "id", format="csv")["id"]) == 200


def test_parts_of_an_array_of_jobs_make_one_folder(installation: Installation, source: Path, tmp_path: Path):
    out = ["--out", str(tmp_path / "out")]
    first = installation.pixelwise("score", str(source), *out, "--part", "1/2", "--jobs", "1")
    assert "1 shards of other parts are missing" in first.stderr
    assert not (tmp_path / "out" / "MANIFEST.json").exists()
    second = installation.pixelwise("score", str(source), *out, "--part", "0/2", "--jobs", "1")
    assert second.stdout.strip().endswith("MANIFEST.json")


def test_without_a_terminal_there_is_a_line_for_each_tenth():
    now, said = [0.0], list[str]()
    lines = Lines(1000, said.append, lambda: now[0])
    lines.told(500, False)
    for _ in range(10):
        now[0] += 1
        lines.told(50, True)
    assert said[0] == "600 of 1,000 rows, 50/s, 8 s left"
    assert len(said) == 5
