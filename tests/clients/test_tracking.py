"""Trainings of the real recipe, tracked by the real systems."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients.mlflow_server import Server, quiet
from tests.conftest import MNIST_FOLDER
from tests.installation import ROOT

MODEL = ROOT / "pixelwise-model"
Train = Callable[..., str]


@pytest.fixture
def train(client_environment: Callable[[str], Path], tmp_path: Path) -> Train:
    """Runs a script of the training environment, which has a client's packages too, as after `pip install CLIENT`."""

    def run(client: str, *arguments: str, code: int = 0, **environ: str) -> str:
        packages = next((client_environment(client).parent / "lib").glob("python3*/site-packages"))
        # subtle: behind its own packages, and in its child processes too
        (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.path.append({str(packages)!r})\n")
        ran = subprocess.run(
            [MODEL / ".venv/bin/python", MODEL / arguments[0], *arguments[1:]],
            cwd=tmp_path,
            env={**quiet(tmp_path), "PYTHONPATH": str(tmp_path), **environ},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == code, ran.stderr
        return ran.stdout + ran.stderr

    return run


def check(found: dict[str, Any], artefact: bytes) -> None:
    """Checks what a system gives back of a training of v1.0."""
    assert float(found["accuracy"]) == float(found["accuracy.correct"]) / float(found["accuracy.n"]) > 0.9
    assert float(found["accuracy.n"]) == 9020
    assert (found["classes"], found["withheld"]) == ("1 2 3 4 5 6 7 8 9", "0")
    assert (found["model.max_iter"], found["library.scikit-learn"]) == ("500", "1.9.1")
    assert found["artefact.sha256"] == hashlib.sha256(artefact).hexdigest()
    images = MNIST_FOLDER / "train-images-idx3-ubyte"
    assert found[f"data.{images.name}"] == hashlib.sha256(images.read_bytes()).hexdigest()
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert found["git.commit"].removesuffix("-changed") == (commit or "none")


def test_mlflow_has_the_training_of_a_release_with_its_card(server: Server, train: Train, tmp_path: Path) -> None:
    address = f"mlflow+{server.url}"
    said = train("mlflow", "release.py", "v1.0", "--repository", str(tmp_path / "r.git"), "--track", address)
    assert f"tracked v1.0 at {address}: run " in said
    number = said.partition(f"{address}: run ")[2].split()[0]
    data = json.loads(server.get(f"api/2.0/mlflow/runs/get?{urlencode({'run_id': number})}"))["run"]
    assert data["info"]["status"] == "FINISHED"

    def of(name: str) -> bytes:
        git = ["git", "--git-dir", tmp_path / "r.git", "show", f"v1.0:{name}"]
        return subprocess.run(git, check=True, capture_output=True).stdout

    found = {one["key"]: one["value"] for kind in ("metrics", "params", "tags") for one in data["data"][kind]}
    check(found, of("digit_classifier_v1.pkl"))
    assert found["release.commit"] in said
    folder = data["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    files = f"api/2.0/mlflow-artifacts/artifacts/{folder}"
    assert server.get(f"{files}/MODELCARD.md") == of("MODELCARD.md")
    assert server.get(f"{files}/confusion.png").startswith(b"\x89PNG")


def test_aim_has_a_training_with_its_report(
    client_environment: Callable[[str], Path], train: Train, tmp_path: Path
) -> None:
    address, artefact = f"aim:{tmp_path / 'runs'}", tmp_path / "v1.pkl"
    said = train("aim", "train.py", "--version", "v1.0", "--out", str(artefact), "--track", address)
    assert f"tracked v1.0 at {address}: run " in said, said
    script = """if True:
        import json, sys, aim
        from aim.storage.context import Context
        run = aim.Run(sys.argv[2], repo=sys.argv[1], system_tracking_interval=None, capture_terminal_logs=False)
        found = {metric.name: metric.values.last()[1] for metric in run.metrics()} | run["recipe"] | run["tags"]
        found["report"] = run.get_text_sequence("report.txt", Context({})).values.last()[1].data
        picture = run.get_image_sequence("confusion.png", Context({})).values.last()[1]
        print(json.dumps(found | {"size": [picture.width, picture.height]}))
        """
    python, number = client_environment("aim") / "python", said.partition(f"{address}: run ")[2].split()[0]
    ran = subprocess.run(
        [python, "-c", script, tmp_path / "runs", number], env=quiet(tmp_path), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    check(found, artefact.read_bytes())
    assert "precision" in found["report"] and found["size"] == [400, 260]


def test_clearml_has_a_training_without_its_server(train: Train, tmp_path: Path) -> None:
    artefact = tmp_path / "v1.pkl"
    offline = {"CLEARML_OFFLINE_MODE": "1", "CLEARML_CACHE_DIR": str(tmp_path / "cache")}
    said = train("clearml", "train.py", "--version", "v1.0", "--out", str(artefact), "--track", "clearml", **offline)
    assert "tracked v1.0 at clearml: task offline-" in said
    (session,) = tmp_path.rglob("offline-*.zip")
    with zipfile.ZipFile(session) as stored:
        task = json.loads(stored.read("task.json"))
        names = stored.namelist()
        lines = [json.loads(line) for line in stored.read("metrics.jsonl").splitlines()]
    parameters = task["hyperparams"]
    found = {name: one["value"] for part in ("recipe", "tags") for name, one in parameters[part].items()}
    metrics = {one["variant"]: one["value"] for batch in lines for one in batch if one.get("metric") == "Summary"}
    check(found | metrics, artefact.read_bytes())
    assert [one["key"] for one in task["execution"]["artifacts"]] == ["report.txt"]
    assert any(name.endswith(".png") for name in names) and any(name.endswith("report.txt") for name in names)


def test_a_tracker_that_does_not_answer_fails_no_training(train: Train, tmp_path: Path) -> None:
    said = train(
        *("mlflow", "train.py", "--version", "v1.0", "--out", str(tmp_path / "v1.pkl")),
        *("--track", "mlflow+http://127.0.0.1:1"),
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )
    assert "tracking at mlflow+http://127.0.0.1:1 failed, the training did not: " in said
    assert f"wrote {tmp_path / 'v1.pkl'}" in said


def test_without_its_package_a_training_does_not_begin(tmp_path: Path) -> None:
    command = [MODEL / ".venv/bin/python", MODEL / "train.py", "--version", "v1.0", "--out", tmp_path / "v1.pkl"]
    ran = subprocess.run(
        [*command, "--track", "clearml"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert ran.returncode == 3 and "-m pip install clearml" in ran.stderr
    assert list(tmp_path.iterdir()) == []
