"""`pixelwise predict`: pictures in, answers out."""

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

from app.model.contract import Drawn
from app.model.unsure import certainties
from tests.conftest import MNIST_FOLDER, Mnist
from tests.installation import Installation, Published, without_drawn
from tests.web.inside import Inside
from tests.web.test_certainty import DRAWN


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


def test_predict_tells_why_in_a_drawing_and_as_json(installation: Installation, digits: Path, tmp_path: Path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    files = [str(digits / "a.png"), str(tmp_path / "blank.png")]
    done = installation.pixelwise("predict", *files, "--why", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    images = json.loads(installation.pixelwise("predict", *files, "--why", "--json").stdout)["images"]
    assert images[1]["explanation"] is None
    found = images[0]["explanation"]
    assert found["answer"] == images[0]["prediction"]
    assert f"++ speaks for {found['answer']}, -- for {found['against']}, ·· for neither" in done.stdout
    assert np.sum(found["ink"]) + found["paper"] == pytest.approx(found["difference"], abs=0.02)
    assert "explanation" not in installation.pixelwise("predict", *files, "--json").stdout
    for columns in (40, 24):
        narrow = installation.pixelwise("predict", files[0], "--why", COLUMNS=str(columns)).stdout.splitlines()
        assert "for neither" in " ".join(" ".join(narrow).split())
        assert [line for line in narrow if len(line) > columns and len(line.split()) > 1] == []


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


@pytest.mark.long
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


@pytest.mark.long
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


def test_no_character_of_a_file_name_acts_on_the_terminal(installation: Installation, digits: Path):
    (digits / "a.png").rename(digits / "a\x1b[31m.png")
    done = installation.pixelwise("predict", str(digits / "a\x1b[31m.png"))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_predict_shows_names_as_they_are(installation: Installation, tmp_path: Path, mnist: Mnist):
    """Square brackets are markup to the library that prints."""
    (tmp_path / "c[").mkdir()
    for name in ("[red]a.png", "b[", "c[/blue].png"):
        Image.fromarray(mnist.test_images[0]).save(tmp_path / name, format="PNG")
        done = installation.pixelwise("predict", str(tmp_path / name), COLUMNS="300")
        assert done.returncode == 0, done.stderr
        assert name in done.stdout


# -- how a refusal is said ---------------------------------------------------------------------------------------------
