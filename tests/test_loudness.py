"""What would give wrong answers does not start, and says so in a sentence of its own; under `python -O` too."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.model.golden_set import GoldenSet
from app.verify.card import read_card
from tests.installation import CARD, Installation, Published
from tests.release.remote import Remote

pytestmark = pytest.mark.long

Done = subprocess.CompletedProcess[str]
V1 = "digit_classifier_v1.pkl"


@pytest.fixture(params=[(), ("-O",)], ids=["python", "python -O"])
def house(request: pytest.FixtureRequest, installation: Installation) -> Installation:
    installation.flags = request.param
    return installation


@pytest.fixture
def v1(published: Callable[[str], Published]) -> Published:
    return published("v1.0")


def refused(done: Done, exit_code: int, *sentences: str) -> None:
    """One message on stderr with all these parts, no traceback, nothing on stdout that looks like an answer."""
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Pred:" not in done.stdout
    for sentence in sentences:
        assert sentence in done.stderr


def saved(golden: GoldenSet) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, images=golden.images, labels=np.array(golden.labels), scores=golden.scores)
    return file.getvalue()


def with_golden(v1: Published, golden: bytes) -> dict[str, bytes]:
    """A card and a golden set that belong together."""
    promise = read_card(v1.files[CARD]).contract.golden
    card = v1.card.replace(promise.sha256, hashlib.sha256(golden).hexdigest())
    return {"card": card.encode(), "golden": golden}


def test_the_release_itself_starts(house: Installation):
    done = house.start()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- which model -------------------------------------------------------------------------------------------------------


def test_a_v2_artefact_with_the_v1_roster_is_refused(house: Installation, published: Callable[[str], Published]):
    v2 = published("v2.0")
    house.place("v2.0", v2.files, artefact=v2.record.artefact)
    path = f"models/v2.0/{v2.record.artefact}"
    refused(
        house.predict(MODEL_VERSION="v1.0", MODEL_PATH=path),
        4,
        f"{v2.record.artefact}: classes 0 1 2 3 4 5 6 7 8 9; promised classes 1 2 3 4 5 6 7 8 9",
        "Set MODEL_VERSION",
    )
    caught = "try:\n import app.classifier\nexcept AssertionError as error:\n print(type(error).__name__)"
    assert house.run("-c", caught, MODEL_VERSION="v1.0", MODEL_PATH=path).stdout == "RosterMismatch\n"


def test_a_roster_mismatch_shows_its_checks_in_verify(house: Installation, published: Callable[[str], Published]):
    v2 = published("v2.0")
    house.place("v2.0", v2.files, artefact=v2.record.artefact)
    done = house.pixelwise("verify", "--json", MODEL_PATH=f"models/v2.0/{v2.record.artefact}")
    refused(done, 4, "classes 0 1 2 3 4 5 6 7 8 9")
    shown = json.loads(done.stdout)
    assert shown["agree"] is False
    assert [check["outcome"] for check in shown["checks"] if check["name"] == "classes"] == ["differs"]


def test_another_version_than_the_file_is_refused_with_the_line_to_put_into_env(house: Installation):
    done = house.predict(MODEL_VERSION="v1.1", MODEL_PATH=f"models/{V1}")
    refused(
        done, 3, V1, ": v1.0 (by its digest); expected v1.1, as MODEL_VERSION says", "Put MODEL_VERSION=v1.0 into .env"
    )


def test_the_printed_line_mends_it(house: Installation):
    said = house.predict(MODEL_VERSION="v1.1", MODEL_PATH=f"models/{V1}").stderr
    line = said.partition("Put ")[2].partition(" into .env")[0]
    (house.root / ".env").write_text(f"{line}\nMODEL_PATH=models/{V1}\n")
    assert house.start().returncode == 0


@pytest.mark.parametrize("version", ["v4.0"])
def test_a_version_without_roster_names_the_line_of_the_classifier_to_edit(house: Installation, version: str):
    done = house.predict(MODEL_VERSION=version)
    refused(done, 3, f"version {version}: no roster", "one of v1, v2", "app/classifier.py line ")
    number = int(done.stderr.partition("app/classifier.py line ")[2].partition(".")[0])
    assert (house.root / "app/classifier.py").read_text().splitlines()[number - 1] == "ROSTERS = {"


def test_a_roster_added_at_the_named_line_is_found(house: Installation):
    said = house.predict(MODEL_VERSION="v4.0").stderr
    number = int(said.partition("app/classifier.py line ")[2].partition(".")[0])
    file = house.root / "app/classifier.py"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:number], '    "v4": ("1", "2"),', *lines[number:]]))
    refused(house.predict(MODEL_VERSION="v4.0"), 3, "models/v4.0", "the artefact of v4.0", "pixelwise pull v4.0")


@pytest.mark.parametrize("version", ["1.0", "../v1.0"])
def test_a_malformed_version_is_refused(house: Installation, version: str):
    refused(house.predict(MODEL_VERSION=version), 3, f"version {version.strip()}", "a version like v1.0")


@pytest.mark.parametrize("path", ["models/missing.pkl", "x" * 300])
def test_a_model_path_that_does_not_exist_is_refused(house: Installation, path: str):
    refused(house.predict(MODEL_PATH=path), 3, "no such file", "MODEL_PATH", "leave it empty")


def test_a_model_path_that_is_a_folder_is_refused(house: Installation):
    refused(house.predict(MODEL_PATH="models"), 3, "is a folder", "MODEL_PATH")


def test_a_pinned_version_that_was_never_pulled_is_refused(house: Installation):
    refused(house.predict(MODEL_VERSION="v1.7"), 3, "nothing pulled", "MODEL_VERSION", "`pixelwise pull v1.7`")


def test_a_version_without_tag_cannot_be_pulled(house: Installation, remote: Path):
    done = house.pixelwise("pull", MODEL_REPO=str(remote), MODEL_VERSION="v1.9")
    refused(done, 4, ": the tags v1.0", "expected the tag v1.9")
    assert house.start().returncode == 0


def test_a_repository_that_is_not_there_leaves_the_model_as_it_is(house: Installation):
    refused(house.pixelwise("pull", MODEL_REPO="nowhere.git"), 6, "nowhere.git", "MODEL_REPO")
    assert house.start().returncode == 0


def test_several_bad_settings_are_named_at_once(house: Installation):
    (house.root / ".env").write_text("MODEL_VERISON=v1.0\nREQUIRE_LOCK=perhaps\nMODEL_REPO=\n")
    refused(house.predict(), 3, "MODEL_VERISON", "did you mean MODEL_VERSION", "REQUIRE_LOCK=perhaps", "MODEL_REPO is")


# -- the caller's images -----------------------------------------------------------------------------------------------


WRONG_IMAGES = {
    "np.zeros((2, 28, 28))": "float64 (2, 28, 28)",
    "np.zeros((2, 28, 28), np.float32)": "float32 (2, 28, 28)",
    "np.zeros((2, 28, 28), bool)": "bool (2, 28, 28)",
    "np.zeros((28, 28), np.uint8)": "uint8 (28, 28)",
    "np.zeros((2, 784), np.uint8)": "uint8 (2, 784)",
    "np.zeros((2, 28, 28), np.uint8).tolist()": "list",
    "[]": "list",
}


def test_images_of_another_shape_or_dtype_are_refused_and_both_are_named(house: Installation):
    """Every case of it: tests/test_classifier.py. Here in one process, for `python -O`."""
    tries = [f"try:\n classify_batch({images})\nexcept ValueError as error:\n print(error)" for images in WRONG_IMAGES]
    done = house.run("-c", "\n".join(["import numpy as np\nfrom app.classifier import classify_batch", *tries]))
    assert done.returncode == 0, done.stderr
    for said, found in zip(done.stdout.splitlines(), WRONG_IMAGES.values(), strict=True):
        assert said.startswith(f"images: {found}; expected a numpy array, uint8 (N, 28, 28).")


# -- what was promised -------------------------------------------------------------------------------------------------


def test_a_golden_set_that_does_not_reproduce_is_refused(house: Installation, v1: Published):
    golden = v1.golden
    scores = golden.scores.copy()
    scores[3] = np.roll(scores[3], 1)
    house.place_published(v1, **with_golden(v1, saved(golden._replace(scores=scores))))
    refused(house.predict(), 4, "pkl, recorded answers: '1 other labels", "name another version")


def test_a_golden_set_whose_scores_differ_by_a_little_is_refused(house: Installation, v1: Published):
    golden = v1.golden
    house.place_published(v1, **with_golden(v1, saved(golden._replace(scores=golden.scores + 3e-5))))
    refused(house.predict(), 4, "pkl, recorded answers: '", "0 other labels, scores within 3.")


def test_a_golden_set_that_fails_beyond_the_slice_fails_verify_and_predict(house: Installation, v1: Published):
    golden = v1.golden
    scores = golden.scores.copy()
    scores[-1] = np.roll(scores[-1], 1)
    house.place_published(v1, **with_golden(v1, saved(golden._replace(scores=scores))))
    assert house.start().returncode == 0
    done = house.predict()
    assert done.returncode == 5
    assert "recorded answers: 1 other labels" in done.stderr
    refused(house.pixelwise("verify"), 4, "pkl, recorded answers: '")


def test_a_golden_accuracy_that_does_not_reproduce_fails_verify_and_predict(house: Installation, v1: Published):
    card = v1.card.replace("correct: 913,", "correct: 914,").replace("(913 read", "(914 read")
    assert card != v1.card
    house.place_published(v1, card=card.encode())
    done = house.predict()
    assert done.returncode == 5
    assert "golden accuracy: 913 of 1000 right; promised 914 of 1000 right" in done.stderr
    refused(
        house.pixelwise("verify"),
        4,
        "pkl, golden accuracy: '913 of 1000 right' (here); promised '914 of 1000 right' (card)",
    )


def test_a_golden_set_that_its_card_does_not_know_is_refused(house: Installation, v1: Published):
    house.place_published(v1, golden=saved(v1.golden._replace(scores=v1.golden.scores[:, ::-1])))
    refused(house.predict(), 4, "golden_v1.npz: changed since it was released", "by its card")


def test_a_card_whose_classes_differ_from_the_artefact_is_refused(house: Installation, v1: Published):
    classes = "['1', '2', '3', '4', '5', '6', '7', '8', '9']"
    card = v1.card.replace(f"classes: {classes}", "classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8']")
    assert card != v1.card
    house.place_published(v1, card=card.encode())
    refused(
        house.predict(),
        4,
        "pkl, classes, classes in prose: '",
        "'1 2 3 4 5 6 7 8 9' (artefact)",
        "'0 1 2 3 4 5 6 7 8' (card)",
    )


def test_a_card_number_that_differs_from_its_prose_is_refused(house: Installation, v1: Published):
    house.place_published(v1, card=v1.card.replace("Accuracy: 91.42%", "Accuracy: 95.42%").encode())
    refused(
        house.predict(),
        4,
        "pkl, accuracy in prose: '",
        "'0.9142 (8246 of 9020)' (card)",
        "'0.9542 (8246 of 9020)' (prose)",
    )


def test_a_card_that_is_not_valid_is_refused(house: Installation, v1: Published):
    house.place_published(v1, card=v1.card.replace("  features: 784\n", "  features: many\n").encode())
    refused(house.predict(), 4, "card MODELCARD.md", "a contract that is not valid", "features")


# -- changed bytes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1000, -1])
def test_an_artefact_with_one_flipped_byte_is_refused_unread(house: Installation, at: int):
    """Byte 0 would be refused as no pickle, the others might even be read: the digest speaks first."""
    path = house.models / "v1.0" / V1
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.unlink()
    path.write_bytes(data)
    refused(house.predict(), 4, f"{V1}: changed since it was released", "by the record of its pull", "pixelwise pull")


@pytest.mark.parametrize("name", [CARD, "golden_v1.npz"])
def test_a_changed_card_or_golden_set_is_refused_unread(house: Installation, name: str):
    path = house.models / "v1.0" / name
    path.unlink()
    path.write_bytes(b"\0not what was pulled")
    refused(house.predict(), 4, f"{name}: changed since it was released", "by the record of its pull")


@pytest.mark.parametrize("name", [CARD, "golden_v1.npz"])
def test_a_recorded_file_that_is_gone_is_refused(house: Installation, name: str):
    (house.models / "v1.0" / name).unlink()
    refused(house.predict(), 4, f"file {name}", "as it was pulled", "pixelwise pull")


def test_a_pull_mends_a_flipped_byte(house: Installation, remote: Path):
    path = house.models / "v1.0" / V1
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.unlink()
    path.write_bytes(data)
    pulled = house.pixelwise("pull", MODEL_REPO=str(remote), MODEL_VERSION="v1.0")
    assert pulled.returncode == 0, pulled.stderr
    assert house.start().returncode == 0


# -- what cannot be checked is named -----------------------------------------------------------------------------------


def outcomes(house: Installation, **environ: str) -> dict[str, str]:
    """Each check that `pixelwise verify` makes, and how it came out; nobody has signed the release."""
    done = house.pixelwise("verify", "--json", **environ)
    assert done.returncode == 0, done.stderr
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    signer = found.pop("signer")
    assert (signer["outcome"], signer["why"]) == ("skipped", "not signed")
    return {name: check["outcome"] for name, check in found.items()}


def test_every_check_of_the_release_itself_agrees(house: Installation):
    assert set(outcomes(house).values()) == {"agrees"}


def test_a_release_without_golden_set_loads_and_names_the_skipped_check(house: Installation, v1: Published):
    house.place_published(v1, golden=None)
    found = outcomes(house)
    assert found.pop("recorded answers") == "skipped"
    assert set(found.values()) == {"agrees"}
    done = house.pixelwise("verify")
    assert "skipped" in done.stdout


def test_a_release_without_card_loads_and_names_the_skipped_checks(house: Installation, v1: Published):
    house.place_published(v1, card=None, golden=None)
    found = outcomes(house)
    assert (found.pop("card"), found.pop("recorded answers")) == ("skipped", "skipped")
    assert set(found) == {"classes", "features", "preprocessing"}
    assert set(found.values()) == {"agrees"}


def test_an_artefact_put_there_by_hand_starts_with_a_warning_and_version_unknown(house: Installation):
    artefact = by_hand(house)
    done = house.run("-c", "from app.classifier import MODEL; print(MODEL.version)", MODEL_PATH=artefact)
    assert (done.returncode, done.stdout) == (0, "unknown\n")
    assert "The origin of" in done.stderr
    assert "REQUIRE_LOCK=true refuses" in done.stderr


def test_an_artefact_put_there_by_hand_is_refused_where_the_lock_is_required(house: Installation):
    done = house.predict(MODEL_PATH=by_hand(house), REQUIRE_LOCK="true")
    refused(done, 4, "in no entry of model.lock", "REQUIRE_LOCK=true", "pixelwise lock")


def test_an_artefact_put_there_by_hand_is_held_against_the_roster(
    house: Installation, published: Callable[[str], Published]
):
    (house.root / "mine.pkl").write_bytes(published("v2.0").artefact)
    refused(house.predict(MODEL_PATH="mine.pkl"), 4, "mine.pkl: classes 0 1 2")


def test_a_pulled_release_that_is_not_locked_is_refused_where_the_lock_is_required(house: Installation):
    refused(house.predict(REQUIRE_LOCK="true"), 4, "in no entry of model.lock")


def test_a_locked_release_starts_where_the_lock_is_required(house: Installation):
    assert house.pixelwise("lock").returncode == 0
    assert house.predict(REQUIRE_LOCK="true").returncode == 0


def by_hand(house: Installation) -> str:
    """An artefact that no record knows: v1.0's with another scikit-learn version in it."""
    data = (house.models / V1).read_bytes()
    changed = data.replace(b"1.9.1", b"1.9.0")
    assert changed != data
    (house.root / "mine.pkl").write_bytes(changed)
    return "mine.pkl"


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory, published: Callable[[str], Published]) -> Path:
    """A repository of releases with the tag v1.0 only."""
    repository = Remote(tmp_path_factory.mktemp("remote") / "releases.git")
    repository.release("v1.0", published("v1.0").files)
    return repository.folder
