"""Readings in the list are opened again: the drawing comes back, nothing is asked or stored, and a word can be said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.page.test_drawing import last_drawing
from tests.page.test_keyboard import focused, on_the_squares
from tests.page.test_pictures import hand_in, picture
from tests.page.test_tools import INK, button, has_strokes, use_pen
from tests.page.visit import FIVE, SEVEN, THREE, Stroke, Visit

pytestmark = pytest.mark.long

COLOURS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 3 && value > 127).length / (canvas.width * canvas.height);
}"""


def read(visit: Visit, strokes: list[Stroke], label: str) -> None:
    before = len(visit.readings())
    visit.draw(strokes)
    visit.says(f"Looks like a {label}")
    visit.press("Enter")
    expect(visit.page.locator(".reading")).to_have_count(before + 1)
    visit.press("Escape")
    visit.says("Nothing drawn yet")


def entry(visit: Visit, label: str) -> Locator:
    return visit.page.get_by_role("button", name=re.compile(rf"^Open the {label} of \d\d?:\d\d( [AP]M)? again$"))


def begin_anew(visit: Visit) -> None:
    """The same tab with nothing on its sheets, which would be there again."""
    visit.click("Clear")
    visit.page.reload()


@pytest.fixture
def with_both(visit: Visit) -> Visit:
    """A 5 and then a 7 are in the list, and the sheet is empty."""
    read(visit, FIVE, "5")
    read(visit, SEVEN, "7")
    return visit


def test_a_cleared_list_can_be_brought_back_until_something_new_is_in_it(with_both: Visit):
    visit = with_both
    stored = visit.stored()
    visit.click("Clear the list")
    assert visit.readings() == []
    expect(visit.page.locator("#history-note")).to_have_text(
        "The list is cleared here. What the service kept, it still has."
    )
    assert visit.stored() == stored
    visit.click("Bring it back")
    assert visit.readings() == ["7", "5"]
    expect(visit.page.get_by_role("button", name="Clear the list")).to_be_visible()
    visit.click("Clear the list")
    read(visit, FIVE, "5")
    assert visit.readings() == ["5"]
    expect(visit.page.get_by_role("button", name="Bring it back")).to_have_count(0)


@pytest.mark.parametrize("by", ["mouse", "Enter", "Space"])
@pytest.mark.parametrize("is_reloaded", [False, True])
def test_strokes_come_back_as_strokes_without_a_request(with_both: Visit, by: str, is_reloaded: bool):
    visit = with_both
    if is_reloaded:
        begin_anew(visit)
    stored, asked = visit.stored(), len(visit.sent)
    if by == "mouse":
        entry(visit, "5").click()
    else:
        entry(visit, "5").focus()
        visit.press(by)
    visit.says("Looks like a 5")
    has_strokes(visit, 2)
    expect(visit.page.locator(".bar.best .label")).to_have_text("5")
    expect(visit.page.locator("#latency")).to_contain_text(re.compile(r"ead at \d\d?:\d\d( [AP]M)? by model v1.0$"))
    visit.page.locator("h1").click()
    visit.press("Enter")
    visit.says("Looks like a 5", "This drawing is already in your list.")
    assert len(visit.sent) == asked
    assert visit.stored() == stored
    assert visit.readings() == ["7", "5"]


def test_the_whole_entry_can_be_clicked(with_both: Visit):
    box = with_both.page.locator(".reading").last.bounding_box()
    assert box is not None
    with_both.page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    with_both.says("Looks like a 5")


def test_the_strokes_are_those_that_were_drawn_to_a_thousandth_and_their_width_is_too(visit: Visit):
    use_pen(visit, "Thick")
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    visit.press("Enter")
    expect(visit.page.locator(".reading")).to_have_count(1)
    drawn = last_drawing(visit)
    use_pen(visit, "Thin")
    begin_anew(visit)
    entry(visit, "5").click()
    expect(visit.page.get_by_role("radio", name="Thick", exact=True)).to_be_checked()
    visit.draw([[(0.9, 0.9)]])
    visit.wait_for(lambda: visit.sent[-1].url.endswith("/preview") and len(last_drawing(visit)["strokes"]) == 3)
    found = last_drawing(visit)
    assert found["pen_width"] == drawn["pen_width"]
    for one, other in zip(found["strokes"], drawn["strokes"], strict=False):
        assert len(one) == len(other)
        for point, before in zip(one, other, strict=True):
            assert point == pytest.approx(before, abs=0.0006 * drawn["canvas"][0] + 0.1)


def test_opening_is_a_step_to_undo_and_what_was_on_the_sheet_is_not_lost(with_both: Visit):
    visit = with_both
    visit.draw(THREE)
    visit.says("Looks like a 3")
    entry(visit, "5").click()
    entry(visit, "5").click()
    visit.says("Looks like a 5")
    visit.press("Control+z")
    visit.says("Looks like a 3")
    visit.press("Control+y")
    visit.says("Looks like a 5")
    has_strokes(visit, 2)


def test_squares_come_back_as_squares(visit: Visit):
    on_the_squares(visit)
    visit.draw([[(0.51, 0.15), (0.51, 0.85)]])
    visit.says("Looks like a 1")
    visit.press("Enter")
    expect(visit.page.locator(".reading")).to_have_count(1)
    ink = "found => found.map((square, index) => square.ariaSelected === 'true' && index).filter(Number)"
    before = visit.page.locator("[role=gridcell]").evaluate_all(ink)
    begin_anew(visit)
    expect(visit.page.locator("#grid-sheet")).to_be_hidden()
    entry(visit, "1").click()
    visit.says("Looks like a 1")
    expect(visit.page.get_by_role("radio", name="Squares")).to_be_checked()
    assert visit.page.locator("[role=gridcell]").evaluate_all(ink) == before


def test_of_a_picture_a_small_copy_comes_back_and_the_page_says_so(visit: Visit):
    hand_in(visit, picture())
    expect(visit.page.locator(".reading")).to_have_count(1)
    sheet = visit.page.locator("#pen-sheet")
    share = sheet.evaluate(COLOURS)
    begin_anew(visit)
    asked = len(visit.sent)
    entry(visit, "7").click()
    visit.says("Looks like a 7", "This is a small copy of the picture; the picture itself was not kept here.")
    expect(sheet).to_have_attribute("aria-label", "Drawing sheet, a picture")
    assert sheet.evaluate(COLOURS) == pytest.approx(share, abs=0.02)
    visit.press("Enter")
    assert len(visit.sent) == asked
    visit.draw(THREE)  # on a picture, a new drawing begins
    visit.says("Looks like a 3")
    visit.press("Control+z")
    visit.says("Looks like a 7", "small copy")


def test_of_a_picture_that_cannot_be_shown_the_models_view_comes_back(visit: Visit):
    refuse = "window.createImageBitmap = () => Promise.reject(new DOMException('', 'InvalidStateError'))"
    visit.page.evaluate(f"() => {{ {refuse}; }}")
    hand_in(visit, picture())
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.press("Escape")
    begin_anew(visit)
    entry(visit, "7").click()
    visit.says("Looks like a 7", "Only what the model saw was kept here.")
    assert visit.page.locator("#pen-sheet").evaluate(COLOURS) > 0.02
    assert visit.page.locator("#pen-sheet").evaluate(INK, [0.02, 0.02]) == 0


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_a_word_can_be_said_again_of_a_reading_that_is_opened(with_both: Visit, is_reloaded: bool):
    visit = with_both
    if is_reloaded:
        begin_anew(visit)
    told: list[str] = []
    visit.page.on(
        "request", lambda request: "/label" in request.url and told.append(json.loads(request.post_data or "{}"))
    )
    entry(visit, "5").focus()
    visit.press("Enter", "3")
    visit.says("Looks like a 5", "Noted: it was a 3.")
    expect(visit.page.locator(".reading").last).to_contain_text("→ 3")
    expect(focused(visit)).to_have_accessible_name(re.compile("^Open the 5 "))
    entry(visit, "7").click()
    visit.says("Looks like a 7", "")
    begin_anew(visit)
    entry(visit, "5").click()
    visit.says("Looks like a 5", "Noted: it was a 3.")
    visit.click("Wrong")
    expect(button(visit, "It was a 3")).to_have_attribute("aria-pressed", "true")
    expect(button(visit, "Take it back")).to_be_visible()
    visit.click("It was a 9")
    visit.says("Looks like a 5", "Noted: it was a 9.")
    assert told == [{"label": "3"}, {"label": "9"}]


def test_a_reading_that_is_no_longer_in_the_list_is_not_said_to_be(with_both: Visit):
    visit = with_both
    entry(visit, "5").click()
    visit.says("Looks like a 5")
    visit.click("Clear the list")
    visit.page.locator("h1").click()
    visit.press("Enter")
    visit.says("Looks like a 5", "This drawing was read before, and is no longer in your list.")


def test_an_answer_that_comes_late_is_not_shown_over_a_reading_that_was_opened(with_both: Visit):
    visit = with_both
    held: list[Callable[[], None]] = []
    visit.page.route("**/drawings", lambda route: held.append(route.continue_))
    visit.draw(THREE)
    visit.says("Looks like a 3")
    visit.press("Enter")
    visit.wait_for(lambda: len(held) == 1)
    entry(visit, "5").click()
    visit.says("Looks like a 5")
    held[0]()
    expect(visit.page.locator(".reading")).to_have_count(3)
    visit.says("Looks like a 5")
    expect(visit.page.locator(".bar.best .label")).to_have_text("5")


def test_the_list_stays_small_however_large_its_drawings(visit: Visit):
    """A browser gives a tab some five million characters; 48 readings with the largest drawings take a third of it."""
    script = """async (points) => {
      const { packed } = await import("/page/kept_drawings.js");
      const at = () => [Math.random(), Math.random()];
      const strokes = packed({ strokes: [Array.from({ length: points }, at)], pen: "thin", picture: null });
      const noise = Object.assign(document.createElement("canvas"), { width: 3000, height: 3000 });
      const context = noise.getContext("2d");
      for (let x = 0; x < 3000; x += 10) {
        for (let y = 0; y < 3000; y += 10) {
          context.fillStyle = `rgb(${256 * Math.random()} ${256 * Math.random()} ${256 * Math.random()})`;
          context.fillRect(x, y, 10, 10);
        }
      }
      const picture = packed({ strokes: [], pen: null, picture: { image: noise, frame: { x: 0, y: 0, side: 1 } } });
      return [strokes, picture].map((kept) => JSON.stringify(kept).length);
    }"""
    strokes, noise = visit.page.evaluate(script, 5_000)
    assert 10_000 < strokes <= 32_100
    assert noise <= 32_100
    assert visit.page.evaluate(script, 20_000)[0] == len("{}")
