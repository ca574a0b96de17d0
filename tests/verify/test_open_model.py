"""Opening a model: what is checked, in which order, and what that rests on. As a user meets it: test_loudness.py."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from app.drawing.normalise import RECIPE
from app.errors import ConfigurationError, Refused, SystemRefused
from app.model.contract import temperature_for
from app.model.refusals import ArtefactRefused
from app.release.model_lock import write_lock
from app.release.record import RECORD, read_record
from app.release.refusals import BadLock, BadRelease, ChangedFile
from app.verify.open_model import GOLDEN_SLICE
from app.verify.refusals import BadCard, ContractBroken, MissingModel, OriginUnknown, RosterMismatch, VersionMismatch
from tests.attacks.honest import honest_pipeline
from tests.installation import CARD, Published, without_drawn
from tests.release.shop import TEN, V1, Shop

GOLDEN = "golden_v1.npz"


# -- which artefact, and what version it is ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [None, f"models/{V1}", f"models/v1.0/{V1}"])
def test_a_release_opens_by_its_pin_and_by_its_path(shop: Shop, v1: Published, path: str | None):
    model = shop.open(path)
    assert (model.version, model.notices) == ("v1.0", ())
    assert model.path.read_bytes() == v1.artefact
    assert model.card is not None
    assert {check.outcome for check in model.checks} == {"agrees"}


def test_the_golden_set_is_there_whole_and_by_its_first_digits(shop: Shop):
    recorded = shop.open().recorded
    assert recorded is not None
    assert len(recorded.digits().labels) == recorded.promise.n + recorded.promise.withheld
    assert len(recorded.digits(first=GOLDEN_SLICE).labels) == GOLDEN_SLICE


def test_a_version_that_is_not_there_is_missing_whatever_else_is(shop: Shop):
    with pytest.raises(MissingModel, match=r"models/v1\.3: nothing pulled.*`pixelwise pull v1\.3`, or name another"):
        shop.open(version="v1.3")


def test_a_recorded_artefact_that_is_gone_is_missing(shop: Shop):
    (shop.models / "v1.0" / V1).unlink()
    with pytest.raises(MissingModel, match=V1):
        shop.open()


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("elsewhere"), Path.mkdir])
def test_what_is_no_plain_file_is_named_as_such(shop: Shop, make: Callable[[Path], None]):
    make(shop.root / "mine.pkl")
    with pytest.raises(ConfigurationError, match="expected a plain file"):
        shop.open("mine.pkl")


@pytest.mark.parametrize("name", [V1, CARD])
def test_a_file_that_this_user_may_not_read_is_about_permissions(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str
):
    """Root may read every file, so the system's refusal is a stand-in."""
    real = os.open

    def denied(path: Path | str, *arguments: object, **named: object) -> int:
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(SystemRefused, match=rf"{name}: no permission.*user who owns it"):
        shop.open()


def test_the_version_comes_from_the_digest_not_from_the_name_of_the_file(shop: Shop, v1: Published):
    shop.rewrite("renamed.pkl", v1.artefact)
    assert shop.open("renamed.pkl").version == "v1.0"
    with pytest.raises(VersionMismatch, match=r": v1\.0 \(by its digest\); expected v1\.1, as MODEL_VERSION says"):
        shop.open("renamed.pkl", version="v1.1")


def test_the_version_may_come_from_the_lock_alone(shop: Shop, v1: Published, tmp_path: Path):
    other = Shop(tmp_path / "other")
    other.root.mkdir()
    other.rewrite("mine.pkl", v1.artefact)
    assert other.open("mine.pkl").version == "unknown"
    write_lock(other.root / "model.lock", [v1.record])
    assert other.open("mine.pkl").version == "v1.0"
    with pytest.raises(VersionMismatch):
        other.open("mine.pkl", version="v1.4")


def test_one_artefact_in_two_releases_is_both_versions(shop: Shop, v1: Published):
    shop.place("v1.1", {V1: v1.artefact}, artefact=V1)
    assert shop.open(f"models/v1.1/{V1}", version="v1.1").version == "v1.1"
    assert shop.open(f"models/v1.0/{V1}", version="v1.0").version == "v1.0"


def test_an_artefact_that_merely_lies_in_a_release_does_not_get_its_version(shop: Shop, v1: Published):
    """The course's tag v1.1 carries digit_classifier_v1.pkl too: that is v1.0."""
    files = {V1: v1.artefact, "digit_classifier_v1_1.pkl": honest_pipeline(features=784)}
    shop.place("v1.1", files, artefact="digit_classifier_v1_1.pkl")
    with pytest.raises(VersionMismatch, match=r": v1\.0"):
        shop.open(f"models/v1.1/{V1}", version="v1.1")
    assert shop.open(version="v1.1").path.name == "digit_classifier_v1_1.pkl"


def test_the_card_of_a_release_does_not_speak_of_other_artefacts_in_its_folder(shop: Shop, v1: Published):
    other = honest_pipeline(features=784)
    shop.place("v1.0", {**v1.files, "other.pkl": other}, artefact=V1)
    model = shop.open("models/v1.0/other.pkl")
    assert (model.version, model.card, model.recorded) == ("unknown", None, None)
    assert [check.outcome for check in model.checks if check.name == "card"] == ["skipped"]


def test_an_artefact_of_unknown_origin_opens_with_a_notice_that_names_it(shop: Shop):
    shop.rewrite("mine.pkl", honest_pipeline(features=784))
    model = shop.open("mine.pkl")
    assert model.version == "unknown"
    assert len(model.notices) == 1
    assert str(shop.root / "mine.pkl") in model.notices[0]
    with pytest.raises(OriginUnknown, match="REQUIRE_LOCK=true"):
        shop.open("mine.pkl", require_lock=True)


def test_with_the_lock_required_only_its_entries_open(shop: Shop, v1: Published):
    with pytest.raises(OriginUnknown, match=r"in no entry of model\.lock"):
        shop.open(require_lock=True)
    placed = read_record(shop.models / "v1.0")
    assert placed is not None
    write_lock(shop.root / "model.lock", [placed])
    assert shop.open(require_lock=True).version == "v1.0"


@pytest.mark.parametrize("other", [{"version": "v1.9"}, {"commit": "2" * 40}], ids=str)
def test_with_the_lock_required_an_entry_of_another_release_with_the_same_artefact_vouches_for_nothing(
    shop: Shop, other: dict[str, str]
):
    placed = read_record(shop.models / "v1.0")
    assert placed is not None
    write_lock(shop.root / "model.lock", [structs.replace(placed, **other)])
    with pytest.raises(OriginUnknown, match=r"in no entry of model\.lock for v1\.0"):
        shop.open(require_lock=True)


@pytest.mark.parametrize("name", ["MODELCARD.md", "golden_v1.npz"])
def test_with_the_lock_required_card_and_golden_set_are_held_against_it_too(shop: Shop, name: str):
    """A record that was edited together with its file does not help."""
    placed = read_record(shop.models / "v1.0")
    assert placed is not None
    files = tuple(structs.replace(file, sha256="0" * 64) if file.name == name else file for file in placed.files)
    write_lock(shop.root / "model.lock", [structs.replace(placed, files=files)])
    with pytest.raises(ChangedFile, match=rf"{name}.*by model\.lock"):
        shop.open(require_lock=True)


def test_a_lock_that_cannot_be_read_stops_a_start_that_requires_it(shop: Shop):
    (shop.root / "model.lock").write_text("[[release]\n")
    with pytest.raises(BadLock):
        shop.open(require_lock=True)


# -- the order: the digest before a byte is read, then the classes, then the rest --------------------------------------


def test_bytes_unlike_the_record_are_refused_before_they_are_parsed(shop: Shop):
    shop.rewrite(f"models/v1.0/{V1}", b"no pickle at all")
    with pytest.raises(ChangedFile, match="by the record of its pull"):
        shop.open()


def test_every_flipped_byte_is_refused_by_the_digest(shop: Shop, v1: Published):
    for at in range(0, len(v1.artefact), 1999):
        data = bytearray(v1.artefact)
        data[at] ^= 1 << at % 8
        shop.rewrite(f"models/v1.0/{V1}", bytes(data))
        with pytest.raises(ChangedFile):
            shop.open()


def test_a_recorded_file_that_is_no_model_is_refused_as_data(shop: Shop):
    shop.place("v1.0", {V1: b"\x80\x04."}, artefact=V1)
    with pytest.raises(ArtefactRefused):
        shop.open()


def test_the_classes_are_held_against_the_code_before_the_version(shop: Shop):
    shop.rewrite("mine.pkl", honest_pipeline(features=784, classes="0123456789"))
    with pytest.raises(RosterMismatch) as caught:
        shop.open("mine.pkl", version="v1.9")
    assert [check.name for check in caught.value.checks] == ["classes", "features", "preprocessing"]


def test_the_other_roster_opens_the_other_model(shop: Shop):
    shop.rewrite("mine.pkl", honest_pipeline(features=784, classes="0123456789"))
    assert shop.open("mine.pkl", classes=TEN).scorer.classes == TEN


def test_a_model_for_other_images_is_refused(shop: Shop):
    shop.rewrite("mine.pkl", honest_pipeline(features=64))
    with pytest.raises(ContractBroken, match=r"m.*, features: '64' \(artefact\); promised '784' \(code\)"):
        shop.open("mine.pkl")


def test_a_record_that_cannot_be_read_is_refused(shop: Shop):
    shop.rewrite(f"models/v1.0/{RECORD}", b"{}")
    with pytest.raises(BadRelease, match="record"):
        shop.open()


def test_a_mix_of_two_releases_in_models_is_refused(shop: Shop, v1: Published):
    """An interrupted pull may leave files that the record does not promise."""
    shop.rewrite(f"models/{V1}", honest_pipeline(features=784))
    with pytest.raises(ChangedFile, match="pixelwise pull"):
        shop.open(f"models/{V1}")


# -- card and golden set -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "instead", "check"),
    [
        ("Accuracy: 91.42%", "Accuracy: 95.42%", "accuracy in prose"),
        ("1-9", "2-9", "classes in prose"),
        ("`n_features_in_` is `784`", "`n_features_in_` is `783`", "features in prose"),
        ("value: 0.9142\n    correct", "value: 0.9242\n    correct", "accuracy"),
        ("  version: v1.0", "  version: v1.1", "version"),
        ("  sklearn: 1.9.1", "  sklearn: 1.9.0", "scikit-learn"),
        ("features: 784", "features: 785", "features"),
        ("ink: '> 128'", "ink: '> 127'", "ink rule"),
        ("shape: [28, 28]", "shape: [32, 32]", "image"),
        ("clf: LogisticRegression", "clf: MLPClassifier", "steps"),
        ("withheld: ['0']", "withheld: ['9']", "withheld"),
        ("artefact: digit_classifier_v1.pkl", "artefact: digit_classifier_v1_1.pkl", "file"),
    ],
)
def test_one_edited_place_of_the_real_card_is_found(shop: Shop, v1: Published, inside: str, instead: str, check: str):
    card = v1.card.replace(inside, instead)
    assert card != v1.card, "the card of v1.0 is written otherwise now: adapt this test"
    shop.place_published(v1, card=card.encode())
    with pytest.raises(ContractBroken) as caught:
        shop.open()
    assert check in [one.name for one in caught.value.checks if one.outcome == "differs"]


@pytest.mark.parametrize("name", [CARD, GOLDEN])
def test_a_file_beside_it_that_changed_is_refused_unread(shop: Shop, name: str):
    shop.rewrite(f"models/v1.0/{name}", b"\xff\xff")
    with pytest.raises(ChangedFile, match=name):
        shop.open()


@pytest.mark.parametrize("name", [CARD, GOLDEN])
def test_a_recorded_file_beside_it_that_is_a_link_is_refused(shop: Shop, v1: Published, name: str):
    shop.rewrite("elsewhere", v1.files[name])
    (shop.models / "v1.0" / name).unlink()
    (shop.models / "v1.0" / name).symlink_to(shop.root / "elsewhere")
    with pytest.raises(Refused, match=name):
        shop.open()


def test_a_card_put_beside_an_unrecorded_artefact_counts(shop: Shop, v1: Published):
    (shop.root / "mine").mkdir()
    for name, data in v1.files.items():
        shop.rewrite(f"mine/{name}", data)
    model = shop.open(f"mine/{V1}")
    assert model.recorded is not None
    assert {check.outcome for check in model.checks} == {"agrees"}
    shop.rewrite(f"mine/{CARD}", v1.files[CARD].replace(b"features: 784", b"features: 785"))
    with pytest.raises(ContractBroken):
        shop.open(f"mine/{V1}")


def test_a_release_measured_with_another_recipe_opens_with_a_notice_and_without_a_certainty(shop: Shop, v1: Published):
    card = v1.card.replace(f"  recipe: {RECIPE}\n", "  recipe: 1\n").replace(f"version {RECIPE}:", "version 1:")
    shop.place_published(v1, card=card.encode())
    model = shop.open()
    assert model.card is not None and temperature_for(model.card.contract, RECIPE) is None
    assert [check.name for check in model.checks if check.outcome != "agrees"] == ["recipe"]
    (notice,) = model.notices
    assert notice.startswith(
        f"v1.0 was measured with version 1 of the recipe, and drawings come by version {RECIPE} here"
    )


def test_a_release_from_before_drawn_digits_opens_without_a_notice(shop: Shop, v1: Published):
    shop.place_published(v1, card=without_drawn(v1.card))
    model = shop.open()
    assert model.notices == ()
    assert {check.name: check.outcome for check in model.checks if check.outcome != "agrees"} == {
        "recipe": "skipped",
        "drawn digits in prose": "skipped",
    }


def test_a_card_that_cannot_be_read_is_refused(shop: Shop, v1: Published):
    shop.place_published(v1, card=b"\xff")
    with pytest.raises(BadCard):
        shop.open()


def test_a_golden_set_without_a_card_that_names_it_is_left_unread(shop: Shop, v1: Published):
    shop.place_published(v1, card=b"# A model that reads digits 1-9\n", golden=b"not a golden set")
    model = shop.open()
    assert model.recorded is None
    assert [check.outcome for check in model.checks if check.name == "recorded answers"] == ["skipped"]


def test_a_record_of_another_version_in_a_release_s_folder_is_refused(shop: Shop):
    record = shop.models / "v1.0" / RECORD
    shop.rewrite(f"models/v1.0/{RECORD}", record.read_bytes().replace(b'"v1.0"', b'"v1.1"'))
    with pytest.raises(BadRelease, match=r"record of models/v1\.0: release v1\.1"):
        shop.open()


def test_an_artefact_with_another_name_beside_its_card_gets_its_name_back(shop: Shop, v1: Published):
    (shop.root / "mine").mkdir()
    for name, data in v1.files.items():
        shop.rewrite(f"mine/{'renamed.pkl' if name == V1 else name}", data)
    with pytest.raises(ContractBroken, match=f"'renamed.pkl' .*; promised '{V1}'") as caught:
        shop.open("mine/renamed.pkl")
    assert caught.value.remedy == f"Name it {V1} again, in MODEL_PATH too, or leave MODEL_PATH empty."
    (shop.root / "mine/renamed.pkl").rename(shop.root / f"mine/{V1}")
    assert shop.open(f"mine/{V1}").version == "v1.0"
