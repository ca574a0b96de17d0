"""The page in a real browser: nothing overflows, everything can be read, and the service's policy allows all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route
from sqlalchemy import update

from app.report.html import STYLES, render
from app.storage.database import Database
from app.storage.tables import results, shadows
from app.web.middleware import ALWAYS
from tests.page.visit import chromium
from tests.report.conftest import Filled, report_of

pytestmark = pytest.mark.long

POLICY = dict(ALWAYS)[b"content-security-policy"].decode()
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
WIDTHS = "[document.documentElement.scrollWidth, innerWidth]"
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
    if (!text || !element.getClientRects().length || element.matches("title, desc, .on, .count")) return [];
    const style = getComputedStyle(element);
    const colour = rgba(element instanceof SVGElement ? style.fill : style.color);
    const levels = [colour, behind(element)].map(luminance).sort((a, b) => b - a);
    return [[text, (levels[0] + 0.05) / (levels[1] + 0.05)]];
  });
}"""
OUTSIDE = """() => [...document.querySelectorAll("svg text")].flatMap((text) => {
  const [inner, outer] = [text, text.closest(".chart")].map((one) => one.getBoundingClientRect());
  return inner.left < outer.left - 1 || inner.right > outer.right + 1 ? [text.textContent] : [];
})"""
OVER_EACH_OTHER = """() => [...document.querySelectorAll(".chart:not(.square)")].flatMap((chart) => {
  const texts = [...chart.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
  return texts.flatMap(([a, one], place) => texts.slice(place + 1).flatMap(([b, other]) =>
    one.left < other.right && other.left < one.right && one.top + 3 < other.bottom - 3 && other.top + 3 < one.bottom - 3
      ? [[a, b]] : []));
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def show(browser: Browser, html: str, *, width: int = 1280, scheme: str = "light", **options: object) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options).new_page()
    page.set_content(html)
    return page


@pytest.mark.parametrize("count", [0, 1, 30, 3000])
@pytest.mark.parametrize("width", [360, 820, 1280])
def test_nothing_overflows_and_no_text_covers_another(browser: Browser, filled: Filled, count: int, width: int):
    page = show(browser, render(report_of(filled(count))), width=width)
    for _ in range(2):
        assert page.evaluate(WIDTHS) == [width, width]
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(OVER_EACH_OTHER) == []
        page.evaluate(OPEN_ALL)


def test_many_answers_have_room_on_a_phone(browser: Browser, large: Database):
    page = show(browser, render(report_of(large)), width=360)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(WIDTHS) == [360, 360]
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVER_EACH_OTHER) == []


def test_long_names_do_not_widen_the_page(browser: Browser, filled: Filled):
    database = filled(300)
    with database.writing() as connection:
        for table in (results, shadows):
            is_it = table.c.model_version == "v2.0"
            connection.execute(update(table).where(is_it).values(model_version="v" + "2" * 90))
        connection.execute(update(results).values(findings=["f" * 90], flag="g" * 90))
    page = show(browser, render(report_of(database)), width=360)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(WIDTHS) == [360, 360]
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_a_contrast_of_4_5(browser: Browser, filled: Filled, scheme: str):
    page = show(browser, render(report_of(filled(3000))), scheme=scheme)
    page.evaluate(OPEN_ALL)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 300
    assert [one for one in contrasts if one[1] < 4.5] == []


def test_the_policy_of_the_service_allows_all_of_it(browser: Browser, filled: Filled):
    html = render(report_of(filled(3000)), stylesheet="page/report.css")
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    def answer(route: Route) -> None:
        styles = {file.name: ("text/css", file.read_text(encoding="utf-8")) for file in STYLES}
        files = {"analytics": ("text/html", html), **styles,
                 "icon.svg": ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>")}  # fmt: skip
        kind, body = files[route.request.url.rpartition("/")[2]]
        route.fulfill(body=body, content_type=kind, headers={"content-security-policy": POLICY})

    page.route("**/*", answer)
    page.goto("http://service.example/analytics")
    assert complaints == []
    assert page.evaluate("getComputedStyle(document.querySelector('.bar')).fill") != "rgb(0, 0, 0)"
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth === 28)")
    page.close()


def test_it_works_without_script_and_offline(browser: Browser, filled: Filled, tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text(render(report_of(filled(3000))), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.get_by_text("As a table").first.click()
    page.get_by_role("cell", name="%").first.wait_for()
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    context.close()
