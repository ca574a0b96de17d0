"""Nothing moves, nothing overflows, everything can be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.page.test_words import CERTAIN, serve
from tests.page.visit import ANSWER, SEVEN, Visit

pytestmark = pytest.mark.long

SHIFT = """() => new Promise((resolve) => {
  const entries = [];
  const observer = new PerformanceObserver((list) => entries.push(...list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(entries.reduce((sum, entry) => sum + entry.value, 0)), 100);
})"""

CONTRASTS = """() => {
  const rgba = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
  };
  return [...document.querySelectorAll("body *")].flatMap((element) => {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join("");
    if (!text || !element.getClientRects().length) return [];
    const levels = [rgba(getComputedStyle(element).color), behind(element)].map(luminance).sort((a, b) => b - a);
    return [[text, (levels[0] + 0.05) / (levels[1] + 0.05)]];
  });
}"""


@pytest.mark.parametrize("width", [360, 820, 1280])
def test_nothing_moves_while_one_draws_and_reads(open_page: Callable[..., Visit], width: int):
    visit = open_page(viewport={"width": width, "height": 1200})  # what moves out of sight does not count
    visit.page.route("**/drawings/preview", lambda route: with_findings(route, "off-centre", "too-small"))
    visit.draw(SEVEN)
    visit.says("Looks like a 7", "It looks off-centre: move it to the middle. It looks too small: draw it larger.")
    visit.click("Undo")
    visit.says("Nothing drawn yet")
    visit.draw([[(0.5, 0.5)]])
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.click("Clear")
    assert visit.page.evaluate(SHIFT) < 0.01  # also what moves right after a click


@pytest.mark.parametrize("width", [320, 360, 820, 1280])
def test_nothing_moves_when_an_answer_is_unsure_and_says_below_what(open_page: Callable[..., Visit], width: int):
    visit = open_page(viewport={"width": width, "height": 1200})
    serve(visit, {**ANSWER, "certainty": 0.829, "unsure": True}, **CERTAIN)
    visit.draw(SEVEN)
    visit.says("Unsure: 4 or 9")
    expect(visit.page.locator("#latency")).to_contain_text("82% sure, unsure below 85%")
    visit.click("Clear")
    visit.says("Nothing drawn yet")
    assert visit.page.evaluate(SHIFT) < 0.01


def with_findings(route: Route, *names: str) -> None:
    """The service's own answer, with findings that this drawing has not."""
    answer = route.fetch().json()
    route.fulfill(json={**answer, "findings": [{"name": name, "remedy": ""} for name in names]})


def test_nothing_is_wider_than_the_screen_and_a_square_is_a_whole_number_of_pixels(visit: Visit):
    for width in (320, 360, 390, 480, 759, 760, 900, 1079, 1080, 1920):
        visit.page.set_viewport_size({"width": width, "height": 740})
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        side = visit.page.locator("#paper").evaluate("paper => paper.getBoundingClientRect().width")
        assert side % 28 == 0
        assert side >= 0.75 * min(width, 392)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_the_guidelines_ask_for(open_page: Callable[..., Visit], scheme: str):
    visit = open_page(color_scheme=scheme)
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.press("?")
    contrasts = visit.page.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert [(text, contrast) for text, contrast in contrasts if contrast < 4.5] == []


@pytest.mark.parametrize(("wish", "moves"), [("no-preference", True), ("reduce", False)])
def test_a_wish_for_less_motion_is_respected(open_page: Callable[..., Visit], wish: str, moves: bool):
    visit = open_page(reduced_motion=wish)
    seconds = visit.page.locator(".fill").first.evaluate("fill => getComputedStyle(fill).transitionDuration")
    assert (seconds != "0s") is moves


def test_buttons_are_large_enough_for_a_finger(open_page: Callable[..., Visit]):
    visit = open_page(viewport={"width": 360, "height": 740})
    for name in ("Undo", "Clear", "Keep it", "Draw a sample 1"):
        box = visit.page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize(
    ("width", "height"), [(360, 740), (640, 400), (740, 360), (760, 560), (1280, 800), (1920, 1080)]
)
def test_no_note_touches_a_button_however_long_it_is(open_page: Callable[..., Visit], width: int, height: int):
    visit = open_page(viewport={"width": width, "height": height})
    script = """(words) => {
      document.querySelector("#line").textContent = "A picture that cannot be read, trying again in 3 s";
      document.querySelector("#note").textContent = words;
      const box = (id) => document.querySelector(id).getBoundingClientRect();
      return box("#why").top - box("#note").bottom;
    }"""
    for count in (1, 6, 20, 60):
        assert visit.page.evaluate(script, "words " * count) >= 8
