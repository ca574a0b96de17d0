"""The network of v3.0 in miniature: trained, exported, and read by another program."""

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from conftest import TEN
from test_augmented import augmented_of

import release
import train
from batches import Plan
from contract import contract_in
from lessons import Lessons
from mnist import Mnist
from repository import ReleaseRepository

torch = pytest.importorskip("torch", reason="PyTorch is not installed: requirements-v3.txt has it")
onnx = pytest.importorskip("onnx", reason="onnx is not installed: requirements-v3.txt has it")
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="onnxruntime is not installed: requirements-v3.txt has it"
)

import learning  # noqa: E402  # they need PyTorch
import network  # noqa: E402
from trained_network import TRAINING_FILES, choose_limit  # noqa: E402

CLASSES = tuple("0123456789")
FEW = Plan(epochs=12, batch=64, outliers=12)


def trained(small: Mnist, seed: int = 0) -> network.Network:
    augmented = augmented_of(small)
    return learning.train_network(small.train_images, small.train_labels, augmented, seed=seed, plan=FEW)


@pytest.fixture(scope="module")
def miniature(small: Mnist) -> network.Network:
    return trained(small)


@pytest.fixture(scope="module")
def artefact(miniature: network.Network) -> bytes:
    return network.to_onnx(miniature, CLASSES)


def test_it_learns(miniature, small):
    read = learning.scores_of(miniature, small.test_images).argmax(axis=1)
    assert np.mean(read == small.test_labels) > 0.9


def test_fewer_than_a_hundred_thousand_numbers_are_learnt():
    assert network.count_of_parameters(network.Network()) < 100_000


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(artefact, small):
    assert network.to_onnx(trained(small), CLASSES) == artefact
    assert network.to_onnx(trained(small, seed=1), CLASSES) != artefact


def test_another_program_computes_the_same_from_the_file(miniature, artefact, small):
    session = onnxruntime.InferenceSession(artefact)
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == ("images", "tensor(uint8)", ["N", 28, 28])
    assert (given.name, given.type, given.shape) == ("scores", "tensor(float)", ["N", 10])
    for count in (1, 7, 500):
        scores = session.run(None, {"images": small.test_images[:count]})[0]
        np.testing.assert_allclose(
            scores, learning.scores_of(miniature, small.test_images[:count]), atol=2e-6
        )


def test_the_file_is_a_straight_line_of_nodes_and_raw_initializers_each_used_once(artefact):
    model = onnx.load_from_string(artefact)
    kinds = " ".join(node.op_type for node in model.graph.node)
    layers = "Conv Relu Conv Relu MaxPool Conv Relu MaxPool Conv Relu"
    assert kinds == f"Cast Mul Reshape {layers} Flatten Gemm Softmax"
    names = {part.name for part in model.graph.initializer}
    before = "images"
    used = []
    for node in model.graph.node:
        assert node.input[0] == before
        assert set(node.input[1:]) <= names
        used += node.input[1:]
        (before,) = node.output
    assert before == "scores"
    assert sorted(used) == sorted(names)
    assert all(part.raw_data for part in model.graph.initializer)
    assert (model.ir_version, model.opset_import[0].version, model.producer_name) == (8, 13, "pytorch")
    assert {each.key: each.value for each in model.metadata_props} == {
        "classes": "0 1 2 3 4 5 6 7 8 9",
        "torch": torch.__version__,
    }


def test_folding_batch_norms_and_the_temperature_changes_no_more_than_they_say():
    torch.manual_seed(0)
    whole = network.Network().train()
    images = torch.randint(0, 256, (64, 28, 28), dtype=torch.uint8)
    with torch.no_grad():
        for _ in range(5):
            whole.logits(images)  # so that the batch norms have seen something
        before = whole.eval().logits(images)
        after = network.ready(whole, 2.0).logits(images)
    torch.testing.assert_close(after, before / 2, atol=1e-5, rtol=1e-4)


def test_its_confidence_is_that_of_digits_it_did_not_learn_from(miniature, small):
    assert learning.choose_temperature(
        miniature, small.train_images, small.train_labels, augmented_of(small)
    ) == pytest.approx(1, abs=0.01)


def test_drawings_that_are_no_digit_make_it_less_sure(miniature, small):
    augmented = augmented_of(small)
    sure = [
        learning.scores_of(miniature, images).max(axis=1).mean()
        for images in (small.test_images, augmented.held_out)
    ]
    assert sure[1] < sure[0]


@pytest.fixture(scope="module")
def augmented_file(small, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("augmented") / "augmented.npz"
    np.savez(path, **vars(augmented_of(small)))
    return path


def test_the_command_writes_the_file(small, augmented_file, tmp_path, capsys, monkeypatch):
    import train_v3

    names = (train_v3.TRAIN_IMAGES.name, train_v3.TRAIN_LABELS.name)
    arrays = dict(zip(names, small[:2], strict=True))
    monkeypatch.setattr(train_v3, "ensure", lambda cache, files: [])
    monkeypatch.setattr(train_v3, "read_idx", lambda path, file: arrays[path.name])
    out = tmp_path / "a.onnx"
    assert train_v3.main(["--out", str(out), "--augmented", str(augmented_file), "--epochs", "1"]) == 0
    said = capsys.readouterr()
    assert said.out == f"wrote {out}\n"
    assert re.search(r"step \d+ of \d+, loss \d", said.err)
    onnx.checker.check_model(onnx.load(out), full_check=True)


@pytest.fixture(scope="module")
def released(small, small_files, small_drawn, augmented_file, tmp_path_factory) -> Path:
    """The files of a release."""
    repository = ReleaseRepository(tmp_path_factory.mktemp("releases") / "releases.git")
    recipe, lessons = train.Recipe(TEN.classes, (), None), Lessons(augmented_file, epochs=6)
    release.release("v3.0", recipe, small, repository, files=small_files, drawn=small_drawn, lessons=lessons)
    folder = tmp_path_factory.mktemp("checkout") / "v3.0"
    command = ["git", "clone", "--quiet", "--config", "advice.detachedHead=false", "--branch", "v3.0"]
    subprocess.run([*command, str(repository.path), str(folder)], check=True)
    return folder


def test_a_release_states_what_its_file_gives(released, small, small_drawn):
    contract = contract_in((released / "MODELCARD.md").read_text(encoding="utf-8"))
    artefact = (released / "digit_classifier_v3.onnx").read_bytes()
    assert (contract["format"], contract["artefact"]) == ("onnx", "digit_classifier_v3.onnx")
    assert contract["sha256"] == sha256(artefact).hexdigest()
    assert contract["input"]["ink"] == "grey"
    assert not {"sklearn", "steps"} & set(contract)
    session = onnxruntime.InferenceSession(artefact)
    scores = session.run(None, {"images": small.test_images})[0]
    assert (scores.argmax(axis=1) == small.test_labels).sum() == contract["accuracy"]["correct"]
    said = contract["not_a_digit"]
    assert said["digits"]["count"] == (scores.max(axis=1) < said["below"]).sum()
    assert said["shapes"]["n"] == 60
    assert said["strokes"]["n"] == (small_drawn.conditions == "strokes").sum()


def test_its_training_script_runs_out_of_the_release_alone(released):
    assert {path.name for path in released.iterdir()} >= set(TRAINING_FILES)
    code = "import sys; sys.path.insert(0, '.'); import train_v3, learning, network"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=released, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_limit_is_the_lower_of_two_and_only_rightly_read_digits_drawn_anew_count():
    digits = np.zeros(10_000, np.uint8)
    sure = np.linspace(0.2, 1, 10_000)
    scores = np.column_stack([sure, *[(1 - sure) / 9] * 9])
    surer = np.column_stack([(9 + sure) / 10, *[(1 - sure) / 90] * 9])
    assert choose_limit(scores, surer, digits) == pytest.approx(0.208, abs=2e-4)
    assert choose_limit(surer, scores, digits) == pytest.approx(0.2012, abs=2e-4)
    assert choose_limit(scores, surer, np.where(sure < 0.6, 1, 0)) == pytest.approx(0.604, abs=2e-4)
