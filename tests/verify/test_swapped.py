"""Opening a model whose bytes are not those that a record promises: another release's, or nobody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import PixelWiseError, Refused
from app.release.model_lock import write_lock
from app.release.record import RECORD, Release, describe, read_record
from app.release.refusals import BadRelease, ChangedFile
from app.verify.refusals import RosterMismatch, VersionMismatch
from tests.attacks.honest import honest_pipeline
from tests.installation import Published
from tests.release.shop import TEN, V1, Shop


@pytest.fixture
def v2(published: Callable[[str], Published]) -> Published:
    return published("v2.0")


@pytest.fixture
def shop_of_two(shop: Shop, v1: Published, v2: Published) -> Shop:
    """v1.0, whose files are those of models/, and v2.0."""
    shop.place_published(v2)
    shop.place_published(v1)
    return shop


@pytest.mark.parametrize("path", [None, f"models/{V1}"])
def test_another_release_swapped_in_at_the_course_s_path_is_refused_by_its_classes(
    shop_of_two: Shop, v2: Published, path: str | None
):
    shop_of_two.rewrite(f"models/{V1}", v2.artefact)
    with pytest.raises(AssertionError) as caught:
        shop_of_two.open(path, is_default=True)
    assert isinstance(caught.value, RosterMismatch) and caught.value.found == "classes 0 1 2 3 4 5 6 7 8 9"
    assert "Run `pixelwise pull v1.0` to put the released file back, or set MODEL_VERSION=v2.0" in str(caught.value)


def test_another_release_copied_into_the_folder_of_a_release_is_refused_by_its_classes(
    shop_of_two: Shop, v2: Published
):
    shop_of_two.rewrite(f"models/v1.0/{V1}", v2.artefact)
    with pytest.raises(RosterMismatch, match=r"pixelwise pull.*or set MODEL_VERSION=v2\.0"):
        shop_of_two.open()


@pytest.mark.parametrize("path", [None, f"models/{V1}", f"models/v1.0/{V1}"])
def test_another_release_of_the_same_classes_is_refused_by_its_version(
    shop: Shop, v1: Published, published: Callable[[str], Published], path: str | None
):
    later = published("v1.1")
    shop.place_published(later)
    shop.place_published(v1)
    shop.rewrite(path or f"models/{V1}", later.artefact)
    with pytest.raises(VersionMismatch, match=r": v1\.1 \(by its digest\).*pixelwise pull.*MODEL_VERSION=v1\.1"):
        shop.open(path, is_default=True)


def test_an_entry_of_the_lock_is_a_recorded_release_too(shop: Shop, v2: Published):
    shop.rewrite(f"models/{V1}", v2.artefact)
    with pytest.raises(ChangedFile):
        shop.open(is_default=True)
    write_lock(shop.root / "model.lock", [v2.record])
    with pytest.raises(RosterMismatch):
        shop.open(is_default=True)


@pytest.mark.parametrize("path", [None, f"models/{V1}"])
def test_with_the_lock_required_what_it_does_not_list_is_not_even_read(
    shop_of_two: Shop, v2: Published, path: str | None
):
    placed = read_record(shop_of_two.models / "v1.0")
    assert placed is not None
    write_lock(shop_of_two.root / "model.lock", [placed])
    shop_of_two.rewrite(f"models/{V1}", v2.artefact)
    with pytest.raises(ChangedFile):
        shop_of_two.open(path, is_default=True, require_lock=True)
    write_lock(shop_of_two.root / "model.lock", [placed, v2.record])
    with pytest.raises(RosterMismatch):
        shop_of_two.open(path, is_default=True, require_lock=True)


def test_an_artefact_that_merely_lies_in_a_release_is_refused_by_its_classes_too(
    shop: Shop, v1: Published, v2: Published, published: Callable[[str], Published]
):
    """The course's tag v1.1 carries digit_classifier_v2.pkl."""
    later = published("v1.1")
    shop.place("v1.1", {**later.files, "digit_classifier_v2.pkl": v2.artefact}, artefact=later.record.artefact)
    shop.place_published(v1)
    shop.rewrite(f"models/{V1}", v2.artefact)
    with pytest.raises(RosterMismatch):
        shop.open(is_default=True)


@pytest.mark.parametrize("path", [None, f"models/{V1}", f"models/v1.0/{V1}"])
def test_bytes_that_no_record_knows_where_a_record_promises_others_are_refused_unread(shop: Shop, path: str | None):
    shop.rewrite(path or f"models/{V1}", b"no pickle at all")
    with pytest.raises(
        ChangedFile, match=r"`pixelwise pull v1.0`.*under another path, which MODEL_PATH names"
    ) as caught:
        shop.open(path, is_default=True)
    assert caught.value.exit_code == 4


def test_the_pinned_version_from_another_repository_opens_where_model_path_names_it_with_a_notice(
    shop: Shop, v1: Published
):
    other = honest_pipeline(features=784)
    twin = Release(
        repository="https://elsewhere.example/x.git",
        version="v1.0",
        commit="3" * 40,
        artefact=V1,
        files=(describe(V1, other),),
    )
    write_lock(shop.root / "model.lock", [twin])
    shop.rewrite(f"models/{V1}", other)
    model = shop.open(f"models/{V1}", is_default=True)
    assert (model.version, model.card, model.recorded) == ("v1.0", None, None)
    assert "(v1.0 of https://elsewhere.example/x.git), not what the record beside it promises" in model.notices[0]
    with pytest.raises(ChangedFile, match=r"v1\.0 of https://elsewhere"):
        shop.open(is_default=True)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: None], ids=["missing", "as it is"])
def test_a_start_needs_nothing_at_the_course_s_path(shop: Shop, spoil: Callable[[Path], None]):
    spoil(shop.models / V1)
    assert shop.open(is_default=True).notices == ()


def test_what_the_record_in_models_promises_is_a_replacement_under_way(shop: Shop, v1: Published):
    shop.place("v1.0", {V1: honest_pipeline(features=784)}, artefact=V1)
    before = {name: (shop.models / name).read_bytes() for name in (V1, RECORD)}
    shop.place_published(v1)
    for name, data in before.items():
        shop.rewrite(f"models/{name}", data)
    assert shop.open(is_default=True).version == "v1.0"
    (shop.models / RECORD).unlink()
    with pytest.raises(ChangedFile):
        shop.open(is_default=True)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(f"v1.0/{V1}")], ids=["folder", "link"])
def test_what_is_no_plain_file_at_the_course_s_path_is_refused_by_name(shop: Shop, make: Callable[[Path], None]):
    (shop.models / V1).unlink()
    make(shop.models / V1)
    with pytest.raises(Refused, match=rf"models/{V1}.*pixelwise pull"):
        shop.open(is_default=True)


def test_a_version_beside_the_default_does_not_look_at_the_course_s_path(shop: Shop):
    shop.rewrite(f"models/{V1}", b"no pickle at all")
    assert shop.open().version == "v1.0"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "digit_classifier_v2.pkl").write_bytes(b"x"),
        lambda folder: (folder / "MODELCARD.md").write_bytes(b"x"),
        lambda folder: ((folder / "MODELCARD.md").unlink(), (folder / "MODELCARD.md").mkdir()),
        lambda folder: (folder / RECORD).write_bytes(b"{"),
        lambda folder: (folder / RECORD).write_bytes((folder.parent / "v1.0" / RECORD).read_bytes()),
        lambda folder: folder.rename(folder.with_name("away")),
    ],
    ids=["artefact", "card", "folder", "record", "record of another", "gone"],
)
def test_the_remedy_for_a_version_that_is_not_the_default_repairs_that_one(
    shop_of_two: Shop, spoil: Callable[[Path], object]
):
    spoil(shop_of_two.models / "v2.0")
    with pytest.raises(PixelWiseError) as caught:
        shop_of_two.open(version="v2.0", classes=TEN)
    assert "`pixelwise pull v2.0`" in caught.value.remedy


def test_the_remedy_for_a_record_names_the_version_whose_link_leads_there(tmp_path: Path):
    (tmp_path / "releases/00").mkdir(parents=True)
    (tmp_path / "releases/00" / RECORD).write_text("{")
    (tmp_path / "v1.1").symlink_to("releases/00")
    for folder in ("v1.1", "releases/00"):
        with pytest.raises(BadRelease, match=r"and run `pixelwise pull v1\.1`"):
            read_record(tmp_path / folder)
