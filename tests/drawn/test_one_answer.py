"""`pixelwise predict FILE` and `POST /drawings` say the same of the same file: of the suite's, and of odd formats."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.cli.image_files import read_images
from app.model.contract import SCORE_TOLERANCE
from drawn.conditions import CONDITIONS
from drawn.suite import mnist_digit, own_digit, picture_of
from tests.conftest import Mnist
from tests.drawing.sheets import SIDE, lines, on, seven, written
from tests.drawn.test_suite import SEED
from tests.installation import Installation
from tests.service import Service

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
SAME = ("prediction", "recipe", "findings")
ABOUT = ("confidence", "certainty", "scores")
"""Computed in another batch, so that the last digits may differ."""


def file_of(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def odd_files() -> Iterator[tuple[str, bytes]]:
    sheet = Image.fromarray(on(written(10)[4].ink))
    sideways = Image.Exif()
    sideways[0x0112] = 6
    clear = Image.merge("RGBA", [*Image.new("RGB", sheet.size, "navy").split(), Image.fromarray(255 - np.array(sheet))])
    nothing = Image.new("L", (90, 120), 200)
    yield "grey.png", file_of(sheet)
    yield "one-bit.png", file_of(sheet.convert("1"))
    yield "palette.png", file_of(sheet.convert("RGB").quantize(16))
    yield "clear.png", file_of(clear)
    yield "16-bit.png", file_of(Image.fromarray(np.array(sheet).astype(np.uint16) * 257))
    yield "film.gif", file_of(sheet, "GIF", save_all=True, append_images=[nothing])
    yield "clear.webp", file_of(clear, "WEBP", lossless=True)
    yield "lossy.webp", file_of(sheet, "WEBP", quality=50)
    yield "turned.jpg", file_of(sheet, "JPEG", exif=sideways)
    yield "cmyk.jpg", file_of(sheet.convert("CMYK"), "JPEG")
    yield "progressive.jpg", file_of(sheet, "JPEG", progressive=True)
    yield "large.jpg", file_of(sheet.resize((4000, 4000)), "JPEG")
    yield "28.png", file_of(sheet.resize((28, 28)))
    yield "blank.png", file_of(nothing)
    yield "faint.png", file_of(Image.fromarray(on(written(10)[4].ink, 255, 247)))
    yield "two.png", file_of(Image.fromarray(lines(seven(20, 50, 130), seven(150, 50, 130))))
    yield "tiny.png", file_of(Image.fromarray(lines(seven(100, 100, 4), pen=1)))
    yield "frame.png", file_of(Image.fromarray(np.pad(np.full((SIDE, SIDE), 255, np.uint8), 2)))


def kind_of(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as picture:
        return TYPES[picture.format or ""]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, mnist: Mnist) -> dict[str, Path]:
    """One of the pen and one of MNIST for each condition, and the odd ones."""
    folder = tmp_path_factory.mktemp("files")
    named = dict(odd_files())
    for place, condition in enumerate(CONDITIONS):
        which = (SEED + place) % len(mnist.test_images)
        of_mnist = mnist_digit(mnist.test_images[which], str(mnist.test_labels[which]), SEED, place)
        for hand, digit in (("pen", own_digit(SEED, place=place)), ("mnist", of_mnist)):
            data = picture_of(digit, condition)
            named[f"{condition}-{hand}.{kind_of(data).rpartition('/')[2]}"] = data
    for name, data in named.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in named}


@pytest.fixture(scope="module")
def said(service: Service, files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """By file, what the command line says."""
    run = Installation(service.root).pixelwise("predict", "--json", *map(str, files.values()))
    assert run.returncode == 0, run.stderr
    answers = json.loads(run.stdout)["images"]
    assert len(answers) == len(files)
    return dict(zip(files, answers, strict=True))


@pytest.fixture(scope="module")
def answered(service: Service, files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """By file, what the service answers."""
    answers = {}
    with service.client() as client:
        for name, path in files.items():
            data = path.read_bytes()
            reply = client.post("/drawings", content=data, headers={"content-type": kind_of(data)})
            assert reply.status_code in (200, 201), (name, reply.text)
            answers[name] = reply.json()
    return answers


@pytest.mark.long
def test_the_command_line_and_the_service_say_the_same_of_every_file(
    said: dict[str, dict[str, Any]], answered: dict[str, dict[str, Any]]
):
    for name, answer in answered.items():
        here, there = ({key: one[key] for key in SAME} for one in (said[name], answer))
        assert here == there, (name, SEED)
        for key in ABOUT:
            assert said[name][key] == pytest.approx(answer[key], abs=SCORE_TOLERANCE), (name, SEED)


def test_they_are_shown_the_same_pixels_of_every_file(answered: dict[str, dict[str, Any]], files: dict[str, Path]):
    for name, answer in answered.items():
        (pixels,) = read_images(files[name]).pixels
        assert np.array_equal(answer["pixels"], pixels), (name, SEED)


def test_what_is_not_read_is_named_by_both(said: dict[str, dict[str, Any]], answered: dict[str, dict[str, Any]]):
    """So that what is the same above is also something."""
    for name, finding in (
        ("blank.png", "blank"),
        ("faint.png", "faint"),
        ("two.png", "several-digits"),
        ("tiny.png", "too-small"),
        ("frame.png", "frame"),
    ):
        for answer in (said[name], answered[name]):
            assert answer["prediction"] is None
            assert [one["name"] for one in answer["findings"]] == [finding]
    assert sum(answer["prediction"] is not None for answer in answered.values()) >= 2 * len(CONDITIONS)
