"""The command `pixelwise`: what goes where, and the exit codes. Refusals are in test_loudness.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import app
from tests.conftest import MNIST_FOLDER, Mnist
from tests.installation import Installation, Published
from tests.release.remote import Remote

COMMANDS = ("pull", "lock", "verify", "predict", "doctor")


@pytest.fixture
def remote(tmp_path: Path, published: Callable[[str], Published]) -> str:
    """A repository with v1.0, as MODEL_REPO names it."""
    repository = Remote(tmp_path / "releases.git")
    repository.release("v1.0", published("v1.0").files)
    return str(repository.folder)


def test_help_names_every_command_and_does_not_open_the_model(installation: Installation):
    (installation.root / "app/classifier.py").write_text("raise SystemExit('the model was opened')")
    done = installation.pixelwise("--help", COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in COMMANDS)
    version = installation.pixelwise("--version")
    assert (version.returncode, version.stdout) == (0, f"pixelwise {app.__version__}\n")
    assert installation.pixelwise("verify").returncode != 0


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["pull", "--nonsense"], ["predict"], ["verify", "v1.0", "extra"], []]
)
def test_wrong_usage_leaves_with_2(installation: Installation, arguments: list[str]):
    done = installation.pixelwise(*arguments)
    assert done.returncode == 2
    assert "Usage" in done.stdout + done.stderr


# -- pull, lock --------------------------------------------------------------------------------------------------------


def test_a_first_pull_places_the_release_and_says_what_to_review(installation: Installation, remote: str):
    installation.run("-c", "import shutil; shutil.rmtree('models')")
    done = installation.pixelwise("pull", MODEL_REPO=remote)
    assert (done.returncode, done.stdout) == (0, "")
    assert "v1.0: pulled" in done.stderr
    assert "`pixelwise lock`" in done.stderr
    copy = installation.models / "digit_classifier_v1.pkl"
    assert copy.read_bytes() == (installation.models / "v1.0/digit_classifier_v1.pkl").read_bytes()
    again = installation.pixelwise("pull", MODEL_REPO=remote)
    assert (again.returncode, "v1.0: in place" in again.stderr) == (0, True)


def test_a_release_that_does_not_start_is_not_placed(installation: Installation, remote: str):
    (installation.root / "app/classifier.py").write_text(
        (installation.root / "app/classifier.py").read_text().replace('"8", "9"),\n    "v2"', '"8"),\n    "v2"')
    )
    installation.run("-c", "import shutil; shutil.rmtree('models')")
    done = installation.pixelwise("pull", MODEL_REPO=remote)
    assert done.returncode == 4
    assert (
        "release v1.0 does not start: model digit_classifier_v1.pkl: classes 1 2 3 4 5 6 7 8 9; promised classes "
        "1 2 3 4 5 6 7 8 in app/classifier.py. Set MODEL_VERSION to" in done.stderr
    )
    assert not (installation.models / "v1.0").exists()


def test_lock_adds_the_pulled_release_and_frozen_takes_it_then(installation: Installation, remote: str):
    installation.run("-c", "import shutil; shutil.rmtree('models')")
    assert installation.pixelwise("pull", "--frozen", MODEL_REPO=remote).returncode == 4
    assert installation.pixelwise("pull", MODEL_REPO=remote, REQUIRE_LOCK="true").returncode == 4
    assert installation.pixelwise("pull", MODEL_REPO=remote).returncode == 0
    locked = installation.pixelwise("lock", MODEL_REPO=remote)
    assert (locked.returncode, locked.stdout) == (0, "")
    assert "Added v1.0" in locked.stderr
    frozen = installation.pixelwise("pull", "--frozen", MODEL_REPO=remote)
    assert frozen.returncode == 0, frozen.stderr
    assert installation.pixelwise("pull", MODEL_REPO=remote, REQUIRE_LOCK="true").returncode == 0


def test_lock_without_a_pulled_release_is_refused(installation: Installation):
    done = installation.pixelwise("lock", MODEL_VERSION="v1.5")
    assert done.returncode == 4
    assert "Run `pixelwise pull v1.5` first." in done.stderr


# -- verify ------------------------------------------------------------------------------------------------------------


def test_verify_answers_the_four_questions(installation: Installation):
    done = installation.pixelwise("verify")
    assert (done.returncode, done.stderr) == (0, "")
    for question in ("Which preprocessing", "Do the classes match?", "Does the input shape", "Does the accuracy repr"):
        assert question in done.stdout
    assert "\x1b" not in done.stdout, "no colours where nobody looks"


def test_verify_gives_one_json_object(installation: Installation):
    done = installation.pixelwise("verify", "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(shown) == {"version", "classes", "agree", "checks"}
    assert (shown["version"], "".join(shown["classes"]), shown["agree"]) == ("v1.0", "123456789", True)
    for check in shown["checks"]:
        assert set(check) == {"name", "found_in", "found", "promised_by", "promised", "outcome", "why"}
        assert check["outcome"] == ("skipped" if check["name"] == "signer" else "agrees")
    names = {check["name"] for check in shown["checks"]}
    assert {"classes", "features", "ink rule", "recorded answers", "golden accuracy", "accuracy in prose"} <= names


def test_verify_holds_mnist_s_test_file_against_the_interval_when_asked(installation: Installation, mnist: Mnist):
    done = installation.pixelwise("verify", "--mnist", "--json", MNIST_DIR=str(MNIST_FOLDER))
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout)["checks"][-1]
    assert (last["name"], last["outcome"]) == ("accuracy on MNIST's test file", "agrees")
    assert "8,246 of 9,020" in last["found"]


def test_verify_leaves_with_4_and_still_shows_every_check(installation: Installation, published: Callable):
    v1 = published("v1.0")
    installation.place_published(v1, card=v1.card.replace("  features: 784\n", "  features: 785\n").encode())
    done = installation.pixelwise("verify", "--json")
    assert done.returncode == 4
    shown = json.loads(done.stdout)
    assert shown["agree"] is False
    assert {"artefact": "784", "card": "785"} in [
        {check["found_in"]: check["found"], check["promised_by"]: check["promised"]} for check in shown["checks"]
    ]
    assert len(shown["checks"]) > 10
    assert (shown["error"]["kind"], shown["error"]["exit_code"]) == ("ContractBroken", 4)
    assert "differs" in installation.pixelwise("verify").stdout


# -- predict -----------------------------------------------------------------------------------------------------------


def test_a_refusal_is_one_json_object_too(installation: Installation):
    done = installation.pixelwise("verify", "--json", MODEL_VERSION="v9.9")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["exit_code"]) == ("UnknownVersion", 3)
    assert error["remedy"]


def test_a_token_in_model_repo_is_not_printed(installation: Installation):
    for command in ("doctor", "pull"):
        done = installation.pixelwise(command, MODEL_REPO="https://sesame@127.0.0.1:9/x.git")
        assert "sesame" not in done.stdout + done.stderr


def test_a_pull_that_would_take_away_the_file_of_model_path_is_refused(installation: Installation):
    folder = installation.models / "v1.0"
    code = (
        "from pathlib import Path; from app.cli.pull import check_served_path;"
        "from app.settings import read_settings;"
        f"check_served_path(Path({str(folder)!r}), 'v1.0', read_settings())"
    )
    assert installation.run("-c", code, MODEL_PATH="models/digit_classifier_v1.pkl").returncode == 0
    done = installation.run("-c", code, MODEL_PATH="models/other.pkl")
    assert "no other.pkl in release" in done.stderr


def test_a_refusal_is_one_message_on_stderr_with_its_names_as_they_are(installation: Installation):
    done = installation.pixelwise("verify", MODEL_PATH="models/[bold]x[/nothing].pkl")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "models/[bold]x[/nothing].pkl: no such file" in done.stderr
