"""What is in models/."""

from __future__ import annotations

from pathlib import Path

from app.verify.inventory import take_stock, versions_in
from tests.installation import Installation


def test_versions_are_listed_by_number_and_nothing_else_is_one(tmp_path: Path):
    for name in ("v1.10", "v1.9", "v2.0", "v10.0", ".incoming-x", "v1", "backup", "v01.0"):
        (tmp_path / name).mkdir()
    (tmp_path / "v3.0").write_text("a file")
    assert versions_in(tmp_path) == ["v1.9", "v1.10", "v2.0", "v10.0"]
    assert versions_in(tmp_path / "nowhere") == []


def test_each_version_has_its_record_and_what_its_card_promises(installation_of_three: Installation, published):
    stock = take_stock(installation_of_three.models, ["v2.0", "v1.0"])
    assert [held.version for held in stock] == ["v2.0", "v1.0"]
    for held in stock:
        assert held.release is not None and held.contract is not None and held.artefact is not None
        assert held.contract.sha256 == held.artefact.sha256
        assert held.artefact.size == len(published(held.version).artefact)
        assert held.fault == ""


def test_what_is_wrong_with_one_is_said_and_the_others_are_listed_all_the_same(
    installation_of_three: Installation, published
):
    models = installation_of_three.models
    (models / "v1.1/record.json").unlink()
    (models / "v1.1/record.json").write_text("{}")
    installation_of_three.place_published(published("v2.0"), card=b"---\nno: [end\n---\n")
    broken, missing, bad_card, well = take_stock(models, ["v1.1", "v1.7", "v2.0", "v1.0"])
    assert "record" in broken.fault and broken.release is None
    assert "nothing pulled" in missing.fault
    assert "MODELCARD.md" in bad_card.fault and bad_card.contract is None
    assert well.fault == ""
