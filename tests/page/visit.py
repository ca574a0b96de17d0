"""One visit of the page by a real browser, and what a hand does on it."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ARGUMENTS = (
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
PATIENCE_SECONDS = 30  # a busy machine is no fault of the page
expect.set_options(timeout=1000 * PATIENCE_SECONDS)

Stroke = Sequence[tuple[float, float]]
# In shares of the sheet's side.
SEVEN: list[Stroke] = [[(0.30, 0.22), (0.70, 0.20), (0.44, 0.84)]]
THREE: list[Stroke] = [
    [(0.34, 0.24), (0.5, 0.17), (0.64, 0.28), (0.46, 0.48), (0.66, 0.62), (0.6, 0.78), (0.47, 0.82), (0.33, 0.77)]
]
FIVE: list[Stroke] = [
    [(0.40, 0.2), (0.36, 0.45), (0.5, 0.42), (0.65, 0.54), (0.64, 0.7), (0.5, 0.82), (0.34, 0.77)],
    [(0.40, 0.2), (0.66, 0.19)],
]

ANSWER = {
    "prediction": "4",
    "confidence": 0.5,
    "certainty": None,
    "scores": {"4": 0.5, "9": 0.41, "1": 0.09},
    "id": None,
    "model_version": "v1.0",
    "recipe": 2,
    "findings": [],
    "unsure": False,
    "asks": False,
    "pixels": [[0] * 28] * 28,
}
"""What the service might answer to a preview."""


NOTHING = "<!doctype html><link rel=icon href=data:,>"
"""A page with an icon: of another one the browser would ask for it."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped where there is none, unless PIXELWISE_CHROMIUM=required."""
    path = shutil.which("chromium")
    if path is None:
        say = pytest.fail if os.environ.get("PIXELWISE_CHROMIUM") == "required" else pytest.skip
        say("no `chromium` on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def placed(strokes: list[Stroke], *, scale: float, x: float, y: float) -> list[Stroke]:
    """The strokes made smaller and put with their top left corner at (x, y)."""
    return [[(x + scale * (px - 0.3), y + scale * (py - 0.17)) for px, py in stroke] for stroke in strokes]


class Visit:
    """A page in a context of its own. `complaints`: errors on its console; `hosts`: whom it asked for anything.

    The window may be kept for another visitor (`leave`, then `open`), which costs a tenth of a new one. Then cookies,
    readings, routes and the size of the window are as at first; a test that changes more, or holds a key down, mends
    that itself or opens a page of its own.
    """

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        self.url = url
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.window = self.page.viewport_size
        self.page.on("console", lambda message: message.type == "error" and self._complain(message.text))
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.context.on("request", self._note)
        self.open()

    def open(self) -> None:
        """Opens the page, of which nothing is noted yet."""
        self.complaints: list[str] = []
        self.refusals_are_meant = False
        self.hosts: set[str] = set()
        self.sent: list[Any] = []
        self.page.goto(self.url)
        expect(self.page.locator(".sample").first).to_be_visible()

    def leave(self) -> None:
        """Ends this visit and all that it has open; the window shows an empty page of the service's address."""
        self.page.unroute_all(behavior="ignoreErrors")  # a preview that a test answers may still be on its way
        self.context.set_offline(False)
        self.page.mouse.up()
        self.page.mouse.move(0, 0)
        self.page.route("**/left", lambda route: route.fulfill(body=NOTHING, content_type="text/html"))
        self.page.goto(f"{self.url}left")
        self.page.unroute("**/left")
        self.page.evaluate("sessionStorage.clear()")
        self.context.clear_cookies()
        if self.window is not None and self.page.viewport_size != self.window:
            self.page.set_viewport_size(self.window)

    def _complain(self, text: str) -> None:
        is_busy = "status of 503" in text  # nor is a busy machine: the page asks again
        if not is_busy and not (self.refusals_are_meant and "Failed to load resource" in text):
            self.complaints.append(text)

    def _note(self, request: Any) -> None:
        self.hosts.add(urlsplit(request.url).netloc)
        if "/drawings" in request.url:
            self.sent.append(request)

    def expect_refusals(self) -> None:
        """From here on: the browser itself reports each refused request on the console."""
        self.refusals_are_meant = True

    # -- what a hand does ----------------------------------------------------------------------------------------------

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the sheet, in shares of its side, in CSS pixels of the window."""
        box = self.page.locator("#paper").bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def draw(self, strokes: list[Stroke], *, lift: bool = True) -> None:
        """With a mouse, in steps as a hand makes them."""
        mouse = self.page.mouse
        for stroke in strokes:
            mouse.move(*self.point(*stroke[0]))
            mouse.down()
            for before, after in pairwise(stroke):
                mouse.move(*self.point(*after), steps=max(1, math.ceil(math.dist(before, after) * 25)))
            if lift:
                mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    # -- what the page says --------------------------------------------------------------------------------------------

    def says(self, line: str, note: str | None = None) -> None:
        """Waits until the status says so."""
        expect(self.page.get_by_role("status").locator("#line")).to_have_text(line)
        if note is not None:
            expect(self.page.get_by_role("status").locator("#note")).to_contain_text(note)

    def readings(self) -> list[str]:
        """The predictions in the list of this visit, newest first."""
        return self.page.locator(".reading strong").all_inner_texts()

    def stored(self) -> list[str]:
        """The predictions that the service has stored, newest first."""
        script = "fetch('results?limit=100').then((response) => response.json())"
        return [result["prediction"] for result in self.page.evaluate(script)["results"]]

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Until something is so that only this process knows."""
        for _ in range(PATIENCE_SECONDS * 40):
            if holds():
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"nothing happened within {PATIENCE_SECONDS} s")
