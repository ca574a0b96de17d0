"""Takes the pictures of the page in docs/, from a running service:

.venv/bin/python -m tests.page.screenshots http://127.0.0.1:8000/
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import expect

from tests.page.visit import Visit, chromium

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True},
}


def main(url: str) -> None:
    with chromium() as browser:
        for screen, options in SCREENS.items():
            for scheme in ("light", "dark"):
                visit = Visit(browser, url, color_scheme=scheme, reduced_motion="reduce", locale="en-GB", **options)
                for label in ("7", "3", "9", "5"):
                    visit.click(f"Draw a sample {label}")
                    expect(visit.page.locator("#figure")).to_have_text(label)
                    visit.click("Read it")
                    expect(visit.page.locator(".reading strong").first).to_have_text(label)
                visit.click("Draw a sample 2")
                expect(visit.page.locator("#figure")).to_have_text("2")
                visit.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
                visit.page.mouse.move(2, 2)
                visit.page.screenshot(path=DOCS / f"page-{screen}-{scheme}.png")


if __name__ == "__main__":
    main(sys.argv[1])
