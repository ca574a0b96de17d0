"""A release of an ONNX file: with a contract and recorded answers, and with a card in prose alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import read_artefact
from app.release.record import own_artefact
from app.verify.card import CARD
from app.verify.refusals import BadCard, ContractBroken, RosterMismatch
from tests.attacks.onnx_files import FLOAT, Message, Net, encode, small, value
from tests.conftest import MNIST_FOLDER, Mnist
from tests.course import prose_of
from tests.installation import Installation, Published
from tests.release.remote import Remote
from tests.release.shop import Shop

FILE = "digit_classifier_v1.onnx"
NINE = "1 2 3 4 5 6 7 8 9"


def as_onnx(published: Published, *, floats: bool = False, opset: int = 13) -> bytes:
    """The weights of v1.0's logistic regression; on ink that the file itself finds, or on float32 pixels."""
    (layer,) = read_artefact(published.artefact).layers
    net, changes = Net(), dict[str, Any]()
    if floats:
        changes["input"] = value("pixels", FLOAT, ["n", 28, 28])
    else:
        net.add("Greater", np.uint8(128)).add("Cast", to=FLOAT)
    net.add("Flatten").add("Gemm", layer.weights.astype("f4"), layer.bias.astype("f4"))
    file: Message = net.end(classes=NINE, count=9, opset=opset, **changes)
    return encode(file)


@pytest.fixture
def place_onnx(shop: Shop, v1: Published) -> Callable[..., Shop]:
    """Places v1.0 with these bytes as its artefact, and its card with these changes of the contract."""

    def placed(data: bytes, **changes: object) -> Shop:
        _, matter, prose = v1.files[CARD].decode().split("---\n", 2)
        front, digest = yaml.safe_load(matter), hashlib.sha256(data).hexdigest()
        before = front["contract"]
        ours = {"artefact": FILE, "sha256": digest, "format": "onnx", "opset": 13, "sklearn": None, "steps": None}
        contract = {**before, **ours, **changes}
        front["contract"] = {key: content for key, content in contract.items() if content is not None}
        card = f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{prose.replace(before['sha256'], digest)}"
        others = {name: content for name, content in v1.files.items() if name.endswith(".npz")}
        shop.place("v1.0", {**others, FILE: data, CARD: card.encode()}, artefact=FILE)
        return shop

    return placed


def with_scale(published: Published, scale: str | None, ink: str) -> dict[str, object]:
    _, matter, _ = published.files[CARD].decode().split("---\n", 2)
    rule = {**yaml.safe_load(matter)["contract"]["input"], "ink": ink, "scale": scale}
    return {"input": {key: content for key, content in rule.items() if content is not None}}


def test_it_agrees_with_its_card_and_its_recorded_answers(place_onnx: Callable[..., Shop], v1: Published):
    model = place_onnx(as_onnx(v1)).open()
    outcomes = {check.name: check.outcome for check in model.checks}
    assert (model.version, model.path.name, model.scorer.format) == ("v1.0", FILE, "onnx")
    assert (outcomes["format"], outcomes["sha256"], outcomes["opset"], outcomes["ink rule"]) == ("agrees",) * 4
    assert outcomes["recorded answers"] == "agrees"
    assert "differs" not in outcomes.values()


def test_its_usual_name_is_found():
    assert own_artefact("v1.0", [CARD, FILE]) == FILE
    assert own_artefact("v3.1", ["digit_classifier_v3_1.onnx"]) == "digit_classifier_v3_1.onnx"


def test_the_scale_of_float32_pixels_is_the_card_s(place_onnx: Callable[..., Shop], v1: Published):
    model = place_onnx(as_onnx(v1, floats=True), **with_scale(v1, "ink", "> 128")).open()
    outcomes = {check.name: check.outcome for check in model.checks}
    assert (outcomes["ink rule"], outcomes["recorded answers"]) == ("agrees", "agrees")


def test_float32_pixels_without_a_scale_in_the_card_are_refused(place_onnx: Callable[..., Shop], v1: Published):
    with pytest.raises(ArtefactRefused, match=r"digit_classifier_v1\.onnx \(scale\): float32 pixels") as caught:
        place_onnx(as_onnx(v1, floats=True)).open()
    assert caught.value.remedy.startswith("State `scale` under `input`")
    assert "needs the whole block of docs/contract.md" in caught.value.remedy


def test_grey_pixels_where_the_card_promises_ink_are_a_broken_promise(place_onnx: Callable[..., Shop]):
    net = Net(gain=0.5).scaled().add("Flatten").gemm(784, 9)
    with pytest.raises(ContractBroken, match=r"ink rule.*: 'grey' \(artefact\).*promised '> 128' \(card\)"):
        place_onnx(encode(net.end(classes=NINE, count=9))).open()


def test_another_operator_set_than_the_card_s_is_refused(place_onnx: Callable[..., Shop], v1: Published):
    with pytest.raises(ContractBroken, match=r"opset: '17' \(artefact\); promised '13' \(card\)"):
        place_onnx(as_onnx(v1, opset=17)).open()


def test_a_contract_without_the_operator_set_is_refused(place_onnx: Callable[..., Shop], v1: Published):
    with pytest.raises(BadCard, match="missing required field `opset`"):
        place_onnx(as_onnx(v1), opset=None).open()


def test_a_contract_without_the_format_says_to_add_it(place_onnx: Callable[..., Shop], v1: Published):
    with pytest.raises(BadCard, match="missing required field `sklearn`") as caught:
        place_onnx(as_onnx(v1), format=None, opset=None).open()
    assert "must add `format: onnx` and `opset` to the contract" in caught.value.remedy


def test_a_key_of_pickles_is_refused(place_onnx: Callable[..., Shop], v1: Published):
    with pytest.raises(BadCard, match="`sklearn` belongs to the format sklearn-pickle, not to onnx"):
        place_onnx(as_onnx(v1), sklearn="1.9.1").open()


def test_a_file_with_other_classes_than_the_roster_s_is_refused(place_onnx: Callable[..., Shop]):
    with pytest.raises(RosterMismatch, match="classes 1 2 3; promised classes 1 2 3 4 5"):
        place_onnx(encode(small())).open()


def test_a_release_made_elsewhere_of_a_file_and_a_card_in_prose_is_pulled_verified_and_read(
    installation: Installation, published: Callable[[str], Published], tmp_path: Path, mnist: Mnist
):
    """As the course publishes a .pkl (tests/test_course_release.py): no contract, no golden set, no SHA256SUMS."""
    card = "# Model card: digits\n\nReads handwritten digits 1\u20139.\n\nExpected accuracy: ~92%\n"
    remote = Remote(tmp_path / "elsewhere.git")
    remote.release("v1.0", {FILE: as_onnx(published("v1.0"), opset=17), CARD: card.encode()})
    settings = {"MODEL_REPO": str(remote.folder), "MODEL_VERSION": "v1.0", "MNIST_DIR": str(MNIST_FOLDER)}
    installation.run("-c", "import shutil; shutil.rmtree('models')")
    pulled = installation.pixelwise("pull", **settings)
    assert pulled.returncode == 0, pulled.stderr

    verified = installation.pixelwise("verify", "--json", **settings)
    assert verified.returncode == 0, verified.stderr
    checks = {check["name"]: check["outcome"] for check in json.loads(verified.stdout)["checks"]}
    assert checks["classes"] == "agrees"
    assert "differs" not in checks.values()

    read = installation.predict(**settings)
    assert (read.returncode, read.stderr) == (0, "")
    lines = [line for line in read.stdout.splitlines() if line.startswith("Pred: ")]
    assert [line.partition("True: ")[2][0] for line in lines] == ["7", "2", "1", "4", "0"]


def test_a_card_in_prose_of_a_pickle_is_no_card_of_an_onnx_file(shop: Shop, v1: Published):
    shop.place("v1.0", {FILE: as_onnx(v1), CARD: prose_of("v1.0").encode()}, artefact=FILE)
    with pytest.raises(ContractBroken, match="classifier"):
        shop.open()
