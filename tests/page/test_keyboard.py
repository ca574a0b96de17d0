"""The page without a pointer: keys, the squares, names and roles."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.page.visit import SEVEN, Visit

pytestmark = pytest.mark.long

CONTROLS = {"button", "link", "radio", "grid", "gridcell", "image", "dialog", "list", "status", "textbox"}
HAS_A_RING = """(element) => [element, element.nextElementSibling, element.parentElement].some(
  (at) => at && getComputedStyle(at).outlineStyle === "solid")"""  # a hidden input's ring is around its label
NAMED = CONTROLS - {"list", "status"}


def focused(visit: Visit) -> Locator:
    return visit.page.locator(":focus")


def on_the_squares(visit: Visit) -> None:
    visit.page.get_by_role("radio", name="Squares").focus()
    visit.press("Space")
    visit.page.locator("#grid-sheet [tabindex='0']").focus()


def test_keys_undo_clear_and_read(visit: Visit):
    visit.draw([*SEVEN, [(0.9, 0.9)]])
    visit.press("Control+z")
    visit.says("Looks like a 7")
    for key in ("Escape", "Delete"):
        visit.press(key)
        visit.says("Nothing drawn yet")
        visit.press("Control+z")
        visit.says("Looks like a 7")
    visit.press("Enter")
    expect(visit.page.locator(".reading strong")).to_have_text("7")


def test_enter_on_a_blank_sheet_asks_for_a_drawing(visit: Visit):
    visit.press("Enter")
    visit.says("Nothing drawn yet", "Draw a digit first.")
    assert visit.sent == []


def test_enter_on_a_button_is_that_button_s(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.get_by_role("button", name="Clear", exact=True).focus()
    visit.press("Enter")
    visit.says("Nothing drawn yet")
    assert visit.readings() == []


def test_the_keys_are_explained_and_closing_that_clears_nothing(visit: Visit):
    visit.draw(SEVEN)
    visit.press("?")
    dialog = visit.page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    visit.press("Escape")
    expect(dialog).to_be_hidden()
    visit.says("Looks like a 7")
    visit.click("Keys")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_the_keys_are_shown_from_their_beginning(open_page: Callable[..., Visit]):
    visit = open_page(viewport={"width": 640, "height": 400})
    visit.press("?")
    dialog = visit.page.get_by_role("dialog", name="Keys")
    expect(dialog.get_by_role("heading", name="Keys")).to_be_focused()
    height, shown, top = dialog.evaluate("(dialog) => [dialog.scrollHeight, dialog.clientHeight, dialog.scrollTop]")
    assert height > shown
    assert top == 0


@pytest.mark.parametrize(("width", "height"), [(320, 568), (360, 740), (740, 360), (640, 400), (1280, 800)])
def test_the_way_out_of_the_keys_is_in_sight_wherever_one_has_scrolled_to(
    open_page: Callable[..., Visit], width: int, height: int
):
    visit = open_page(viewport={"width": width, "height": height})
    visit.press("?")
    dialog = visit.page.get_by_role("dialog", name="Keys")
    close = dialog.get_by_role("button", name="Close")
    for place in (0, 1 << 20):
        dialog.evaluate("(dialog, place) => { dialog.scrollTop = place; }", place)
        expect(close).to_be_in_viewport(ratio=1)
        box = close.bounding_box()
        assert box is not None
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        assert visit.page.evaluate("([x, y]) => document.elementFromPoint(x, y).id", middle) == "hide-keys"
    if (width, height) == (1280, 800):
        assert dialog.evaluate("(dialog) => dialog.scrollHeight <= dialog.clientHeight"), "all of them fit"
    close.click()
    expect(dialog).to_be_hidden()


def test_on_a_blank_sheet_it_is_said_where_the_drawing_is(visit: Visit):
    visit.draw(SEVEN)
    on_the_squares(visit)
    visit.says("This sheet is empty", "Your drawing is still there: choose “Pen”.")
    expect(visit.page.locator("#hint")).to_have_text("Fill squares to draw one digit")
    visit.press("Space")
    expect(visit.page.locator("#hint")).to_be_hidden()
    visit.page.get_by_role("radio", name="Pen").check(force=True)
    visit.says("Looks like a 7")
    visit.click("Clear")
    visit.says("This sheet is empty", "Your drawing is still there: choose “Squares”.")
    expect(visit.page.locator("#hint")).to_have_text("Draw one digit")


def test_the_squares_say_how_they_are_drawn_on_before_they_are_there(visit: Visit):
    squares = visit.page.get_by_role("radio", name="Squares")
    expect(squares).to_have_accessible_description(re.compile("^Arrow keys move, space sets or removes ink"))


def tab_to(visit: Visit, selector: str) -> None:
    for _ in range(30):
        visit.press("Tab")
        if focused(visit).evaluate("(element, selector) => element.matches(selector)", selector):
            return
    pytest.fail(f"Tab does not lead to {selector}")


def test_a_digit_drawn_with_keys_alone_is_read(visit: Visit):
    tab_to(visit, "[value=pen]")
    visit.press("ArrowRight")
    visit.page.locator("h1").click()  # Tab goes on from the top
    tab_to(visit, "[role=gridcell]")
    visit.press(*["ArrowUp"] * 9, "Space", *["Shift+ArrowDown"] * 18)
    visit.says("Looks like a 1")
    sent = visit.sent[-1]
    assert sent.url.endswith("/drawings/preview?width=28&height=28")
    assert sent.headers["content-type"] == "application/octet-stream"
    visit.press("Enter")
    expect(visit.page.locator(".reading strong")).to_have_text("1")


def test_a_square_says_where_it_is_and_what_is_on_it(visit: Visit):
    on_the_squares(visit)
    expect(focused(visit)).to_have_accessible_name("row 15, column 15, paper")
    visit.press("ArrowUp", "ArrowLeft", "ArrowLeft", "Space")
    expect(focused(visit)).to_have_accessible_name("row 14, column 13, ink")
    expect(focused(visit)).to_have_attribute("aria-selected", "true")
    visit.press("Space")
    expect(focused(visit)).to_have_accessible_name("row 14, column 13, paper")
    visit.press("Home", "ArrowLeft")
    expect(focused(visit)).to_have_accessible_name("row 14, column 1, paper")
    visit.press("End", "ArrowRight")
    expect(focused(visit)).to_have_accessible_name("row 14, column 28, paper")
    assert visit.page.locator("#grid-sheet [tabindex='0']").count() == 1


def test_the_squares_undo_and_clear_and_keep_apart_from_the_pen(visit: Visit):
    visit.draw(SEVEN)
    on_the_squares(visit)
    visit.says("This sheet is empty")
    ink = visit.page.locator("#grid-sheet [aria-selected=true]")
    visit.press("Space", "Shift+ArrowDown", "Shift+ArrowDown")
    expect(ink).to_have_count(3)
    visit.press("Control+z")
    expect(ink).to_have_count(2)
    visit.press("Delete")
    expect(ink).to_have_count(0)
    visit.says("This sheet is empty")
    visit.page.get_by_role("radio", name="Pen").check(force=True)
    visit.says("Looks like a 7")


def test_the_squares_take_a_pointer_too(visit: Visit):
    on_the_squares(visit)
    visit.draw([[(0.51, 0.15), (0.51, 0.85)]])
    visit.says("Looks like a 1")
    assert visit.page.locator("#grid-sheet [aria-selected=true]").count() == 20


@pytest.mark.parametrize("on_squares", [False, True])
def test_every_control_has_a_name(visit: Visit, on_squares: bool):
    if on_squares:
        on_the_squares(visit)
    session = visit.context.new_cdp_session(visit.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in CONTROLS
    ]
    assert len([role for role, _ in found if role == "gridcell"]) == (784 if on_squares else 0)
    roles = {role for role, _ in found}
    assert {"button", "link", "radio", "image", "status"} <= roles
    assert [role for role, name in found if role in NAMED and not name] == []


def test_every_control_can_be_reached_by_tab_and_shows_it(visit: Visit):
    reached = set()
    for _ in range(30):
        visit.press("Tab")
        name = focused(visit).evaluate(
            "element => element.id || element.textContent || element.getAttribute('aria-label')"
        )
        shown = focused(visit).evaluate(HAS_A_RING)
        assert shown, name
        reached.add(name)
        if name == "Draw a sample 9":
            break
    assert {"undo", "clear", "keep", "upload", "show-keys", "API", "Draw a sample 1"} <= reached
