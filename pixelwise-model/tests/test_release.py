"""Whole releases of small models, as a user cuts them."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from conftest import NINE, TEN, drawn_arrays

import release
import train
from build import build_release
from contract import contract_in
from errors import DrawnRefused, TrainingStoppedEarly
from repository import ReleaseRepository
from trained_pipeline import TRAINING_FILES
from training_profile import training_profile

HERE = Path(release.__file__).parent


@pytest.fixture(scope="module")
def repository(small, small_files, small_drawn, tmp_path_factory):
    """v1.0 and v2.0, cut; v1.0 with drawn digits."""
    repository = ReleaseRepository(tmp_path_factory.mktemp("releases") / "releases.git")
    release.release("v1.0", NINE, small, repository, files=small_files, drawn=small_drawn)
    release.release("v2.0", TEN, small, repository, files=small_files)
    return repository


@pytest.fixture(scope="module")
def checkout(repository, tmp_path_factory):
    """The files of v1.0."""
    folder = tmp_path_factory.mktemp("checkout") / "v1.0"
    command = ["git", "clone", "--quiet", "--config", "advice.detachedHead=false", "--branch", "v1.0"]
    subprocess.run([*command, str(repository.path), str(folder)], check=True)
    return folder


def test_a_release_holds_the_artefact_its_card_its_golden_set_and_what_made_it(checkout):
    found = {path.name for path in checkout.iterdir() if path.is_file()}
    made = {"digit_classifier_v1.pkl", "MODELCARD.md", "golden_v1.npz", "SHA256SUMS"}
    assert found == made | set(TRAINING_FILES)


def test_its_sums_cover_every_file_and_check(checkout):
    lines = [line.split("  ") for line in (checkout / "SHA256SUMS").read_text().splitlines()]
    found = {path.name for path in checkout.iterdir() if path.is_file()}
    assert {name for _, name in lines} == found - {"SHA256SUMS"}
    for digest, name in lines:
        assert hashlib.sha256((checkout / name).read_bytes()).hexdigest() == digest


def test_its_contract_describes_the_files_beside_it(checkout, small):
    contract = contract_in((checkout / "MODELCARD.md").read_text(encoding="utf-8"))
    for digest, name in (
        (contract["sha256"], contract["artefact"]),
        (contract["golden"]["sha256"], contract["golden"]["file"]),
    ):
        assert hashlib.sha256((checkout / name).read_bytes()).hexdigest() == digest
    pipeline = joblib.load(checkout / contract["artefact"])  # our own, made a moment ago
    known = small.test_labels != 0
    read = pipeline.predict(train.binarised(small.test_images[known]))
    assert (read == train.labels_of(small.test_labels[known])).sum() == contract["accuracy"]["correct"]
    assert pipeline.classes_.tolist() == contract["classes"]


def test_its_drawn_digits_are_read_by_the_artefact_as_it_says(checkout, small_drawn):
    drawn = contract_in((checkout / "MODELCARD.md").read_text(encoding="utf-8"))["drawn"]
    pipeline = joblib.load(checkout / "digit_classifier_v1.pkl")
    known = np.isin(small_drawn.labels, pipeline.classes_)
    right = pipeline.predict(train.binarised(small_drawn.images)) == small_drawn.labels
    for kind, which in (
        ("strokes", small_drawn.conditions == "strokes"),
        ("pictures", small_drawn.conditions != "strokes"),
    ):
        assert (drawn[kind]["correct"], drawn[kind]["n"]) == (
            right[which & known].sum(),
            (which & known).sum(),
        )
    assert drawn["error"]["after"] < drawn["error"]["before"]


def test_drawn_digits_are_never_trained_on(small, small_files, small_drawn, checkout, tmp_path):
    """The artefact is the same without them."""
    build_release("v1.0", NINE, small, tmp_path, previous=None, files=small_files)
    name = "digit_classifier_v1.pkl"
    assert (tmp_path / name).read_bytes() == (checkout / name).read_bytes()


def test_its_profile_is_of_the_digits_that_it_was_taught(checkout, small):
    contract = contract_in((checkout / "MODELCARD.md").read_text(encoding="utf-8"))
    assert contract["profile"] == training_profile(small.train_images[small.train_labels != 0])
    assert contract["profile"] != training_profile(small.train_images)


def test_its_golden_set_is_what_the_artefact_itself_answers(checkout):
    contract = contract_in((checkout / "MODELCARD.md").read_text(encoding="utf-8"))
    pipeline = joblib.load(checkout / "digit_classifier_v1.pkl")
    with np.load(checkout / "golden_v1.npz", allow_pickle=False) as golden:
        images, labels, scores = golden["images"], golden["labels"], golden["scores"]
    np.testing.assert_allclose(pipeline.predict_proba(train.binarised(images)), scores, atol=1e-12)
    promise = contract["golden"]
    assert len(labels) == promise["n"] + promise["withheld"] == 1_020
    read = pipeline.classes_[scores.argmax(axis=1)]
    assert (read == labels)[: promise["n"]].sum() == promise["correct"]


def test_its_training_scripts_run_out_of_the_release_alone(checkout):
    for script in ("train.py", "mnist.py"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", _RUN, script], cwd=checkout, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout


_RUN = """
import runpy, sys
script = sys.argv[1]
sys.path.insert(0, ".")
sys.argv = [script, "--help"]
runpy.run_path(script, run_name="__main__")
"""


def test_the_next_release_knows_the_one_before(repository):
    assert "Since v1.0, from the contracts of both:" in repository.read("v2.0", "MODELCARD.md")


CUT = """
import os, sys
os.umask(int(sys.argv[2], 8))
from pathlib import Path
from calibration import DrawnDigits
from conftest import NINE, drawn_arrays, shapes
from mnist import Mnist
from release import release
from trained_pipeline import TRAINING_FILES
from repository import ReleaseRepository
small = Mnist(*shapes(4000, seed=1), *shapes(1400, seed=2))
drawn = DrawnDigits(**drawn_arrays() | {"recipe": 2}, sha256="")
print(release("v1.0", NINE, small, ReleaseRepository(Path(sys.argv[1])), files=(), drawn=drawn))
"""


def test_the_same_release_built_in_two_environments_is_one_commit(tmp_path):
    """Two builds on one machine were two: the order of sums was that of the threads."""
    commits = set()
    for name, umask, environ in (
        ("a", "077", {"OPENBLAS_NUM_THREADS": "1", "TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
        (
            "b",
            "000",
            {"OPENBLAS_NUM_THREADS": "4", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
        ),
        ("c", "022", {"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}),
    ):
        path = f"{HERE}:{Path(__file__).parent}"
        home = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / name),
            "PYTHONPATH": path,
            "SOURCE_DATE_EPOCH": "1700000000",
        }
        command = [sys.executable, "-c", CUT, tmp_path / f"{name}.git", umask]
        done = subprocess.run(command, cwd="/", env={**home, **environ}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        commits.add(done.stdout)
    assert len(commits) == 1


def test_a_date_that_is_no_second_is_refused_before_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    monkeypatch.setattr(release, "release_from_table", None)
    assert release.main(["v1.0", "--repository", str(tmp_path / "r.git")]) == 4
    assert "SOURCE_DATE_EPOCH='yesterday'" in capsys.readouterr().err


def test_a_version_of_too_many_digits_is_none(tmp_path, capsys):
    assert release.main([f"v{'1' * 5000}.0", "--repository", str(tmp_path / "r.git")]) == 2
    assert "another shape" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_no_traceback(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert (
        release.main(
            ["v1.0", "--repository", str(tmp_path / "r.git"), "--cache", str(tmp_path / "file/data")]
        )
        == 3
    )
    said = capsys.readouterr().err
    assert ": Not a directory;" in said and "Move the file away" in said and "network" not in said


def test_a_release_that_fails_leaves_nothing(small, small_files, tmp_path):
    def exhausted():
        return train.MLPClassifier((4,), max_iter=1)

    repository = ReleaseRepository(tmp_path / "releases.git")
    with pytest.raises(TrainingStoppedEarly):
        release.release(
            "v1.0", train.Recipe(("1", "2"), ("0",), exhausted), small, repository, files=small_files
        )
    assert list(tmp_path.iterdir()) == []


# -- the command ----------------------------------------------------------------------------------------


def test_the_same_release_twice_is_refused_or_nothing_to_do(small_world, tmp_path, capsys):
    command = ["v1.0", "--repository", str(tmp_path / "releases.git")]
    assert release.main(command) == 0
    assert "released v1.0 as commit " in capsys.readouterr().out
    assert release.main(command) == 4
    assert "choose the next version, or pass --if-missing" in capsys.readouterr().err
    assert release.main([*command, "--if-missing"]) == 0
    assert capsys.readouterr().out == "v1.0 is there: nothing to do\n"


def test_a_fork_gets_the_release_and_only_once(small_world, tmp_path, capsys):
    fork = str(tmp_path / "fork.git")
    subprocess.run(["git", "init", "--quiet", "--bare", fork], check=True)
    command = ["v2.0", "--repository", str(tmp_path / "releases.git"), "--push", fork]
    assert release.main(command) == 0
    assert f"pushed v2.0 to {fork}" in capsys.readouterr().out
    assert ReleaseRepository(Path(fork)).versions() == ["v2.0"]
    assert release.main([*command, "--if-missing"]) == 0
    assert "nothing to push" in capsys.readouterr().out


def test_a_fork_that_has_the_tag_is_refused_before_anything_is_trained(
    repository, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(release, "release_from_table", None)
    command = ["v1.0", "--repository", str(tmp_path / "new.git"), "--push", str(repository.path)]
    assert release.main(command) == 4
    assert "Published tags are not moved" in capsys.readouterr().err
    assert not (tmp_path / "new.git").exists()


def test_drawn_digits_are_those_of_the_usual_file_if_it_is_there(tmp_path, capsys):
    usual = tmp_path / "drawn.npz"
    assert release.drawn_digits("v1.0", None, usual=usual) is None
    assert f".venv/bin/python -m drawn {usual}\n" in capsys.readouterr().err
    np.savez_compressed(usual, **drawn_arrays())
    assert len(release.drawn_digits("v1.0", None, usual=usual).labels) == 1_400
    assert capsys.readouterr().err == ""
    with pytest.raises(DrawnRefused):
        release.drawn_digits("v1.0", tmp_path / "other.npz", usual=usual)


def test_drawn_digits_that_are_none_are_refused_before_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train, "train", None)
    (tmp_path / "drawn.npz").write_text("rubbish")
    where = ["--repository", str(tmp_path / "r.git"), "--drawn", str(tmp_path / "drawn.npz")]
    assert release.main(["v1.0", *where]) == 4
    assert "python -m drawn" in capsys.readouterr().err
    assert not (tmp_path / "r.git").exists()


def test_unknown_and_misshapen_versions_are_refused(tmp_path, capsys):
    where = ["--repository", str(tmp_path / "releases.git")]
    assert release.main(["v9.9", *where]) == 2
    assert "add a line to VERSIONS in train.py" in capsys.readouterr().err
    assert release.main(["latest", *where]) == 2
    assert "expected vN.N" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_do_needs_no_scikit_learn_and_no_numpy(repository):
    code = f"""
import sys
for absent in ("sklearn", "numpy", "joblib", "yaml"):
    sys.modules[absent] = None
import release
sys.exit(release.main(["v1.0", "--if-missing", "--repository", {str(repository.path)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "v1.0 is there: nothing to do\n"), done.stderr
