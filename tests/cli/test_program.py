"""The command `pixelwise`: what goes where, and the exit codes. Refusals are in test_loudness.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from PIL import Image

import app
from app.model.contract import Drawn
from app.model.unsure import certainties
from tests.conftest import MNIST_FOLDER, Mnist
from tests.installation import Installation, Published, without_drawn
from tests.release.remote import Remote
from tests.web.inside import Inside
from tests.web.test_certainty import DRAWN

COMMANDS = ("pull", "lock", "verify", "predict", "doctor")


@pytest.fixture
def remote(tmp_path: Path, published: Callable[[str], Published]) -> str:
    """A repository with v1.0, as MODEL_REPO names it."""
    repository = Remote(tmp_path / "releases.git")
    repository.release("v1.0", published("v1.0").files)
    return str(repository.folder)


@pytest.fixture
def digits(tmp_path: Path, mnist: Mnist) -> Path:
    """A folder: a PNG, a JPEG, an array of three, and a file that is no picture."""
    folder = tmp_path / "digits"
    folder.mkdir()
    Image.fromarray(mnist.test_images[0]).save(folder / "a.png")
    large = Image.fromarray(255 - mnist.test_images[1]).resize((280, 280))
    large.save(folder / "b.JPG", format="JPEG")
    np.save(folder / "c.npy", mnist.test_images[2:5])
    (folder / "notes.txt").write_text("no picture")
    return folder


# -- help and usage ----------------------------------------------------------------------------------------------------


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
        assert check["outcome"] == "agrees"
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


def test_predict_reads_pictures_arrays_and_folders_in_one_batch(installation: Installation, digits: Path, mnist: Mnist):
    done = installation.pixelwise("predict", str(digits), "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["model_version"] == "v1.0"
    images = shown["images"]
    assert [Path(image["image"]).name for image in images] == ["a.png", "b.JPG", "c.npy[0]", "c.npy[1]", "c.npy[2]"]
    assert [image["prediction"] for image in images][:3] == [str(label) for label in mnist.test_labels[:3]]
    for image in images:
        assert set(image) == {
            "image",
            "prediction",
            "confidence",
            "certainty",
            "scores",
            "recipe",
            "findings",
            "unsure",
        }
        assert sum(image["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_predict_reads_webp_and_gif_too_in_folders_and_by_name(
    installation: Installation, tmp_path: Path, mnist: Mnist
):
    (tmp_path / "phone").mkdir()
    for index, kind in enumerate(("WEBP", "GIF")):
        digit = Image.fromarray(255 - mnist.test_images[index]).resize((280, 280))
        digit.save(tmp_path / "phone" / f"{index}.{kind.lower()}", kind)
    for paths in ([tmp_path / "phone"], sorted((tmp_path / "phone").iterdir())):
        done = installation.pixelwise("predict", *map(str, paths), "--json")
        assert done.returncode == 0, done.stderr
        found = [image["prediction"] for image in json.loads(done.stdout)["images"]]
        assert found == [str(label) for label in mnist.test_labels[:2]]


def test_predict_refuses_heic_by_its_name_with_the_way_out(installation: Installation, tmp_path: Path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    done = installation.pixelwise("predict", str(tmp_path / "IMG_1.HEIC"), COLUMNS="300")
    assert done.returncode == 2
    assert "IMG_1.HEIC: a HEIC picture; expected a PNG, JPEG, WebP or GIF picture" in done.stderr
    assert "Settings > Camera > Formats > Most Compatible" in done.stderr


def test_predict_shows_a_table_and_what_the_model_saw(installation: Installation, digits: Path):
    done = installation.pixelwise("predict", str(digits / "a.png"), "--show", COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert "\u2588" in done.stdout
    assert "prediction" in done.stdout
    assert "a.png" in done.stdout
    assert done.stdout.count("\n") > 14


def test_predict_shows_nothing_of_a_picture_that_was_not_read_but_why(installation: Installation, tmp_path: Path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    done = installation.pixelwise("predict", str(tmp_path / "blank.png"), "--show")
    assert (done.returncode, done.stdout.count("blank.png")) == (0, 1)
    assert done.stdout.count("Nothing looks like a line") == 1
    assert all(line.strip() for line in done.stdout.splitlines())
    (image,) = json.loads(installation.pixelwise("predict", str(tmp_path / "blank.png"), "--json").stdout)["images"]
    assert (image["prediction"], image["unsure"]) == (None, False)


def test_predict_does_not_break_a_long_path(installation: Installation, digits: Path):
    deep = digits / "/".join(["a-folder-of-a-tree"] * 10)
    deep.mkdir(parents=True)
    (digits / "a.png").rename(deep / "a.png")
    done = installation.pixelwise("predict", str(deep / "a.png"), "--show", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(deep / "a.png")) == 2


@pytest.mark.parametrize("measured", [True, False])
def test_predict_calls_those_answers_unsure_that_the_service_does(
    installation: Installation, published: Callable[[str], Published], tmp_path: Path, measured: bool
):
    release = published("v1.0")
    if not measured:
        installation.place_published(release, card=without_drawn(release.card))
    digits = release.golden.images[:300]
    np.save(tmp_path / "digits.npy", digits)
    done = installation.pixelwise("predict", str(tmp_path / "digits.npy"), "--json")
    found = [image["unsure"] for image in json.loads(done.stdout)["images"]]
    with Inside(release, tmp_path / "service", stated={} if measured else {"v1.0": {"drawn": None}}) as inside:
        reply = inside.ask("POST", "/classify/batch", digits.tobytes(), {"content-type": "application/octet-stream"})
    assert found == [answer["unsure"] for answer in reply.json["answers"]]
    assert set(found) == {True, False}


def test_without_recorded_digits_predict_takes_mnist_s_as_the_service_does(
    installation_of_course: Installation, tmp_path: Path, mnist: Mnist
):
    np.save(tmp_path / "digits.npy", mnist.test_images[:200])
    for folder, unsure in ((MNIST_FOLDER, {True, False}), (tmp_path, {False})):
        done = installation_of_course.pixelwise(
            "predict", str(tmp_path / "digits.npy"), "--json", MNIST_DIR=str(folder), MODEL_VERSION="v2.0"
        )
        assert {image["unsure"] for image in json.loads(done.stdout)["images"]} == unsure
        assert ("no answer of a release without golden set is called unsure" in done.stderr) == (folder == tmp_path)


def test_predict_says_how_certain_it_is_where_the_release_measured_that(
    installation: Installation, published: Callable[[str], Published], digits: Path
):
    release = published("v1.0")
    front = release.card.split("---\n", 2)[1]

    def said(drawn: Drawn | None) -> tuple[list[dict[str, Any]], str]:
        matter = yaml.safe_load(front)
        matter["contract"]["drawn"] = msgspec.to_builtins(drawn)
        installation.place_published(release, card=f"---\n{yaml.safe_dump(matter)}---\n# A model\n".encode())
        images = json.loads(installation.pixelwise("predict", str(digits), "--json").stdout)["images"]
        return images, installation.pixelwise("predict", str(digits), COLUMNS="200").stdout

    images, table = said(None)
    assert {image["certainty"] for image in images} == {None}
    assert "certainty" not in table
    images, table = said(DRAWN)
    for image in images:
        expected = certainties(np.array([list(image["scores"].values())]), DRAWN.temperature)
        assert image["certainty"] == pytest.approx(expected[0])
        assert f"{image['confidence']:.2f} │{image['certainty']:10.2f} │" in table


def test_predict_says_what_is_unlike_the_training_images(installation: Installation, tmp_path: Path, mnist: Mnist):
    np.save(
        tmp_path / "skewed.npy",
        np.stack([255 - mnist.test_images[0], (mnist.test_images[0] > 128).astype(np.uint8), mnist.test_images[0]]),
    )
    done = installation.pixelwise("predict", str(tmp_path / "skewed.npy"), "--json")
    found = [[finding["name"] for finding in image["findings"]] for image in json.loads(done.stdout)["images"]]
    assert found == [["inverted"], ["unit-range"], []]
    assert (
        "Ink and paper are swapped"
        in installation.pixelwise("predict", str(tmp_path / "skewed.npy"), COLUMNS="200").stdout
    )


def test_predict_of_many_files_keeps_the_bar_off_stdout_and_out_of_a_file(
    installation: Installation, tmp_path: Path, mnist: Mnist
):
    (tmp_path / "many").mkdir()
    for index in range(25):
        Image.fromarray(mnist.test_images[index]).save(tmp_path / "many" / f"{index:02}.png")
    done = installation.pixelwise("predict", str(tmp_path / "many"), "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["images"]) == 25
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("name", ["missing.png", "notes.txt"])
def test_a_file_that_is_no_picture_is_named_with_2_and_costs_its_neighbours_nothing(
    installation: Installation, digits: Path, name: str
):
    paths = [str(digits / "a.png"), str(digits / name)]
    done = installation.pixelwise("predict", *paths, "--json")
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    answered = json.loads(done.stdout)
    assert [image["image"] for image in answered["images"]] == paths[:1]
    assert [name in refused["subject"] for refused in answered["unreadable"]] == [True]
    alone = installation.pixelwise("predict", paths[1])
    assert (alone.returncode, alone.stdout) == (2, "")


def test_a_folder_without_pictures_is_named_with_2(installation: Installation, digits: Path):
    (digits / "empty").mkdir()
    done = installation.pixelwise("predict", str(digits / "empty"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "empty" in done.stderr


def test_a_refusal_is_one_json_object_too(installation: Installation):
    done = installation.pixelwise("verify", "--json", MODEL_VERSION="v9.9")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["exit_code"]) == ("UnknownVersion", 3)
    assert error["remedy"]


def test_no_character_of_a_file_name_acts_on_the_terminal(installation: Installation, digits: Path):
    (digits / "a.png").rename(digits / "a\x1b[31m.png")
    done = installation.pixelwise("predict", str(digits / "a\x1b[31m.png"))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


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


def test_predict_shows_names_as_they_are(installation: Installation, tmp_path: Path, mnist: Mnist):
    """Square brackets are markup to the library that prints."""
    (tmp_path / "c[").mkdir()
    for name in ("[red]a.png", "b[", "c[/blue].png"):
        Image.fromarray(mnist.test_images[0]).save(tmp_path / name, format="PNG")
        done = installation.pixelwise("predict", str(tmp_path / name), COLUMNS="300")
        assert done.returncode == 0, done.stderr
        assert name in done.stdout


# -- how a refusal is said ---------------------------------------------------------------------------------------------


def test_a_refusal_is_one_message_on_stderr_with_its_names_as_they_are(installation: Installation):
    done = installation.pixelwise("verify", MODEL_PATH="models/[bold]x[/nothing].pkl")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "models/[bold]x[/nothing].pkl: no such file" in done.stderr
