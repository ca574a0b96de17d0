"""Pictures that are made smaller before they are sent."""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from app.drawing.decode_image import MAX_DECODED, PICTURE_BYTES
from tests.page.photographs import TWO, saved, sent, sheet_of
from tests.page.test_pictures import hand_in, picture
from tests.page.visit import SEVEN, THREE, Visit

pytestmark = pytest.mark.long

PHOTOGRAPHS = os.environ.get("PIXELWISE_PHOTOGRAPHS", "")
CAMERA = (8688, 5792)  # 50 million pixels
QUARTER_TURN = 6  # by EXIF: shown turned clockwise by 90 degrees


def test_the_page_knows_the_service_s_own_limits(tool: Callable[..., Any], visit: Visit):
    limits = visit.page.evaluate("import('/page/picture.js').then((found) => [found.LONGEST, found.MOST_BYTES])")
    assert limits == [MAX_DECODED, PICTURE_BYTES]


def test_a_photograph_of_fifty_million_pixels_is_sent_small_and_upright(noting: Visit):
    lying = sheet_of((SEVEN, (2400, 600, 4400)), size=CAMERA, grain=20).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = QUARTER_TURN
    photograph = saved(lying, "JPEG", quality=92, exif=exif)
    assert len(photograph) > 4_000_000
    hand_in(noting, photograph, name="IMG_1.jpg", kind="image/jpeg")
    noting.says("Looks like a 7")
    small = sent(noting)
    assert small.format == "JPEG"
    assert max(small.size) == MAX_DECODED
    assert small.size[0] > small.size[1]
    assert len(base64.b64decode(noting.page.evaluate("window.sent.at(-1)"))) < len(photograph) / 8
    assert noting.readings() == ["7"]


@pytest.mark.parametrize(
    ("kind", "mode", "grain", "is_sent"),
    [("PNG", "L", 0, "PNG"), ("WEBP", "RGB", 0, "PNG"), ("PNG", "RGB", 60, "JPEG"), ("PNG", "RGBA", 60, "PNG")],
)
def test_a_large_picture_without_loss_stays_so_as_long_as_it_is_small_or_transparent(
    noting: Visit, kind: str, mode: str, grain: int, is_sent: str
):
    image = sheet_of((SEVEN, (100, 100, 1400)), size=(1600, 1600), grain=grain).convert(mode)
    if mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))
    if grain:  # colours that no PNG makes small
        noise = Image.frombytes("RGB", image.size, random.Random(1).randbytes(3 * 1600 * 1600)).convert(mode)
        image = Image.blend(image, noise, 0.3)
    hand_in(noting, saved(image, kind), kind=f"image/{kind.lower()}")
    noting.wait_for(lambda: noting.page.evaluate("window.sent.length") > 0)
    assert sent(noting).format == is_sent
    assert max(sent(noting).size) == MAX_DECODED


def test_a_small_picture_goes_as_it_is(noting: Visit):
    content = picture("WEBP")
    hand_in(noting, content, kind="image/webp")
    noting.says("Looks like a 7")
    assert base64.b64decode(noting.page.evaluate("window.sent.at(-1)")) == content


def test_a_kind_that_only_the_browser_can_open_is_sent_as_one_that_is_read(noting: Visit):
    hand_in(noting, saved(TWO.crop((0, 0, 450, 600)), "BMP"), name="seven.bmp", kind="image/bmp")
    noting.says("Looks like a 7")
    assert sent(noting).format == "PNG"


@pytest.mark.parametrize(("name", "kind"), [("scan.tif", "image/tiff"), ("scan.tiff", "")])
def test_what_the_browser_cannot_open_goes_as_it_is_and_the_service_says_what_helps(visit: Visit, name: str, kind: str):
    visit.expect_refusals()
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    script = """([content, name, type]) => {
      const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name, { type }));
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    }"""
    visit.page.evaluate(script, [base64.b64encode(saved(TWO, "TIFF")).decode(), name, kind])
    visit.says("A TIFF picture cannot be read", "Export it as JPEG or PNG.")
    expect(visit.page.locator(".file-name")).to_have_text(name)
    expect(visit.page.locator(".frame")).to_be_hidden()
    expect(visit.page.locator("#figure")).to_be_empty()


def test_a_file_that_cannot_be_made_smaller_and_is_too_large_is_not_sent(visit: Visit):
    script = """(bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "raw.tif", { type: "image/tiff" }));
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    }"""
    visit.page.evaluate(script, PICTURE_BYTES + 1)
    visit.says("That file is too large", "Take a screenshot of it.")
    assert visit.sent == []


def test_of_two_files_the_later_one_counts(visit: Visit):
    large = saved(sheet_of((THREE, (500, 500, 5000)), size=(6000, 6000)), "PNG")
    hand_in(visit, large, name="three.png")
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    visit.page.wait_for_timeout(1500)  # for the large one to be open
    visit.says("Looks like a 7")


@pytest.mark.skipif(not PHOTOGRAPHS, reason="PIXELWISE_PHOTOGRAPHS names no folder of photographs of digits")
def test_photographs_of_twelve_million_pixels_are_read_as_the_service_reads_them_whole(visit: Visit):
    """Real ones made as large as a camera's, with a camera's grain; of ten, at most one digit is read otherwise."""
    script = """([content, type]) => fetch("drawings/preview", {
      method: "POST", headers: { "content-type": type },
      body: Uint8Array.from(atob(content), (character) => character.charCodeAt(0)),
    }).then((response) => response.json()).then((answer) => answer.prediction)"""
    differ = []
    paths = sorted(Path(PHOTOGRAPHS).glob("*.jpg"))
    assert paths
    for path in paths:
        whole = Image.open(path).convert("RGB").resize((3464, 3464), Image.Resampling.BICUBIC)
        noise = Image.effect_noise(whole.size, 12).convert("RGB")
        content = saved(Image.blend(whole, noise, 0.15), "JPEG", quality=90)
        said = visit.page.evaluate(script, [base64.b64encode(content).decode(), "image/jpeg"])
        count = len(visit.sent)
        hand_in(visit, content, kind="image/jpeg")
        visit.wait_for(lambda count=count: len(visit.sent) > count)
        read = visit.sent[-1].response().json()["prediction"]
        if read != said:
            differ.append((path.name, said, read))
    assert len(differ) <= len(paths) // 10, differ
