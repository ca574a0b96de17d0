import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from conftest import NINE
from sklearn.neural_network import MLPClassifier

import train
from errors import TrainingStoppedEarly, UnknownVersion


def test_the_serving_rule_is_the_training_rule():
    grey = (
        np.array([0, 1, 127, 128, 129, 255], np.uint8).reshape(6, 1, 1).repeat(28, axis=1).repeat(28, axis=2)
    )
    ink = train.binarised(grey)
    assert ink.shape == (6, 784)
    assert ink.dtype == np.float64
    assert ink[:, 0].tolist() == [0, 0, 0, 0, 1, 1]


def test_a_pipeline_is_a_binarizer_and_the_classifier_of_the_recipe(small):
    pipeline = train.train(NINE, small.train_images, small.train_labels)
    assert [(name, type(step).__name__) for name, step in pipeline.steps] == [
        ("binarize", "Binarizer"),
        ("clf", "LogisticRegression"),
    ]
    assert pipeline["binarize"].threshold == 0.5
    assert pipeline.n_features_in_ == 784


def test_labels_are_text_and_withheld_digits_are_never_taught(small):
    pipeline = train.train(NINE, small.train_images, small.train_labels)
    assert pipeline.classes_.tolist() == list("123456789")
    assert pipeline.classes_.dtype.kind == "U"


def test_the_same_seed_gives_the_same_model(small):
    first, second = (train.train(NINE, small.train_images, small.train_labels) for _ in range(2))
    np.testing.assert_array_equal(first["clf"].coef_, second["clf"].coef_)


def test_a_network_shows_each_epoch_and_its_loss_on_stderr(small, capsys):
    recipe = train.Recipe(("1", "2"), (), lambda: MLPClassifier((4,), max_iter=500, tol=0.1, verbose=True))
    train.train(recipe, small.train_images, small.train_labels)
    out, err = capsys.readouterr()
    assert "Iteration 1, loss = " in err
    assert out == ""


def test_training_that_is_cut_short_is_refused_and_not_just_warned_of(small):
    recipe = train.Recipe(("1", "2"), (), lambda: MLPClassifier((4,), max_iter=1))
    with pytest.raises(TrainingStoppedEarly, match=r"MLPClassifier: .*Maximum iterations"):
        train.train(recipe, small.train_images, small.train_labels)


def test_a_silent_training_still_shows_that_it_goes_on(capsys):
    with train.heartbeat("lbfgs", every_seconds=0.01):
        import time

        time.sleep(0.1)
    assert "lbfgs: 0 s" in capsys.readouterr().err


def test_the_artefact_is_an_uncompressed_pickle_with_a_usual_name(small, tmp_path):
    pipeline = train.train(NINE, small.train_images, small.train_labels)
    train.write_artefact(pipeline, tmp_path / "a.pkl")
    assert (tmp_path / "a.pkl").read_bytes()[:1] == b"\x80"  # the opcode that starts a pickle
    again = joblib.load(tmp_path / "a.pkl")  # our own, made a moment ago
    rows = train.binarised(small.test_images)
    np.testing.assert_array_equal(again.predict(rows), pipeline.predict(rows))


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("v1.0", "digit_classifier_v1.pkl"),
        ("v1.1", "digit_classifier_v1_1.pkl"),
        ("v2.0", "digit_classifier_v2.pkl"),
        ("v10.10", "digit_classifier_v10_10.pkl"),
    ],
)
def test_the_name_of_an_artefact_follows_from_its_version(version, name):
    assert train.artefact_name(version) == name


def test_the_report_counts_only_digits_that_the_model_knows(small):
    pipeline = train.train(NINE, small.train_images, small.train_labels)
    text = train.report(pipeline, small.test_images, small.test_labels)
    assert f"{(small.test_labels != 0).sum()}" in text.splitlines()[-1]


def test_the_table_of_versions_is_the_promised_one():
    table = {
        version: (recipe.classes, recipe.withheld, kind_of(recipe))
        for version, recipe in train.VERSIONS.items()
    }
    nine, ten = tuple("123456789"), tuple("0123456789")
    assert table == {
        "v1.0": (nine, ("0",), "LogisticRegression"),
        "v1.1": (nine, ("0",), "MLPClassifier"),
        "v2.0": (ten, (), "MLPClassifier"),
        "v3.0": (ten, (), "network"),
    }
    assert train.VERSIONS["v1.1"].estimator().hidden_layer_sizes == (256, 128)
    estimators = [recipe.estimator() for recipe in train.VERSIONS.values() if recipe.estimator]
    assert [each.random_state for each in estimators] == [train.SEED] * 3


def kind_of(recipe):
    return type(recipe.estimator()).__name__ if recipe.estimator else "network"


def test_a_network_is_trained_by_another_script(capsys):
    assert train.main(["--version", "v3.0"]) == 2
    assert "python train_v3.py" in capsys.readouterr().err


def test_an_unknown_version_is_refused_with_the_known_ones(capsys):
    with pytest.raises(UnknownVersion, match=r"one of v1\.0, v1\.1, v2\.0, v3\.0"):
        train.recipe_of("v4.0")
    assert train.main(["--version", "v4.0"]) == 2
    assert "add a line to VERSIONS in train.py" in capsys.readouterr().err


def test_from_the_command_line_it_prints_the_report_and_writes_the_artefact(
    small, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(train, "load_mnist", lambda cache: small)
    assert train.main(["--version", "v1.0", "--out", str(tmp_path / "out.pkl")]) == 0
    out = capsys.readouterr().out
    assert "precision" in out
    assert f"wrote {tmp_path / 'out.pkl'}" in out
    assert (tmp_path / "out.pkl").stat().st_size > 50_000


def test_it_runs_from_any_folder(tmp_path):
    script = Path(train.__file__)
    done = subprocess.run([sys.executable, script, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert "--version" in done.stdout
