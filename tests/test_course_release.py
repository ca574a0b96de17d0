"""A release as the course publishes it: a .pkl, a card in prose, no contract, no golden set, no SHA256SUMS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MNIST_FOLDER, Mnist
from tests.course import place_prose, prose_of
from tests.installation import CARD, Installation, Published
from tests.release.remote import Remote

pytestmark = pytest.mark.long

SKIPPED = {"recorded answers", "sha256", "scikit-learn", "accuracy", "signer"}


@pytest.fixture
def course(installation: Installation, published: Callable[[str], Published], tmp_path: Path) -> Callable[..., dict]:
    """Publishes such a release, with this accuracy in its card; the settings that pin it."""

    def publish(percent: int = 92, **files: bytes) -> dict[str, str]:
        remote = Remote(tmp_path / "course.git")
        model = {
            "digit_classifier_v1.pkl": published("v1.0").artefact,
            CARD: prose_of("v1.0", percent=percent).encode(),
        }
        remote.release("v1.0", {**model, **files})
        return {"MODEL_REPO": str(remote.folder), "MODEL_VERSION": "v1.0", "MNIST_DIR": str(MNIST_FOLDER)}

    installation.run("-c", "import shutil; shutil.rmtree('models')")
    return publish


def pulled(installation: Installation, settings: dict[str, str]) -> None:
    done = installation.pixelwise("pull", **settings)
    assert done.returncode == 0, done.stderr
    assert "a first pull" in done.stderr


def test_it_is_pulled_verified_and_read_on_mnist_s_test_file(
    installation: Installation, course: Callable[..., dict[str, str]], mnist: Mnist
):
    settings = course()
    pulled(installation, settings)

    verified = installation.pixelwise("verify", "--json", **settings)
    assert verified.returncode == 0, verified.stderr
    checks = {check["name"]: check for check in json.loads(verified.stdout)["checks"]}
    assert {name for name, check in checks.items() if check["outcome"] == "skipped"} == SKIPPED
    assert all(checks[name]["why"] for name in SKIPPED)
    assert {"classes", "features", "step names", "classifier", "preprocessing"} <= checks.keys()

    read = installation.predict(**settings)
    assert (read.returncode, read.stderr) == (0, "")
    lines = [line for line in read.stdout.splitlines() if line.startswith("Pred: ")]
    assert [line.partition("True: ")[2][0] for line in lines] == ["7", "2", "1", "4", "0"]
    assert "withheld" in lines[-1]
    assert not any("withheld" in line for line in lines[:-1])
    assert "no golden set" in read.stdout
    assert "accuracy on MNIST's test file" in read.stdout
    assert "92.0%, at least 90.5% here (may contain training digits)" in read.stdout


def test_verify_measures_it_on_mnist_when_asked(
    installation: Installation, course: Callable[..., dict[str, str]], mnist: Mnist
):
    settings = course()
    pulled(installation, settings)
    verified = installation.pixelwise("verify", "--mnist", "--json", **settings)
    assert verified.returncode == 0, verified.stderr
    check = json.loads(verified.stdout)["checks"][-1]
    assert (check["name"], check["outcome"]) == ("accuracy on MNIST's test file", "agrees")
    assert check["promised"] == "92.0%, at least 90.5% here (may contain training digits)"


def test_below_the_floor_the_smoke_test_fails(
    installation: Installation, course: Callable[..., dict[str, str]], mnist: Mnist
):
    settings = course(percent=94)
    pulled(installation, settings)
    read = installation.predict(**settings)
    assert read.returncode == 5
    assert "accuracy on MNIST's test file: 8,246 of 9,020 right" in read.stderr
    assert "promised 94.0%, at least 92.5% here" in read.stderr


def test_without_mnist_the_smoke_test_says_how_to_get_it(
    installation: Installation, course: Callable[..., dict[str, str]]
):
    settings = course()
    pulled(installation, settings)
    read = installation.predict(**{**settings, "MNIST_DIR": "nowhere"})
    assert read.returncode == 3
    assert "MNIST file t10k-images-idx3-ubyte" in read.stderr
    cache = installation.root / "nowhere"
    assert f".venv/bin/python pixelwise-model/mnist.py --test-only --cache {cache}`" in read.stderr


def test_a_card_that_states_other_classes_keeps_the_release_out(
    installation: Installation, course: Callable[..., dict[str, str]]
):
    settings = course(**{CARD: prose_of("v1.0").replace("1\u20139", "0\u20139").encode()})
    done = installation.pixelwise("pull", **settings)
    assert done.returncode == 4
    assert "release v1.0 does not start: digit_classifier_v1.pkl, classes: '" in done.stderr
    assert not (installation.models / "v1.0").exists()


def test_frozen_takes_it_only_after_review(installation: Installation, course: Callable[..., dict[str, str]]):
    settings = course()
    frozen = installation.pixelwise("pull", "--frozen", **settings)
    assert frozen.returncode == 4
    assert "--frozen" in frozen.stderr
    pulled(installation, settings)
    assert installation.pixelwise("lock", **settings).returncode == 0
    again = installation.pixelwise("pull", "--frozen", **settings)
    assert again.returncode == 0, again.stderr
    assert "listed in model.lock" in again.stderr


def test_the_exercise_swap_in_v2_and_see_the_assertion_fire(
    installation: Installation, published: Callable[[str], Published], tmp_path: Path
):
    remote = Remote(tmp_path / "course.git")
    for version in ("v1.0", "v2.0"):
        remote.release(version, published(version).files)
    installation.run("-c", "import shutil; shutil.rmtree('models')")
    settings = {"MODEL_REPO": str(remote.folder)}
    for command in (["pull"], ["pull", "v2.0"]):
        assert installation.pixelwise(*command, **settings).returncode == 0
    code = "from app.classifier import CLASSES, MODEL; assert list(MODEL.scorer.classes) == CLASSES"
    assert installation.run("-c", code, **settings).returncode == 0

    swap = "import shutil; shutil.copy('models/v2.0/digit_classifier_v2.pkl', 'models/digit_classifier_v1.pkl')"
    assert installation.run("-c", swap).returncode == 0
    caught = "try:\n import app.classifier\nexcept AssertionError as error:\n print(error)"
    for path in ("", "models/digit_classifier_v1.pkl"):
        said = installation.run("-c", caught, MODEL_PATH=path, **settings).stdout
        assert ": classes 0 1 2 3 4 5 6 7 8 9; promised classes 1 2 3 4 5 6 7 8 9" in said
        assert installation.predict(MODEL_PATH=path, **settings).returncode == 4

    assert "v1.0: copied" in installation.pixelwise("pull", **settings).stderr
    assert installation.run("-c", code, **settings).returncode == 0


# -- what the commands say of them -------------------------------------------------------------------------------------


HERE = {"MNIST_DIR": str(MNIST_FOLDER)}


def verified(house: Installation, *arguments: str) -> dict[str, dict[str, str]]:
    done = house.pixelwise("verify", *arguments, "--json", **HERE)
    assert done.returncode == 0, done.stderr
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.mark.parametrize(
    ("version", "kind"), [("v1.0", "LogisticRegression"), ("v1.1", "MLPClassifier"), ("v2.0", "MLPClassifier")]
)
def test_verify_shows_both_steps(installation_of_course: Installation, version: str, kind: str):
    steps = verified(installation_of_course, version)["step names"]
    assert steps["found"] == f"binarize: Binarizer, clf: {kind}"
    assert (steps["promised"], steps["outcome"]) == ("binarize clf", "agrees")


def test_the_list_has_their_classes_and_the_accuracy_that_their_cards_state(installation_of_course: Installation):
    said = json.loads(installation_of_course.pixelwise("models", "list", "--json").stdout)["versions"]
    assert [(row["version"], "".join(row["classes"]), row["accuracy"], row["cited_accuracy"]) for row in said] == [
        ("v1.0", "123456789", None, 0.92),
        ("v1.1", "123456789", None, 0.98),
        ("v2.0", "0123456789", None, 0.97),
    ]
    table = installation_of_course.pixelwise("models", "list").stdout
    assert "92% by its" in table and "0123456789" in table


def test_diff_reads_mnist_s_test_file_for_them(installation_of_course: Installation, mnist: Mnist):
    done = installation_of_course.pixelwise("diff", "v1.0", "v1.1", **HERE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "How they read 9,020 digits of MNIST's test file of classes that both know" in done.stdout
    assert "91.42% (90.8% to 92.0%)" in done.stdout
    assert "trained with some of these digits" in done.stdout
    reading = json.loads(installation_of_course.pixelwise("diff", "v1.0", "v1.1", "--json", **HERE).stdout)["reading"]
    assert (reading["n"], reading["accuracy"][0]["correct"]) == (9020, 8246)


def test_without_mnist_diff_says_how_to_get_it_and_compares_the_rest(installation_of_course: Installation):
    house = installation_of_course
    done = house.pixelwise("diff", "v1.0", "v1.1", MNIST_DIR="no where")
    assert done.returncode == 0
    assert "97%" not in done.stdout and "92% by its card's words" in done.stdout
    assert "No digits were read. Neither release has recorded digits that both know." in done.stderr
    cache = house.root / "no where"
    assert f"mnist.py --test-only --cache '{cache}'`" in done.stderr
    said = json.loads(house.pixelwise("diff", "v1.0", "v1.1", "--json", MNIST_DIR="no where").stdout)
    assert said["reading"] is None and "--test-only" in said["unread"]


def test_doctor_says_that_they_have_no_recorded_answers(installation_of_course: Installation):
    (installation_of_course.root / ".env").write_text("MODEL_VERSIONS=v1.0,v2.0\n")
    said = json.loads(installation_of_course.pixelwise("doctor", "--json").stdout)["checks"]
    found = {check["name"]: check["found"] for check in said}
    assert found["start"].startswith("the model opens and has no recorded answers to reproduce")
    assert "`pixelwise verify --mnist`" in found["start"]
    assert "`pixelwise verify v2.0 --mnist`" in found["start v2.0"]


def test_the_public_v1_artefact_is_verified_listed_and_compared(
    installation: Installation, published: Callable[[str], Published], public_artefact: bytes, mnist: Mnist
):
    installation.run("-c", "import shutil; shutil.rmtree('models')")
    place_prose(installation, published("v1.0"), artefact=public_artefact)
    checks = verified(installation, "--mnist")
    assert checks["step names"]["found"] == "binarize: Binarizer, clf: LogisticRegression"
    assert checks["accuracy on MNIST's test file"]["outcome"] == "agrees"
    (row,) = json.loads(installation.pixelwise("models", "list", "--json").stdout)["versions"]
    assert (row["sha256"][:8], row["verified"]) == ("2f634166", True)
    assert ("".join(row["classes"]), row["cited_accuracy"]) == ("123456789", 0.92)
    reading = json.loads(installation.pixelwise("diff", "v1.0", "v1.0", "--json", **HERE).stdout)["reading"]
    assert (reading["n"], reading["same"]) == (9020, 9020)
    assert reading["accuracy"][0]["correct"] == 8432
