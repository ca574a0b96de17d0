"""Takes the pictures of the pages in docs/, from a running service with made-up answers, their drawings real digits:

.venv/bin/python -m tests.page.screenshots sqlite:///data/pictures.db
DATABASE_URL=sqlite:///data/pictures.db MODEL_VERSIONS=v1.0,v2.0,v3.0 .venv/bin/pixelwise serve
.venv/bin/python -m tests.page.screenshots http://127.0.0.1:8000/
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Route, expect

from app.storage.database import Database
from app.storage.drawing_bytes import pack
from app.storage.migrate import upgrade
from tests.conftest import MNIST_FOLDER, read_idx
from tests.page.visit import Visit, chromium
from tests.report.filled import NO_DIGIT, VERSIONS, fill, pictures

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 940}, "device_scale_factor": 2, "has_touch": True}
ANSWERS = 6000


def fill_for_pictures(address: str) -> None:
    """v1.1 beside v1.0."""
    database = Database(address, root=ROOT)
    upgrade(database)
    images, digits = (read_idx(MNIST_FOLDER / f"t10k-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    drawings = {digit: pack([image.tobytes() for image in images[digits == digit][:100]]) for digit in range(10)}
    drawings[NO_DIGIT] = pictures()[NO_DIGIT]
    fill(database, ANSWERS, versions={name: VERSIONS[name] for name in ("v1.0", "v1.1")}, drawings=drawings)
    database.close()


def take(url: str) -> None:
    """All of them; those of answers first, as reading makes more."""
    with chromium() as browser:
        reading(browser, f"{url}analytics", "analytics-desktop-light.png", until="#classes-asked")
        reading(browser, f"{url}analytics", "analytics-phone-dark.png", until="#accuracy", color_scheme="dark", **PHONE)
        reading(browser, f"{url}model", "model-desktop-light.png", until=".matrix")
        for screen, options in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                name, asks = f"page-{screen}-{scheme}.png", screen == "phone"
                page(browser, url, name, asks=asks, color_scheme=scheme, **options)


def page(browser: Browser, url: str, name: str, *, asks: bool, **options: object) -> None:
    """The page to draw on, after five readings; the last one can be corrected, and is explained unless it `asks`."""
    visit = Visit(browser, url, reduced_motion="reduce", locale="en-GB", **options)

    def answer(route: Route) -> None:
        said = route.fetch().json()
        route.fulfill(json={**said, "asks": asks and said["prediction"] == "2"})

    visit.page.route("**/drawings", answer)
    for label in ("7", "3", "9", "5", "2"):
        visit.click(f"Draw a sample {label}")
        expect(visit.page.locator("#figure")).to_have_text(label)
        visit.click("Keep it")
        expect(visit.page.locator(".reading strong").first).to_have_text(label)
    if not asks:
        visit.click("Why?")
        expect(visit.page.locator("#reason-list li").first).to_be_visible()
    visit.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    visit.page.mouse.move(2, 2)
    visit.page.screenshot(path=DOCS / name)
    visit.context.close()


def reading(browser: Browser, url: str, name: str, *, until: str, **options: object) -> None:
    """A page for reading, to the end of the section in which `until` is."""
    context = browser.new_context(**{**DESKTOP, **options})
    opened = context.new_page()
    opened.goto(url)
    box = opened.locator("section").filter(has=opened.locator(until)).first.bounding_box()
    size = opened.viewport_size
    assert box is not None and size is not None
    clip = {"x": 0, "y": 0, "width": size["width"], "height": box["y"] + box["height"] + 16}
    picture = Image.open(io.BytesIO(opened.screenshot(full_page=True, clip=clip)))
    picture.convert("RGB").save(DOCS / name, optimize=True)
    context.close()


def main(where: str) -> None:
    (take if where.startswith("http") else fill_for_pictures)(where)


if __name__ == "__main__":
    main(sys.argv[1])
