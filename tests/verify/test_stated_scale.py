"""A release whose model takes grey values: its card states their scale, from the record to the recorded answers."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
import yaml

from app.model.contract import Scale
from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import read_artefact
from app.verify.card import CARD
from app.verify.comparison import look_at
from app.verify.refusals import BadCard, ContractBroken, VersionMismatch
from tests.attacks.assemble import joblib_dump
from tests.attacks.honest import logistic_regression, scaled, standard_scaler
from tests.installation import Published
from tests.release.shop import V1, Shop

GREY = {"ink": "grey", "scale": "unit"}
STEPS = {"s0": "StandardScaler", "s1": "LogisticRegression"}
MEAN, DEVIATION = np.linspace(0, 0.5, 784), np.linspace(0.5, 2, 784)


class Release:
    """v1.0's weights, which were trained on ink, in a pipeline that takes grey values between 0 and 1."""

    def __init__(self, v1: Published) -> None:
        (layer,) = read_artefact(v1.artefact).layers
        self.v1, self.layer = v1, layer
        linear = logistic_regression(features=784, coef_=layer.weights.T.copy(), intercept_=layer.bias.copy())
        self.bare = joblib_dump(linear)
        self.artefact = scaled(
            standard_scaler(features=784, mean_=MEAN, scale_=DEVIATION, var_=DEVIATION**2), classifier=linear
        )

    def golden(self) -> tuple[bytes, int]:
        """The golden set with what scikit-learn would have recorded of this pipeline, and how many are read rightly."""
        golden = self.v1.golden
        inputs = (golden.images.reshape(len(golden.images), -1) / 255 - MEAN) / DEVIATION
        logits = inputs @ self.layer.weights + self.layer.bias
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        file = io.BytesIO()
        np.savez_compressed(file, images=golden.images, labels=golden.labels, scores=scores)
        read = np.array(list("123456789"))[scores.argmax(axis=1)]
        return file.getvalue(), int((read == golden.labels)[:1000].sum())

    def card(self, artefact: bytes, steps: dict[str, str], rule: dict[str, str], golden: tuple[bytes, int]) -> bytes:
        front = yaml.safe_load(self.v1.files[CARD].decode().split("---\n", 2)[1])
        contract = front["contract"]
        promise = {"sha256": hashlib.sha256(golden[0]).hexdigest(), "correct": golden[1]}
        contract |= {"sha256": hashlib.sha256(artefact).hexdigest(), "steps": steps}
        contract["golden"] |= promise
        contract["input"] |= rule
        return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\nDigits 1-9.\n".encode()


@pytest.fixture
def release(v1: Published) -> Release:
    return Release(v1)


@pytest.fixture
def place(shop: Shop, release: Release) -> Callable[[dict[str, str]], Shop]:
    """Places the release with this rule of input in its card."""

    def placed(rule: dict[str, str]) -> Shop:
        golden = release.golden()
        card = release.card(release.artefact, STEPS, rule, golden)
        shop.place("v1.0", {V1: release.artefact, CARD: card, "golden_v1.npz": golden[0]}, artefact=V1)
        return shop

    return placed


def test_a_model_of_grey_values_is_opened_and_gives_its_recorded_answers(place: Callable[[dict[str, str]], Shop]):
    model = place(GREY).open()
    outcomes = {check.name: check.outcome for check in model.checks}
    assert (model.scorer.ink, model.scorer.threshold) == ("grey", None)
    for name in ("steps", "ink rule", "preprocessing", "recorded answers", "sha256"):
        assert outcomes[name] == "agrees", name
    assert "differs" not in outcomes.values()


def test_without_a_scale_it_is_refused_and_the_remedy_helps(place: Callable[[dict[str, str]], Shop]):
    with pytest.raises(ArtefactRefused, match=rf"{V1} \(scale\): a model whose first step is StandardScaler") as caught:
        place({"ink": "> 128"}).open()
    words = caught.value.remedy.partition("`input: {..., ")[2].partition("}`")[0]
    rule = yaml.safe_load(f"{{{words}}}")
    assert rule == GREY
    assert place(rule).open().version == "v1.0"


def test_another_scale_is_refused_by_the_recorded_answers(place: Callable[[dict[str, str]], Shop]):
    with pytest.raises(ContractBroken, match="recorded answers"):
        place({"ink": "grey", "scale": "byte"}).open()


def test_a_scale_that_does_not_go_with_its_ink_rule_is_refused(place: Callable[[dict[str, str]], Shop]):
    with pytest.raises(BadCard, match="`scale: unit` does not go with `ink: > 128`"):
        place({"ink": "> 128", "scale": "unit"}).open()


def test_a_bare_classifier_of_ink_is_v1_itself(shop: Shop, release: Release, v1: Published):
    golden = v1.files["golden_v1.npz"], 913
    card = release.card(release.bare, {}, {"ink": "> 128", "scale": "ink"}, golden)
    shop.place("v1.0", {V1: release.bare, CARD: card, "golden_v1.npz": golden[0]}, artefact=V1)
    model = shop.open()
    assert {check.name: check.outcome for check in model.checks}["recorded answers"] == "agrees"
    assert model.scorer.stated["steps"] == {}


def place_v1(shop: Shop, release: Release, rule: dict[str, str]) -> None:
    """Places v1.0 as it is, beside a card with this rule of input."""
    v1, steps = release.v1, {"binarize": "Binarizer", "clf": "LogisticRegression"}
    golden = v1.files["golden_v1.npz"], 913
    card = release.card(v1.artefact, steps, rule, golden)
    shop.place("v1.0", {V1: v1.artefact, CARD: card, "golden_v1.npz": golden[0]}, artefact=V1)


@pytest.mark.parametrize("scale", ["unit", "byte"])
def test_a_scale_of_grey_for_a_model_that_begins_with_a_binarizer_is_refused_with_the_reason(
    shop: Shop, release: Release, scale: Scale
):
    place_v1(shop, release, {"ink": "grey", "scale": scale})
    with pytest.raises(ContractBroken, match=r"ink rule: '> 128, which its own Binarizer is given' .* promised 'grey'"):
        shop.open()


def test_a_scale_of_ink_for_a_model_that_begins_with_a_binarizer_is_right(shop: Shop, release: Release):
    place_v1(shop, release, {"ink": "> 128", "scale": "ink"})
    assert shop.open().version == "v1.0"


def test_another_release_s_model_of_grey_values_in_this_one_s_place_is_named(shop: Shop, release: Release):
    """Its scale is stated by a card that is not here, and is not asked for."""
    shop.place_published(release.v1)
    other = "digit_classifier_v1_1.pkl"
    shop.place("v1.1", {other: release.artefact}, artefact=other)
    shop.rewrite(f"models/v1.0/{V1}", release.artefact)
    with pytest.raises(VersionMismatch, match=r"v1\.1.*v1\.0"):
        shop.open()


def test_a_release_without_a_card_is_compared_with_none_for_want_of_its_scale(shop: Shop, release: Release):
    shop.place("v1.0", {V1: release.artefact}, artefact=V1)
    with pytest.raises(ArtefactRefused, match=r"\(scale\)"):
        look_at("v1.0", models=shop.models, lock_file=shop.root / "model.lock")
