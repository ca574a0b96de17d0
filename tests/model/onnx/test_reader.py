"""The reader of ONNX files: the scales, labels and statements of honest ones, and what helps where one is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from app.model.contract import KEYS_OF_FORMATS, Contract, Scale
from app.model.formats import read_model
from app.model.onnx.reader import read_image_network, read_onnx
from app.model.refusals import ArtefactRefused
from tests.attacks.honest import honest_pipeline
from tests.attacks.onnx_files import FLOAT, UINT8, Net, encode, linear, model, perceptron, small, value

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)


def refusal(data: bytes, scale: Callable[[], Scale | None] = lambda: None) -> ArtefactRefused:
    with pytest.raises(ArtefactRefused) as caught:
        read_model(data, scale)
    return caught.value


def never() -> None:
    pytest.fail("the card was looked up")


def test_a_file_of_uint8_pixels_says_itself_what_they_are_and_no_card_is_asked():
    grey, ink = read_model(encode(small()), never), read_model(encode(perceptron()), never)
    assert (grey.ink, ink.ink) == ("grey", "> 128")
    assert (grey.features, grey.format, grey.labels) == (784, "onnx", ("1", "2", "3"))
    assert ink.labels == tuple("0123456789")


@pytest.mark.parametrize("scale", ["ink", "unit", "byte"])
def test_float32_pixels_have_the_scale_that_the_card_states(scale: Scale):
    gain = 0.01 if scale == "byte" else 1.0
    by_card = read_model(encode(linear(gain=gain)), lambda: scale)
    assert by_card.ink == ("> 128" if scale == "ink" else "grey")
    net = Net()
    if scale == "ink":
        net.add("Greater", np.uint8(128))
    net.add("Cast", to=FLOAT)
    if scale == "unit":
        net.add("Div", np.float32(255))
    net.add("MatMul", Net(gain=gain).weights(784, 3)).add("Add", Net(seed=1).weights(3))
    by_file = net.end(input=value("pixels", UINT8, ["n", 784]), classes="1 2 3", count=3)
    assert np.allclose(by_card.scores(IMAGES), read_model(encode(by_file)).scores(IMAGES), atol=1e-5)


def test_float32_pixels_without_a_stated_scale_are_refused_with_both_remedies():
    error = refusal(encode(linear()))
    assert error.code == "scale"
    assert "float32 pixels" in error.found
    assert "`scale` under `input`" in error.remedy
    assert "uint8 pixels" in error.remedy


def test_a_refusal_of_the_card_goes_through():
    class Broken(Exception):
        pass

    def broken() -> Scale | None:
        raise Broken

    with pytest.raises(Broken):
        read_model(encode(linear()), broken)


def test_ten_scores_without_classes_are_the_ten_digits_and_nine_are_told_what_to_add():
    assert read_model(encode(perceptron())).labels == tuple("0123456789")
    error = refusal(encode(small(classes=None)))
    assert error.code == "classes"
    assert 'Add to metadata_props a "classes"' in error.remedy


def test_logits_are_refused_with_the_remedy():
    net = Net().scaled().add("Flatten")
    net.add("Gemm", net.weights(10, 784), net.weights(10), transB=1, output="scores")
    error = refusal(encode(model(net.nodes, net.constants)))
    assert error.code == "scores"
    assert error.remedy == "Export the network with a Softmax over the classes as its last operator."


def test_the_model_states_its_operator_set_and_its_exporter():
    scorer = read_onnx(encode(small(opset=17)), never)
    assert scorer.stated == {"opset": 17}
    assert tuple(scorer.stated) == KEYS_OF_FORMATS["onnx"]
    assert set(scorer.stated) <= set(Contract.__struct_fields__)
    assert scorer.provenance == "tests"
    assert scorer.parameters == 50 + 2 + 54 + 3 + 36 + 3


def test_an_exporter_s_name_is_shown_without_what_a_terminal_obeys():
    file = small()
    file[1] = (2, "\x1b[2Jevil\n" + "x" * 1000)
    scorer = read_onnx(encode(file), never)
    assert scorer.provenance == ("2Jevil" + "x" * 1000)[:40]


@pytest.mark.parametrize(("file", "kind"), [(small(), "Convolutional"), (perceptron(), "Perceptron")])
def test_the_kind_of_a_network_is_a_word(file: list[tuple[int, object]], kind: str):
    assert read_model(encode(file)).kind == kind


def test_the_weights_of_a_linear_model_can_be_shown_and_those_of_others_cannot():
    one = read_model(encode(linear()), lambda: "unit")
    assert one.weights is not None
    assert one.weights.shape == (784, 3)
    assert read_model(encode(perceptron())).weights is None


def test_weights_stay_views_of_the_file():
    _, network = read_image_network(encode(small()), never)
    weights = network.stages[0].linear.weights
    assert not weights.flags.writeable
    assert not weights.flags.owndata


def test_an_installation_that_serves_a_pickle_does_not_import_the_reader():
    program = (
        "import sys; from app.model.formats import read_model; read_model(sys.stdin.buffer.read()); "
        "print(*sorted(name for name in sys.modules if name.startswith('app.model.onnx')), "
        "*({'onnx', 'onnxruntime', 'google.protobuf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], input=honest_pipeline(), capture_output=True, check=True)
    assert done.stdout.split() == [b"app.model.onnx", b"app.model.onnx.format", b"app.model.onnx.refusals"]


def test_a_scale_of_pixels_far_from_1_has_its_own_remedy_and_a_millionth_is_none():
    def divided(by: float) -> bytes:
        net = Net(gain=1e-6).add("Cast", to=FLOAT).add("Div", np.float32(by)).add("Flatten")
        return encode(net.add("MatMul", (net.weights(784, 10) / 100).astype("f4")).end())

    assert "pixels / 255" in refusal(divided(1e-7)).remedy
    assert float(np.float32(1e-6)) < 1e-6
    assert read_model(divided(1e-6)).kind == "Linear"
