"""A release in another format, from its record to its recorded answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import yaml

from app.model import formats
from app.model.formats import FORMATS
from app.model.sklearn_pickle.artefact import read_artefact
from app.release.record import own_artefact
from app.verify.card import CARD
from app.verify.refusals import BadCard, ContractBroken
from tests.installation import Published
from tests.model.toy_format import NAME, TOY, toy_bytes
from tests.release.shop import Shop

FILE = "digit_classifier_v1.json"


@pytest.fixture
def place_toy(shop: Shop, v1: Published, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shop]:
    """Places v1.0 with the weights of the local one as a toy, and its card with these changes of the contract."""
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, TOY))
    data = toy_bytes(read_artefact(v1.artefact).layers[0])

    def placed(**changes: object) -> Shop:
        _, matter, prose = v1.files[CARD].decode().split("---\n", 2)
        front, digest = yaml.safe_load(matter), hashlib.sha256(data).hexdigest()
        before = front["contract"]
        contract = {**before, "artefact": FILE, "sha256": digest, "format": NAME, "sklearn": None, "steps": None}
        front["contract"] = {key: value for key, value in (contract | changes).items() if value is not None}
        card = f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{prose.replace(before['sha256'], digest)}"
        others = {name: content for name, content in v1.files.items() if name.endswith(".npz")}
        shop.place("v1.0", {**others, FILE: data, CARD: card.encode()}, artefact=FILE)
        return shop

    return placed


def test_a_format_is_a_file_and_a_line_of_the_table(place_toy: Callable[..., Shop]):
    """Touched for it: tests/model/toy_format.py, and `FORMATS`. Everything else is as it was: the card names the
    format, the record the file, and recorded answers, checks, figures and the name of the file follow."""
    model = place_toy().open()
    outcomes = {check.name: check.outcome for check in model.checks}
    assert (model.version, model.path.name, model.scorer.format) == ("v1.0", FILE, NAME)
    assert (outcomes["format"], outcomes["sha256"], outcomes["recorded answers"]) == ("agrees",) * 3
    assert "differs" not in outcomes.values()
    assert [name for name in outcomes if name in ("scikit-learn", "steps")] == []
    assert own_artefact("v1.0", [FILE]) == FILE


def test_a_card_that_names_no_format_means_scikit_learn_s(place_toy: Callable[..., Shop]):
    with pytest.raises(BadCard, match="missing required field `sklearn`"):
        place_toy(format=None).open()


def test_another_format_than_the_card_s_is_refused(place_toy: Callable[..., Shop]):
    with pytest.raises(ContractBroken, match=r": 'toy-json' \(artefact\); promised 'other' \(card\)"):
        place_toy(format="other").open()


def test_a_key_of_another_format_is_refused(place_toy: Callable[..., Shop]):
    with pytest.raises(BadCard, match="`sklearn` belongs to the format sklearn-pickle, not to toy-json"):
        place_toy(sklearn="1.9.1").open()


def test_a_pickle_whose_card_names_another_format_is_refused(shop: Shop, v1: Published):
    _, matter, prose = v1.files[CARD].decode().split("---\n", 2)
    front = yaml.safe_load(matter)
    del front["contract"]["sklearn"], front["contract"]["steps"]
    front["contract"]["format"] = NAME
    shop.place_published(v1, card=f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{prose}".encode())
    with pytest.raises(ContractBroken, match=r"format, scikit-learn, steps: 'sklearn-pickle'.*'nothing'"):
        shop.open()
