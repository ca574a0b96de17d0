"""v3.0, a network released as ONNX, is opened as any release is."""

from __future__ import annotations

from collections.abc import Callable

from app.release.record import own_artefact
from tests.installation import Published
from tests.release.shop import Shop


def test_its_file_is_its_release_s_own_artefact_and_everything_it_promises_holds(
    shop: Shop, published: Callable[[str], Published]
):
    v3 = published("v3.0")
    shop.place_published(v3)
    model = shop.open(version="v3.0", classes=tuple("0123456789"))
    outcomes = {check.name: check.outcome for check in model.checks}
    assert own_artefact("v3.0", list(v3.files)) == model.path.name == "digit_classifier_v3.onnx"
    assert (model.version, model.scorer.format, model.scorer.ink) == ("v3.0", "onnx", "grey")
    for name in (
        "format",
        "opset",
        "ink rule",
        "recorded answers",
        "classes",
        "taken for no digit",
        "accuracy in prose",
    ):
        assert outcomes[name] == "agrees", name
    assert "differs" not in outcomes.values()
    assert model.scorer.parameters < 100_000
