"""The network of v3.0 in miniature: trained, exported, and read by another program."""

import re
from pathlib import Path

import numpy as np
import pytest
from test_augmented import augmented_of

from batches import Plan
from mnist import Mnist

torch = pytest.importorskip("torch", reason="PyTorch is not installed: requirements-v3.txt has it")
onnx = pytest.importorskip("onnx", reason="onnx is not installed: requirements-v3.txt has it")
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="onnxruntime is not installed: requirements-v3.txt has it"
)

import learning  # noqa: E402  # they need PyTorch
import network  # noqa: E402

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


def test_the_command_writes_the_file(small, tmp_path, capsys, monkeypatch):
    import train_v3

    monkeypatch.setattr(train_v3, "ensure", lambda cache, files: [])
    arrays = {
        file.name: part
        for file, part in zip((train_v3.TRAIN_IMAGES, train_v3.TRAIN_LABELS), small, strict=False)
    }
    monkeypatch.setattr(train_v3, "read_idx", lambda path, file: arrays[path.name])
    augmented = tmp_path / "augmented.npz"
    np.savez(augmented, **vars(augmented_of(small)))
    out = tmp_path / "a.onnx"
    assert train_v3.main(["--out", str(out), "--augmented", str(augmented), "--epochs", "0.2"]) == 0
    said = capsys.readouterr()
    assert said.out == f"wrote {out}\n"
    assert re.search(r"step \d+ of \d+, loss \d", said.err)
    onnx.checker.check_model(onnx.load(Path(out)), full_check=True)
