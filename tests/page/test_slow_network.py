"""The page where answers are long in coming: how often it asks before one can draw, and what it says meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.test_pictures import hand_in, picture
from tests.page.test_words import refuse
from tests.page.visit import ANSWER, PATIENCE_SECONDS, SEVEN, THREE, Visit
from tests.service import StartService

pytestmark = pytest.mark.long

UNNOTICED = 300  # milliseconds, as in pending.js


class Held:
    """Requests that wait until a test lets them go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.page = page
        self.routes: list[Route] = []
        self._passes: Callable[[str], bool] = lambda _: False
        page.route(pattern, self._take)

    def _take(self, route: Route) -> None:
        if self._passes(route.request.url):
            route.continue_()
        else:
            self.routes.append(route)

    def wait(self) -> None:
        for _ in range(PATIENCE_SECONDS * 40):
            if self.routes:
                return
            self.page.wait_for_timeout(25)
        pytest.fail("nothing was asked")

    def let_go(self, *, but: str | None = None) -> None:
        """Lets all go, also those that come later; but not what ends so."""
        self._passes = lambda url: but is None or not url.endswith(but)
        waiting, self.routes = self.routes, []
        for route in waiting:
            self._take(route)


def stays(visit: Visit, line: str, milliseconds: int) -> None:
    """At no moment of this time does the status say anything else."""
    watch = """([line, milliseconds]) => new Promise((resolve) => {
      const seen = [document.querySelector("#line").textContent];
      const observer = new MutationObserver(() => seen.push(document.querySelector("#line").textContent));
      observer.observe(document.querySelector("#line"), { childList: true, characterData: true, subtree: true });
      setTimeout(() => resolve(seen), milliseconds);
    })"""
    assert set(visit.page.evaluate(watch, [line, milliseconds])) == {line}


# -- before one can draw -----------------------------------------------------------------------------------------------


def test_all_that_the_page_needs_is_asked_for_at_once_and_one_can_draw_before_a_version_is_named(
    browser: Browser, service_url: str
):
    """Two round trips: the page, and everything else. A browser has six requests open at a time."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path.lstrip("/")))
    held = Held(page, re.compile(f"^{re.escape(service_url)}.+"))
    page.goto(service_url, wait_until="commit")
    needed = {"page/joined.css", "page/joined.js", "visit"}
    for _ in range(PATIENCE_SECONDS * 40):
        if needed <= {*asked}:
            break
        page.wait_for_timeout(25)
    assert {*asked} - {"", "page/icon.svg"} == needed
    assert len(asked) - 1 <= 6
    held.let_go(but="/visit")
    sheet = page.locator("#pen-sheet")
    expect(sheet).to_have_attribute("width", "392")  # the script is there
    sheet.click(position={"x": 100, "y": 100})
    expect(sheet).to_have_attribute("aria-label", "Drawing sheet, 1 stroke")
    assert page.locator(".sample").count() == 0
    held.let_go()
    expect(page.locator(".sample").first).to_be_visible()
    assert {path for path in asked if not path.startswith("drawings")} - {"", "page/icon.svg"} == needed
    context.close()


# -- while an answer is awaited ----------------------------------------------------------------------------------------


def test_an_answer_that_is_long_in_coming_is_awaited_in_words_and_no_old_one_stands_for_it(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    held = Held(visit.page, "**/drawings/preview")
    visit.draw([[(0.68, 0.2), (0.7, 0.2)]])
    held.wait()
    visit.says("Reading it…")
    expect(visit.page.locator("#figure")).to_be_empty()
    expect(visit.page.locator("#latency")).to_be_empty()
    assert set(visit.page.locator(".bar .number").all_inner_texts()) == {"–"}
    held.let_go()
    visit.says("Looks like a 7")
    expect(visit.page.locator("#latency")).to_contain_text("ms by model")


def test_what_is_drawn_while_another_drawing_is_being_kept_is_awaited_too(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    held = Held(visit.page, "**/drawings")
    visit.click("Keep it")
    held.wait()
    visit.click("Clear")
    visit.draw(THREE)
    visit.says("Reading it…")
    held.let_go()
    visit.says("Looks like a 3")
    assert visit.readings() == ["7"]


def test_nothing_flickers_where_answers_come_soon(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    held = Held(visit.page, "**/drawings/preview")
    visit.draw([[(0.68, 0.2), (0.7, 0.2)]])
    held.wait()
    stays(visit, "Looks like a 7", UNNOTICED // 3)
    held.let_go()
    stays(visit, "Looks like a 7", 2 * UNNOTICED)


def test_a_cleared_sheet_awaits_nothing(visit: Visit):
    held = Held(visit.page, "**/drawings/preview")
    visit.draw(SEVEN)
    held.wait()
    visit.click("Clear")
    stays(visit, "Nothing drawn yet", 2 * UNNOTICED)
    held.let_go()


def test_an_answer_stays_while_the_same_drawing_is_kept_and_that_is_said(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    held = Held(visit.page, "**/drawings")
    visit.click("Keep it")
    held.wait()
    visit.says("Looks like a 7", "Keeping it…")
    held.let_go()
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.says("Looks like a 7", "It is in your list now.")


def test_an_answer_to_an_older_drawing_is_listed_and_not_shown(visit: Visit):
    visit.draw(THREE)
    visit.says("Looks like a 3")
    expect(visit.page.locator("#latency")).not_to_be_empty()
    held = Held(visit.page, "**/drawings")
    visit.click("Keep it")
    held.wait()
    visit.click("Clear")
    previews = Held(visit.page, "**/drawings/preview")
    visit.draw(SEVEN)
    visit.page.evaluate("""() => {
      window.seen = [];
      const figure = document.querySelector("#figure");
      new MutationObserver(() => window.seen.push(figure.textContent)).observe(figure, { childList: true });
    }""")
    held.let_go()
    expect(visit.page.locator(".reading strong")).to_have_text("3")
    previews.wait()
    previews.let_go()
    visit.says("Looks like a 7")
    assert set(visit.page.evaluate("window.seen")) == {"7"}


def test_a_picture_that_is_sent_slowly_is_awaited(visit: Visit):
    held = Held(visit.page, "**/drawings")
    hand_in(visit, picture())
    held.wait()
    visit.says("Reading it…")
    held.let_go()
    visit.says("Looks like a 7")


# -- a service that goes and comes back --------------------------------------------------------------------------------


def test_a_service_that_stops_is_awaited_and_the_page_goes_on_by_itself(browser: Browser, start_service: StartService):
    service = start_service()
    visit = Visit(browser, f"{service.url}/")
    visit.expect_refusals()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    service.stop()
    visit.draw([[(0.68, 0.2), (0.7, 0.2)]])
    visit.says("No connection, trying again in 3 s", "The drawing is still here.")
    expect(visit.page.locator("#figure")).to_be_empty()
    service.environ["PORT"] = service.url.rsplit(":", 1)[1]
    service.start()
    visit.says("Looks like a 7")
    visit.context.close()


def test_a_picture_whose_answer_was_lost_is_read_again_and_not_kept_twice_by_itself(visit: Visit):
    visit.expect_refusals()
    before = len(visit.stored())

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    visit.page.route("**/drawings", lose, times=1)
    hand_in(visit, picture())
    visit.says("No connection, trying again in 3 s")
    visit.says("Looks like a 7", "The connection broke before it was kept")
    assert visit.readings() == []
    assert len(visit.stored()) == before + 1
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.says("Looks like a 7")
    expect(visit.page.locator("#note")).not_to_contain_text("The connection broke")


def test_a_refusal_stays_while_the_page_waits_to_ask_again(visit: Visit):
    visit.expect_refusals()
    visit.page.route("**/drawings/preview", refuse(503, seconds="2", times=1))
    visit.draw([[(0.5, 0.1), (0.5, 0.9)]])
    visit.says("The service is busy, trying again in 2 s")
    stays(visit, "The service is busy, trying again in 2 s", 2 * UNNOTICED)
    visit.says("Looks like a 1")


def test_an_answer_by_another_drawing_s_preview_is_never_said_to_be_unsure_of_its_keeping(visit: Visit):
    visit.expect_refusals()
    visit.page.route("**/drawings", lambda route: route.abort(), times=1)
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json=ANSWER))
    hand_in(visit, picture())
    visit.says("No connection, trying again in 3 s")
    visit.click("Clear")
    visit.draw(SEVEN)
    visit.says("Looks like a 4")
    expect(visit.page.locator("#note")).not_to_contain_text("The connection broke")
