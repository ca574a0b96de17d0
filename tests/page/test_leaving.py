"""What lies on the sheets while one looks at another page: there again, sent nowhere, and cleared by Clear."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.page.photographs import TWO, saved
from tests.page.test_cropping import drag, frame_of
from tests.page.test_pictures import hand_in, picture
from tests.page.test_tools import has_strokes
from tests.page.visit import ARGUMENTS, FIVE, SEVEN, Visit

pytestmark = pytest.mark.long
KEY = "pixelwise.sheets.1"


def away_and_back(visit: Visit, page: str = "Analytics", *, by: str = "back") -> None:
    visit.page.get_by_role("link", name=page).click()
    visit.page.wait_for_url(lambda url: url.split("/")[-1] != "")
    if by == "back":
        visit.page.go_back(wait_until="commit")  # of a page that was kept whole there is no load
    else:
        visit.page.get_by_role("link", name="PixelWise").click()
    expect(visit.page.locator(".sample").first).to_be_visible()


@pytest.mark.parametrize("by", ["back", "link"])
@pytest.mark.parametrize("page", ["Model", "Analytics", "API"])
def test_strokes_are_there_again_and_are_read_anew(visit: Visit, page: str, by: str):
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    away_and_back(visit, page, by=by)
    has_strokes(visit, 2)
    visit.says("Looks like a 5")
    assert {request.url.split("?")[0].rpartition("/")[2] for request in visit.sent} == {"preview"}
    visit.click("Undo")
    has_strokes(visit, 0)


def test_what_was_stored_is_known_as_stored(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Keep it")
    expect(visit.page.locator(".reading strong")).to_have_text("7")
    visit.click("Right")
    visit.says("Looks like a 7", "Noted: right, it was a 7.")
    asked = len(visit.sent)
    away_and_back(visit)
    visit.says("Looks like a 7", "Noted: right, it was a 7.")
    expect(visit.page.locator("#right")).to_have_attribute("aria-pressed", "true")
    assert len(visit.sent) == asked
    assert visit.readings() == ["7"]


def test_both_sheets_and_which_was_on_show(visit: Visit):
    visit.draw(SEVEN)
    visit.page.locator("label", has_text="Squares").click()
    visit.draw([[(0.51, 0.15), (0.51, 0.85)]])
    visit.says("Looks like a 1")
    away_and_back(visit)
    expect(visit.page.get_by_role("radio", name="Squares")).to_be_checked()
    visit.says("Looks like a 1")
    visit.page.locator("label", has_text="Pen").click()
    visit.says("Looks like a 7")


def test_a_picture_comes_back_with_its_frame_and_can_be_framed_anew(visit: Visit):
    hand_in(visit, saved(TWO, "PNG"), name="two.png")
    visit.says("Several digits")
    drag(visit, (0.02, 0.25), (0.5, 0.73))
    visit.says("Looks like a 7")
    away_and_back(visit)
    visit.says("Looks like a 7")
    assert frame_of(visit) == [2, 25, 48]
    drag(visit, (0.26, 0.5), (0.77, 0.5))
    visit.says("Looks like a 3")


def test_a_picture_that_was_kept_is_not_kept_twice(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7", "It is in your list now.")
    asked = len(visit.sent)
    away_and_back(visit)
    visit.says("Looks like a 7")
    expect(visit.page.locator("#feedback")).to_be_visible()
    assert len(visit.sent) == asked
    assert visit.readings() == ["7"]


def test_a_cleared_sheet_is_forgotten(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    away_and_back(visit)
    visit.says("Looks like a 7")
    visit.click("Clear")
    away_and_back(visit)
    visit.says("Nothing drawn yet")
    assert visit.page.evaluate("key => sessionStorage.getItem(key)", KEY) is None


def test_another_tab_does_not_have_it(visit: Visit, open_page: Callable[..., Visit]):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    away_and_back(visit)
    open_page().says("Nothing drawn yet")
    other = visit.context.new_page()
    other.goto(visit.url)
    expect(other.locator("#line")).to_have_text("Nothing drawn yet")
    other.close()


def test_where_the_tab_has_no_room_for_it_the_page_goes_on_without(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.evaluate("""() => {
      for (let size = 1 << 22; size; size >>= 1) {
        try { while (true) sessionStorage.setItem(`full ${Math.random()}`, "x".repeat(size)); } catch {}
      }
    }""")
    away_and_back(visit)
    visit.says("Nothing drawn yet")


def test_a_link_lies_over_what_was_left_and_undo_brings_it_back(visit: Visit):
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    visit.page.goto("about:blank")
    visit.page.goto(f"{visit.url}#{code_of_a_seven(visit)}")
    visit.says("Looks like a 7", "This drawing came with the link.")
    visit.click("Undo")
    visit.says("Looks like a 5")


def code_of_a_seven(visit: Visit) -> str:
    script = "(content) => import('/page/drawing_code.js').then(({ codeOfStrokes }) => codeOfStrokes(content))"
    visit.page.goto(visit.url)
    return str(visit.page.evaluate(script, {"strokes": SEVEN, "pen": "usual"}))


def test_what_lay_there_is_read_by_all_versions(compared: Callable[..., Visit]):
    visit = compared()
    visit.draw(SEVEN)
    expect(visit.page.locator("#together")).to_have_text("All read a 7.")
    away_and_back(visit)
    expect(visit.page.locator("#together")).to_have_text("All read a 7.")


def test_a_browser_that_keeps_the_whole_page_shows_it_as_it_was(service_url: str, browser: Browser):
    """The back/forward cache, which playwright switches off for its browsers."""
    again = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    visit = Visit(again, service_url)
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    visit.page.evaluate("window.wasHere = true")
    away_and_back(visit)
    visit.says("Looks like a 5")
    has_strokes(visit, 2)
    kept = visit.page.evaluate("window.wasHere ?? false")
    visit.draw([[(0.9, 0.9)]])
    has_strokes(visit, 3)
    again.close()
    if not kept:
        pytest.skip("this Chromium keeps no page for the way back")
