"""Tracking: what is told, what is refused before a training, and that no tracker fails one. The real systems
are in PixelWise's tests/clients."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import NINE

import release
import tracking
import train
from build import build_release
from errors import TrackerMissing, TrackingRefused
from outcome import Outcome, commit_of, confusion_counts
from tracking import Tracker, tracker

HERE = Path(train.__file__).parent


@pytest.fixture(scope="module")
def told(small, small_files, small_drawn, tmp_path_factory) -> tuple[Outcome, Path]:
    """The outcome of a small release, and its folder."""
    folder, outcomes = tmp_path_factory.mktemp("release"), []
    build_release(
        "v1.0", NINE, small, folder, previous=None, files=small_files, drawn=small_drawn, tell=outcomes.append
    )
    return outcomes[0], folder


def test_every_share_stands_with_what_it_counts(told, small):
    metrics = told[0].metrics
    assert metrics["accuracy"] == metrics["accuracy.correct"] / metrics["accuracy.n"]
    assert metrics["accuracy.n"] == (small.test_labels != 0).sum()
    assert sum(metrics[f"accuracy_of_{digit}.n"] for digit in range(1, 10)) == metrics["accuracy.n"]
    assert (
        sum(metrics[f"accuracy_of_{digit}.correct"] for digit in range(1, 10)) == metrics["accuracy.correct"]
    )
    assert metrics["drawn_strokes.n"] > metrics["drawn_strokes.correct"] > 0


def test_the_recipe_the_digests_and_the_card_are_told(told, small_files):
    outcome, folder = told
    assert outcome.parameters["classes"] == "1 2 3 4 5 6 7 8 9"
    assert outcome.parameters["model.max_iter"] == "500" and outcome.parameters["withheld"] == "0"
    artefact = folder / outcome.tags["artefact"]
    assert outcome.tags["artefact.sha256"] == hashlib.sha256(artefact.read_bytes()).hexdigest()
    assert {outcome.tags[f"data.{file.name}"] for file in small_files} == {
        file.sha256 for file in small_files
    }
    assert outcome.tags["data.drawn.npz"] == "d" * 64
    assert outcome.words == {"MODELCARD.md": (folder / "MODELCARD.md").read_text(encoding="utf-8")}
    assert outcome.confusion.startswith(b"\x89PNG")


def test_confusions_are_counted_by_what_was_drawn_and_what_was_read():
    labels, scores = np.array(["1", "1", "2", "0"]), np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [1, 0]])
    assert confusion_counts(labels, scores, ("1", "2")).tolist() == [[1, 1], [0, 1]]


def test_a_commit_is_told_with_whether_the_scripts_differ_from_it(tmp_path):
    assert commit_of(tmp_path) == "none"

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=x", "-c", "user.email=x"]
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    (tmp_path / "train.py").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "-m", "x")
    assert commit_of(tmp_path) == git("rev-parse", "HEAD")
    (tmp_path / "train.py").write_text("two")
    assert commit_of(tmp_path) == git("rev-parse", "HEAD") + "-changed"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mlflow",
        "https://host",
        "mlflow+https://",
        "mlflow+ftp://host",
        "aim",
        "aim:",
        "aim://host",
        "wandb",
    ],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(
        TrackingRefused, match=r"expected mlflow\+https://host, aim:FOLDER or clearml"
    ) as refusal:
        tracker(address)
    assert refusal.value.exit_code == 2


def test_plain_http_and_tokens_in_an_address_are_refused_and_no_token_shown():
    with pytest.raises(TrackingRefused, match="http to another machine"):
        tracker("mlflow+http://mlflow.example/x")
    with pytest.raises(TrackingRefused, match="a user or a token in it") as refusal:
        tracker("mlflow+https://me:secret@host")
    assert "secret" not in str(refusal.value)


PACKAGES = {"mlflow+https://host": "mlflow-skinny", "aim:folder": "aim", "clearml": "clearml"}


@pytest.mark.parametrize("address", PACKAGES)
def test_a_missing_package_is_refused_with_the_command_that_installs_it(address, monkeypatch):
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(TrackerMissing) as refusal:
        tracker(address)
    assert str(refusal.value).endswith(f"{sys.executable} -m pip install {PACKAGES[address]}")
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("error", [OSError("no route"), SystemExit("bye"), ValueError("\x1b[31m odd\nlines")])
def test_a_tracker_that_fails_says_so_and_fails_nothing(told, error, capsys):
    def fail(outcome: Outcome) -> str:
        raise error

    Tracker("clearml", fail).track(told[0])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tracking at clearml failed, the training did not: {type(error).__name__}: ")
    assert err.count("\n") == 1 and err[:-1].isprintable()


def test_a_missing_package_is_refused_before_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda module: None)
    monkeypatch.setattr(release, "release_from_table", None)
    monkeypatch.setattr(train, "train", None)
    assert release.main(["v1.0", "--repository", str(tmp_path / "r.git"), "--track", "clearml"]) == 3
    assert train.main(["--version", "v1.0", "--out", str(tmp_path / "x.pkl"), "--track", "clearml"]) == 3
    assert capsys.readouterr().err.count("pip install clearml") == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_world")
@pytest.mark.parametrize("fails", [False, True])
def test_a_release_is_tracked_when_it_is_out(tmp_path, monkeypatch, capsys, fails):
    outcomes = []

    def record(outcome: Outcome) -> str:
        outcomes.append(outcome)
        return str(1 // (not fails))

    monkeypatch.setattr(tracking, "tracker", lambda address: Tracker(address, record))
    command = ["v1.0", "--repository", str(tmp_path / "r.git"), "--track", "clearml"]
    assert release.main(command) == 0
    out, err = capsys.readouterr()
    assert (
        out.splitlines()[0]
        == f"released v1.0 as commit {outcomes[0].tags['release.commit']} in {tmp_path / 'r.git'}"
    )
    assert ("tracked v1.0 at clearml: 1" in out, "ZeroDivisionError" in err) == (not fails, fails)
    assert release.main([*command, "--if-missing"]) == 0
    assert "nothing to do, and nothing to track" in capsys.readouterr().out and len(outcomes) == 1


def test_a_training_without_a_release_is_tracked_with_its_report(small, tmp_path, monkeypatch, capsys):
    outcomes = []
    monkeypatch.setattr(train, "load_mnist", lambda cache: small)
    monkeypatch.setattr(
        tracking, "tracker", lambda address: Tracker(address, lambda one: outcomes.append(one) or "x")
    )
    assert train.main(["--version", "v1.0", "--out", str(tmp_path / "x.pkl"), "--track", "clearml"]) == 0
    assert "tracked v1.0 at clearml: x" in capsys.readouterr().out
    (outcome,) = outcomes
    assert outcome.tags["artefact.sha256"] == hashlib.sha256((tmp_path / "x.pkl").read_bytes()).hexdigest()
    assert "precision" in outcome.words["report.txt"] and outcome.metrics["accuracy.n"] > 0
    assert outcome.parameters["version"] == "v1.0" and set(outcome.words) == {"report.txt"}


def test_the_script_in_a_release_offers_no_tracking(tmp_path):
    for name in ("train.py", "mnist.py", "sources.py", "errors.py"):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    for folder, is_offered in ((HERE, True), (tmp_path, False)):
        run = subprocess.run([sys.executable, folder / "train.py", "--help"], capture_output=True, text=True)
        assert run.returncode == 0 and ("--track" in run.stdout) == is_offered
