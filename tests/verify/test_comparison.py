"""Two releases side by side, against figures that are found in another way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.model.formats import read_model
from app.model.refusals import MissingDigits
from app.release.refusals import BadRelease
from app.verify.card import read_card
from app.verify.comparison import MNIST, RECORDED, Side, contract_rows, look_at, read_both
from tests.attacks.honest import honest_pipeline
from tests.conftest import MNIST_FOLDER, Mnist
from tests.course import place_prose
from tests.installation import Installation, Published

NOWHERE = Path("nowhere")


@pytest.fixture
def look(installation_of_three: Installation) -> Callable[[str], Side]:
    house = installation_of_three
    return lambda version: look_at(version, models=house.models, lock_file=house.root / "model.lock")


def test_a_release_agrees_with_itself_on_its_recorded_digits(look, published: Callable[[str], Published]):
    for version in ("v1.0", "v2.0"):
        contract = read_card(published(version).files["MODELCARD.md"]).contract
        assert contract is not None and contract.golden is not None
        reading = read_both(look(version), look(version), mnist=NOWHERE)
        assert reading is not None
        assert (reading.n, reading.same) == (contract.golden.n, contract.golden.n)
        assert reading.both_right == contract.golden.correct
        assert reading.only_first == reading.only_second == 0
        assert reading.disagreements == {}
        assert all(row.first == row.second for row in contract_rows(look(version), look(version)))


def test_who_is_right_where_the_other_is_wrong_is_counted_digit_by_digit(look, published: Callable[[str], Published]):
    """By hand: each digit of both golden sets that both know, once."""
    releases = [published("v1.0"), published("v2.0")]
    scorers = [read_model(release.artefact) for release in releases]
    digits = {
        image.tobytes(): (image, label)
        for release in releases
        for image, label in zip(release.golden.images, release.golden.labels, strict=True)
        if label != "0"
    }
    said = []
    for scorer in scorers:
        said.append([scorer.classes[scorer.scores(image[None]).argmax()] for image, _ in digits.values()])
    truth = [label for _, label in digits.values()]
    triples = list(zip(truth, *said, strict=True))
    reading = read_both(look("v1.0"), look("v2.0"), mnist=NOWHERE)
    assert reading is not None
    assert reading.n == len(digits) > 1000, "digits of both sets"
    assert reading.same == sum(one == other for _, one, other in triples)
    assert reading.both_right == sum(label == one == other for label, one, other in triples)
    assert reading.only_first == sum(label == one != other for label, one, other in triples)
    assert reading.only_second == sum(label == other != one for label, one, other in triples)
    assert reading.neither == sum(label not in (one, other) for label, one, other in triples)
    assert reading.disagreements == {
        triple: triples.count(triple) for triple in triples if triple[1] != triple[2]
    }  # equal as mappings
    counts = list(reading.disagreements.values())
    assert counts == sorted(counts, reverse=True)
    assert reading.per_class["7"] == (
        truth.count("7"),
        sum(label == "7" == one for label, one, _ in triples),
        sum(label == "7" == other for label, _, other in triples),
    )
    assert "0" not in reading.per_class
    first, second = reading.shares
    assert first.correct == sum(label == one for label, one, _ in triples)
    assert second.value > first.value


def test_the_order_of_the_two_is_kept(look):
    here, there = (
        read_both(look("v1.0"), look("v2.0"), mnist=NOWHERE),
        read_both(look("v2.0"), look("v1.0"), mnist=NOWHERE),
    )
    assert here is not None and there is not None
    assert (here.only_first, here.only_second) == (there.only_second, there.only_first)
    rows = {row.name: row for row in contract_rows(look("v2.0"), look("v1.0"))}
    assert (rows["withheld"].first, rows["withheld"].second) == ("none", "0")
    assert (rows["accuracy of 0"].first != "", rows["accuracy of 0"].second) == (True, "")


def test_what_their_files_say_is_there(look, published: Callable[[str], Published]):
    rows = {row.name: row for row in contract_rows(look("v1.0"), look("v2.0"))}
    names = ("commit", "bytes", "sha256", "weights", "scikit-learn", "steps", "classes", "withheld", "ink rule")
    assert {*names, "accuracy", "accuracy of 1", "confusions", "golden set", "profile: thickness"} <= set(rows)
    drawn = read_card(published("v2.0").files["MODELCARD.md"]).contract.drawn
    assert rows["recipe"].second == str(drawn.recipe)
    assert rows["temperature"].second == str(drawn.temperature)
    assert rows["calibration error"].second.endswith(f"{drawn.error.after:.4f} after, of {drawn.error.n:,}")
    assert rows["pictures"].second.endswith(f"{drawn.pictures.correct:,} of {drawn.pictures.n:,}")
    assert rows["strokes"].second.startswith(f"{drawn.strokes.value:.2%} (")
    assert rows["bytes"].second == f"{len(published('v2.0').artefact):,}"
    assert rows["weights"].first == f"{785 * 9:,}"
    assert "(90.8% to 92.0%), 8,246 of 9,020" in rows["accuracy"].first


def test_a_release_that_is_no_longer_what_was_pulled_is_not_looked_at(installation_of_three: Installation, look):
    (installation_of_three.models / "v1.0/train.py").unlink()
    with pytest.raises(BadRelease, match=r"train\.py missing or changed"):
        look("v1.0")


def test_without_recorded_digits_mnist_s_test_file_is_read(installation_of_course: Installation, mnist: Mnist):
    house = installation_of_course
    sides = [look_at(name, models=house.models, lock_file=house.root / "model.lock") for name in ("v1.0", "v2.0")]
    reading = read_both(*sides, mnist=MNIST_FOLDER)
    assert reading is not None
    assert (reading.of, reading.n) == (MNIST, int((mnist.test_labels != 0).sum()))
    assert reading.shares[0].correct == 8246, "as the card of our own v1.0 promises of the same artefact"
    rows = {row.name: row for row in contract_rows(*sides)}
    assert (rows["accuracy"].first, rows["accuracy"].second) == ("92% by its card's words", "97% by its card's words")
    assert (rows["withheld"].first, rows["withheld"].second) == ("0", "none")
    with pytest.raises(MissingDigits, match=r"mnist\.py --test-only --cache"):
        read_both(*sides, mnist=NOWHERE)


def test_recorded_digits_of_one_are_enough(installation_of_three: Installation, published: Callable[[str], Published]):
    house = installation_of_three
    place_prose(house, published("v2.0"))
    sides = [look_at(name, models=house.models, lock_file=house.root / "model.lock") for name in ("v1.0", "v2.0")]
    reading = read_both(*sides, mnist=NOWHERE)
    assert reading is not None and (reading.of, reading.n) == (RECORDED, 1000)


def test_releases_without_a_class_in_common_are_compared_by_what_they_say(tmp_path: Path):
    house = Installation(tmp_path)
    for version, classes in (("v1.0", "0123"), ("v8.0", "4567")):  # no roster is needed to look at one
        artefact = honest_pipeline(features=784, classes=classes)
        house.place(version, {"digit_classifier.pkl": artefact}, artefact="digit_classifier.pkl")
    sides = [look_at(version, models=house.models, lock_file=tmp_path / "model.lock") for version in ("v1.0", "v8.0")]
    assert read_both(*sides, mnist=NOWHERE) is None
    assert {row.name for row in contract_rows(*sides) if row.first != row.second} >= {"sha256", "classes", "withheld"}
