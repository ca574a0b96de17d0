"""The page /analytics of the real service, in a real browser: with no data, with little, and with 100,000 rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.page.test_look import CONTRASTS, SHIFT
from tests.page.visit import Visit
from tests.report.filled import fill
from tests.service import services

pytestmark = pytest.mark.long

OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
ELSEWHERE = {"extra_http_headers": {"x-forwarded-for": "192.0.2.9"}}
SHEET = "getComputedStyle(document.body).backgroundColor"


class Look:
    """The opened page. `complaints`: errors on its console; `hosts`: whom it asked for anything."""

    def __init__(self, browser: Browser, url: str, path: str = "analytics", **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.goto(url + path)

    def says(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)


@pytest.fixture(scope="module")
def url_of(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], str]]:
    """The address of a service whose database has so many answers; each is started once."""
    folder, urls = tmp_path_factory.mktemp("analytics"), dict[int, str]()
    with services(compiled, folder) as start:

        def find(count: int) -> str:
            if count not in urls:
                database = Database(f"sqlite:///{count}.db", root=folder)
                upgrade(database)
                fill(database, count)
                urls[count] = f"{start(DATABASE_URL=f'sqlite:///{database.file}').url}/"
                database.close()
            return urls[count]

        yield find


@pytest.fixture
def look(browser: Browser, url_of: Callable[[int], str]) -> Iterator[Callable[..., Look]]:
    """Opens the page with so many answers; at the end no look may have met a complaint or have asked another host."""
    looks: list[tuple[Look, str]] = []

    def open_it(count: int, **options: Any) -> Look:
        looks.append((Look(browser, url_of(count), **options), urlsplit(url_of(count)).netloc))
        return looks[-1][0]

    yield open_it
    for made, host in looks:
        made.context.close()
        assert made.complaints == []
        assert made.hosts == {host}


def test_without_data_it_says_what_is_missing_and_how_it_comes(look: Callable[..., Look]):
    seen = look(0)
    seen.says("Nothing was read yet")
    seen.says("MODEL_VERSIONS")
    expect(seen.page.locator("svg")).to_have_count(0)


def test_with_little_data_it_says_that_it_is_too_little(look: Callable[..., Look]):
    seen = look(30)
    seen.says("Not enough was said to tell")
    seen.says("30 answers")
    expect(seen.page.locator("svg").first).to_be_visible()


@pytest.mark.parametrize("count", [0, 30, 3000, 100_000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen_or_moves(look: Callable[..., Look], count: int, scheme: str):
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "color_scheme": scheme}
    seen = look(count, **options)
    assert seen.page.evaluate(SHIFT) < 0.01
    for _ in range(2):
        assert seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [360, 360]
        seen.page.evaluate(OPEN_ALL)


@pytest.mark.parametrize(("scheme", "colour"), [("light", "rgb(242, 244, 248)"), ("dark", "rgb(15, 18, 25)")])
def test_its_own_style_arrives_in_both_schemes(look: Callable[..., Look], scheme: str, colour: str):
    for path in ("analytics", "api/analytics"):
        seen = look(3000, color_scheme=scheme, path=path)
        assert seen.page.evaluate(SHEET) == colour
        texts = dict(seen.page.evaluate(CONTRASTS))
        assert texts["Analytics"] >= 4.5 and texts["How often each version is right"] >= 4.5


def test_drawings_are_seen_on_this_machine_and_not_by_a_visit_from_elsewhere(look: Callable[..., Look]):
    near, far = look(3000), look(3000, path="", **ELSEWHERE)
    expect(near.page.locator(".gallery img")).to_have_count(24)
    assert near.page.evaluate("[...document.images].every((image) => image.naturalWidth === 28)")
    far.page.get_by_role("link", name="Analytics", exact=True).click()
    far.says("shown to whoever holds a key")
    far.says("How often each version is right")
    expect(far.page.locator("img")).to_have_count(0)


def test_every_page_leads_to_it_and_it_leads_back(visit: Visit):
    page = visit.page
    page.get_by_role("link", name="Analytics", exact=True).click()
    expect(page).to_have_title("Analytics · PixelWise")
    for name, title in (("Model", "Model v1.0 · PixelWise"), ("API", "API · PixelWise")):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page).to_have_title(title)
        page.get_by_role("link", name="Analytics", exact=True).click()
        expect(page).to_have_title("Analytics · PixelWise")
    page.get_by_role("link", name="PixelWise").click()
    expect(page.locator("#pen-sheet")).to_be_visible()


@pytest.mark.parametrize("width", [320, 360, 390, 760])
def test_the_links_at_the_head_stand_in_one_line_which_stays(open_page: Callable[..., Visit], width: int):
    visit = open_page(viewport={"width": width, "height": 740})
    expect(visit.page.locator("#version")).to_have_text("v1.0")
    heights = visit.page.evaluate(
        "[...document.querySelectorAll('nav > *')].map((one) => one.clientHeight || one.offsetHeight)"
    )
    tops = visit.page.evaluate(
        "[...document.querySelectorAll('nav > *')].map((one) => one.getBoundingClientRect().bottom)"
    )
    assert len(heights) == 4 and max(heights) < 30 and max(tops) - min(tops) < 6
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.evaluate(SHIFT) < 0.01
