"""The menu "More": the drawing as a file, and as a link that carries it; nothing of it leaves the browser."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from itertools import chain
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.page.test_drawing import PHONE, last_drawing
from tests.page.test_keyboard import focused, on_the_squares
from tests.page.test_pictures import hand_in, picture
from tests.page.test_tools import button, call, has_strokes, use_pen
from tests.page.visit import FIVE, SEVEN, Visit
from tests.service import KEY

pytestmark = pytest.mark.long

NOTE = "#note"


def choose(visit: Visit, name: str) -> None:
    visit.click("More")
    visit.click(name)


def saved(visit: Visit, name: str) -> tuple[str, bytes]:
    """The name and the bytes of a file that is saved by this entry of the menu."""
    with visit.page.expect_download() as download:
        choose(visit, name)
    return download.value.suggested_filename, download.value.path().read_bytes()


def notes(visit: Visit, said: str) -> None:
    expect(visit.page.locator(NOTE)).to_have_text(said)


def link(visit: Visit) -> str:
    """The link that the clipboard has."""
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(visit, "Copy a link to it")
    notes(visit, "Link copied. The drawing is in the link itself; nothing was sent.")
    return visit.page.evaluate("navigator.clipboard.readText()")


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_that_is_saved_is_what_is_seen(open_page: Callable[..., Visit], scheme: str):
    visit = open_page(color_scheme=scheme)
    visit.click("Draw a sample 1")
    visit.says("Looks like a 1")
    asked = len(visit.sent)
    name, content = saved(visit, "Save as a PNG")
    assert name == "pixelwise-drawing.png"
    found = Image.open(io.BytesIO(content)).convert("RGB")
    colours = {"light": ((34, 55, 155), (255, 255, 255)), "dark": ((169, 187, 255), (24, 28, 38))}[scheme]
    assert found.size == (560, 560)
    assert (found.getpixel((286, 291)), found.getpixel((100, 291))) == colours
    assert len(visit.sent) == asked


def test_squares_and_pictures_are_saved_as_a_picture_too(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    handed = Image.open(io.BytesIO(saved(visit, "Save as a PNG")[1])).convert("L")
    assert handed.getextrema()[0] < 40
    on_the_squares(visit)
    visit.press("Space")
    found = Image.open(io.BytesIO(saved(visit, "Save as a PNG")[1])).convert("RGB")
    assert found.crop((280, 280, 300, 300)).getcolors() == [(400, (34, 55, 155))]
    assert found.getpixel((300, 290)) == (255, 255, 255)


def test_the_strokes_that_are_saved_are_what_the_service_takes(visit: Visit):
    use_pen(visit, "Thick")
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    visit.wait_for(lambda: len(last_drawing(visit)["strokes"]) == 2)
    name, content = saved(visit, "Save the strokes as JSON")
    assert name == "pixelwise-strokes.json"
    assert json.loads(content) == last_drawing(visit)
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    answer = httpx.post(f"{visit.url}drawings/preview", content=content, headers=headers, trust_env=False)
    assert answer.json()["prediction"] == "5"


def test_what_cannot_be_saved_is_said(visit: Visit):
    for name in ("Save as a PNG", "Save the strokes as JSON"):
        choose(visit, name)
        notes(visit, "There is nothing to save yet: draw a digit first.")
    choose(visit, "Copy a link to it")
    notes(visit, "There is nothing to link to yet: draw a digit first.")
    on_the_squares(visit)
    visit.press("Space")
    choose(visit, "Save the strokes as JSON")
    notes(visit, "Squares have no strokes. Save them as a PNG, or copy a link.")
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    choose(visit, "Save the strokes as JSON")
    notes(visit, "A picture has no strokes. Save it as a PNG.")
    choose(visit, "Copy a link to it")
    notes(visit, "A picture does not fit into a link. Save it as a PNG.")


# -- the menu ----------------------------------------------------------------------------------------------------------


def test_the_menu_opens_and_closes_by_key_and_clears_nothing(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    more, entries = button(visit, "More"), visit.page.locator("#more-list")
    more.focus()
    visit.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    visit.press("Tab")
    expect(focused(visit)).to_have_text("Save as a PNG")
    visit.press("Escape")
    expect(entries).to_be_hidden()
    expect(focused(visit)).to_have_text("More")
    has_strokes(visit, 1)
    visit.press("Space", "Tab", "Tab", "Tab", "Tab")
    expect(entries).to_be_hidden()
    visit.click("More")
    visit.page.locator("h1").click()
    expect(entries).to_be_hidden()
    expect(more).to_have_attribute("aria-expanded", "false")


def test_the_menu_is_seen_whole_where_it_opens_below_the_window(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    visit.page.locator("#show-more").tap()
    expect(visit.page.locator("#more-list")).to_be_in_viewport(ratio=1)


# -- links -------------------------------------------------------------------------------------------------------------


def test_a_link_draws_what_was_drawn_previews_it_and_stores_nothing(visit: Visit, open_page: Callable[..., Visit]):
    use_pen(visit, "Thin")
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    end = pytest.approx(FIVE[1][-1], abs=0.01)
    visit.wait_for(
        lambda: [at / last_drawing(visit)["canvas"][0] for at in last_drawing(visit)["strokes"][-1][-1]] == end
    )
    drawn, stored = last_drawing(visit), visit.stored()
    address = link(visit)
    assert address.startswith(f"{visit.url}#p")
    other = open_page()
    other.page.goto("about:blank")
    other.page.goto(address)
    other.says("Looks like a 5", "This drawing came with the link. It is not kept.")
    has_strokes(other, 2)
    expect(other.page.get_by_role("radio", name="Thin", exact=True)).to_be_checked()
    found = last_drawing(other)
    assert (found["pen_width"], found["canvas"]) == (drawn["pen_width"], drawn["canvas"])
    for one, before in zip(chain(*found["strokes"]), chain(*drawn["strokes"]), strict=True):
        assert one == pytest.approx(before, abs=0.0006 * drawn["canvas"][0] + 0.1)
    assert {request.url for request in other.sent} == {f"{visit.url}drawings/preview"}
    assert other.readings() == []
    assert other.stored() == stored


def test_squares_travel_in_a_link_as_well(visit: Visit, open_page: Callable[..., Visit]):
    on_the_squares(visit)
    visit.draw([[(0.51, 0.15), (0.51, 0.85)]])
    visit.says("Looks like a 1")
    address = link(visit)
    other = open_page()
    other.page.goto(address)
    other.says("Looks like a 1")
    expect(other.page.locator("#grid-sheet [aria-selected=true]")).to_have_count(20)


def test_a_link_that_is_opened_in_a_tab_with_a_drawing_can_be_undone_and_leaves_the_address(visit: Visit):
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    address = link(visit)
    visit.press("Escape")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.goto(address)
    visit.says("Looks like a 5")
    assert visit.page.url == address
    visit.press("Control+z")
    visit.says("Looks like a 7")
    assert visit.page.url == visit.url


def test_without_a_clipboard_the_link_is_shown_and_selected(visit: Visit):
    visit.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    choose(visit, "Copy a link to it")
    field = visit.page.get_by_label("This browser copies nothing for the page: copy it here.")
    expect(field).to_be_focused()
    shown = field.input_value()
    assert shown.startswith(f"{visit.url}#p")
    assert visit.page.evaluate("getSelection().toString()") == shown
    visit.press("e", "7")
    expect(button(visit, "Eraser")).to_have_attribute("aria-pressed", "false")
    visit.press("Escape")
    expect(field).to_be_hidden()
    has_strokes(visit, 1)


def test_a_clipboard_that_is_not_allowed_is_as_good_as_none(visit: Visit):
    refuse = "navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    visit.page.evaluate(f"() => {{ {refuse}; }}")
    visit.draw(SEVEN)
    choose(visit, "Copy a link to it")
    expect(visit.page.locator("#link")).to_be_focused()


def test_a_drawing_that_is_too_long_for_a_link_is_said_to_be(visit: Visit):
    zigzag = [[(0.1 + 0.8 * (step % 2), 0.1 + step * 0.008) for step in range(100)]]
    visit.draw(zigzag)
    has_strokes(visit, 1)
    choose(visit, "Copy a link to it")
    expect(visit.page.locator(NOTE)).to_contain_text("This drawing is too long for a link:")
    expect(visit.page.locator(NOTE)).to_contain_text("Save its strokes as JSON.")


# -- the text of a link, against a writer of our own -------------------------------------------------------------------


def numbers(*given: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    written = bytearray()
    for number in given:
        while number > 127:
            written.append(number & 127 | 128)
            number >>= 7
        written.append(number)
    return bytes(written)


def code(content: bytes, form: str = "p") -> str:
    one, two = 1, 1
    for byte in content:
        one = (one + byte) % 255
        two = (two + one) % 255
    return form + base64.urlsafe_b64encode(content + bytes([one, two])).decode().rstrip("=")


LINE = numbers(1, 1, 2, 1000, 200, 0, 1600)  # from (0.5, 0.1) to (0.5, 0.9)


def test_the_form_of_a_link_is_the_one_that_its_file_describes(visit: Visit):
    drawing = {"strokes": [[[0.5, 0.1], [0.5, 0.9]]], "pen": "usual"}
    assert call(visit, "drawing_code.js", "codeOfStrokes", drawing) == code(LINE)
    assert call(visit, "drawing_code.js", "drawingOf", code(LINE)) == drawing


@pytest.mark.parametrize(
    ("fragment", "fault"),
    [
        ("history", "is no drawing"),
        ("x" + code(LINE)[1:], "is no drawing"),
        ("p%3Cscript%3E", "is no drawing"),
        (code(LINE)[:-1], "is cut off or changed"),
        (code(LINE)[:-5], "is cut off or changed"),
        (code(LINE)[:5] + "A" + code(LINE)[6:], "is cut off or changed"),
        ("p", "is cut off or changed"),
        ("pA", "is cut off or changed"),
        (code(b""), "is cut off or changed"),
        (code(numbers(3, 1, 1, 0, 0)), "is cut off or changed"),  # no such pen
        (code(numbers(1, 0)), "is cut off or changed"),  # no strokes
        (code(numbers(1, 1, 0)), "is cut off or changed"),  # a stroke without points
        (code(numbers(1, 1, 1, 2002, 0)), "is cut off or changed"),  # beyond the right edge
        (code(numbers(1, 1, 1, 1, 0)), "is cut off or changed"),  # beyond the left edge
        (code(numbers(1, 1, 2, 0, 0)), "is cut off or changed"),  # fewer points than it says
        (code(LINE + b"\0"), "is cut off or changed"),  # more
        (code(numbers(1, 1, 1_000_000)), "is cut off or changed"),
        (code(b"\1\1\xff\xff\xff\xff\1\0\0"), "is cut off or changed"),  # a number of five bytes
        (code(bytes(98), "s"), "is cut off or changed"),  # paper alone
        (code(b"\1" * 97, "s"), "is cut off or changed"),
        ("p" + "A" * 4_000, "is longer than any that this page makes"),
    ],
)
def test_a_broken_or_foreign_fragment_is_said_and_ignored(open_page: Callable[..., Visit], fragment: str, fault: str):
    visit = open_page()
    visit.page.goto(f"{visit.url}#{fragment}")
    visit.says("Nothing drawn yet", fault)
    expect(visit.page.locator(NOTE)).to_contain_text("was ignored")
    has_strokes(visit, 0)
    assert visit.sent == []
    visit.draw(SEVEN)
    visit.says("Looks like a 7")


def test_no_link_with_one_letter_changed_is_taken_for_another_drawing(visit: Visit):
    script = """async (code) => {
      const { drawingOf } = await import("/page/drawing_code.js");
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const meant = JSON.stringify(drawingOf(code));
      const taken = [];
      for (let place = 1; place < code.length; place += 1) {
        for (const letter of letters) {
          const changed = code.slice(0, place) + letter + code.slice(place + 1);
          try {
            if (JSON.stringify(drawingOf(changed)) !== meant) taken.push(changed);
          } catch (error) {
            if (error.name !== "NoDrawing") throw error;
          }
        }
      }
      return taken;
    }"""
    assert visit.page.evaluate(script, code(LINE)) == []


@pytest.mark.parametrize("length", [1, 200])
def test_any_strokes_come_back_from_their_code(visit: Visit, length: int):
    strokes: list[Any] = [
        [[(i * 37 % 1001) / 1000, (i * i * 11 % 1001) / 1000] for i in range(length)],
        [[1, 0], [0, 1]],
    ]
    for pen in ("thin", "usual", "thick"):
        drawing = {"strokes": strokes, "pen": pen}
        written = call(visit, "drawing_code.js", "codeOfStrokes", drawing)
        assert call(visit, "drawing_code.js", "drawingOf", written) == drawing
