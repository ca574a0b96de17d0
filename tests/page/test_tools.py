"""The tools beside the drawing: redo, the eraser, the width of the pen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from app.drawing.strokes import MAX_POINTS
from tests.page.test_drawing import PHONE, Finger, last_drawing
from tests.page.test_keyboard import focused, on_the_squares
from tests.page.test_look import SHIFT
from tests.page.test_pictures import hand_in, picture
from tests.page.visit import FIVE, SEVEN, THREE, Visit

pytestmark = pytest.mark.long

ACROSS = [[(0.2, 0.5), (0.8, 0.5)]]
INK = "(canvas, [x, y]) => canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]"


def has_strokes(visit: Visit, count: int) -> None:
    said = f"{count} stroke{'s' if count > 1 else ''}" if count else "empty"
    expect(visit.page.locator("#pen-sheet")).to_have_attribute("aria-label", f"Drawing sheet, {said}")


def button(visit: Visit, name: str) -> Locator:
    return visit.page.get_by_role("button", name=name, exact=True)


def call(visit: Visit, module: str, function: str, *given: Any) -> Any:
    """What a pure function of the page returns."""
    script = "([module, name, given]) => import(`/page/${module}`).then((found) => found[name](...given))"
    return visit.page.evaluate(script, [module, function, list(given)])


# -- redo --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redo", ["button", "Control+Shift+z", "Control+y", "Meta+Shift+z"])
def test_what_was_undone_can_be_redone_step_by_step(visit: Visit, redo: str):
    visit.draw(FIVE)
    visit.press("Control+z", "Control+z")
    has_strokes(visit, 0)
    for count in (1, 2, 2):
        button(visit, "Redo").click(force=True) if redo == "button" else visit.press(redo)
        has_strokes(visit, count)
    visit.says("Looks like a 5")


def test_a_clear_a_sample_and_a_picture_can_be_redone(visit: Visit):
    sheet = visit.page.locator("#pen-sheet")
    visit.draw(SEVEN)
    visit.click("Clear")
    visit.click("Draw a sample 4")
    hand_in(visit, picture())
    expect(sheet).to_have_attribute("aria-label", "Drawing sheet, a picture")
    visit.press(*["Control+z"] * 4)
    has_strokes(visit, 0)
    for count in (1, 0, 2):
        visit.press("Control+y")
        has_strokes(visit, count)
    visit.press("Control+y")
    expect(sheet).to_have_attribute("aria-label", "Drawing sheet, a picture")


def test_a_new_stroke_ends_the_redo(visit: Visit):
    visit.draw(FIVE)
    visit.click("Undo")
    visit.draw([[(0.1, 0.1), (0.2, 0.1)]])
    expect(button(visit, "Redo")).to_have_attribute("aria-disabled", "true")
    button(visit, "Redo").click(force=True)
    has_strokes(visit, 2)


def test_buttons_that_can_do_nothing_say_so_and_keep_the_focus(visit: Visit):
    for name in ("Undo", "Redo"):
        expect(button(visit, name)).to_have_attribute("aria-disabled", "true")
    visit.draw(SEVEN)
    button(visit, "Undo").focus()
    visit.press("Enter")
    has_strokes(visit, 0)
    expect(button(visit, "Undo")).to_have_attribute("aria-disabled", "true")
    expect(button(visit, "Redo")).to_have_attribute("aria-disabled", "false")
    expect(focused(visit)).to_have_text("Undo")
    visit.press("Enter")
    has_strokes(visit, 0)


def test_the_squares_have_a_redo_of_their_own(visit: Visit):
    visit.draw(SEVEN)
    on_the_squares(visit)
    expect(button(visit, "Undo")).to_have_attribute("aria-disabled", "true")
    ink = visit.page.locator("#grid-sheet [aria-selected=true]")
    visit.press("Space", "Shift+ArrowDown", "Control+z", "Control+z", "Control+y", "Control+Shift+z")
    expect(ink).to_have_count(2)


def test_an_undo_while_the_pen_is_down_ends_its_stroke(visit: Visit):
    visit.draw(THREE)
    visit.draw([[(0.1, 0.1), (0.3, 0.1)]], lift=False)
    visit.press("Control+z")
    has_strokes(visit, 1)
    visit.page.mouse.move(*visit.point(0.9, 0.9), steps=5)
    visit.page.mouse.up()
    has_strokes(visit, 1)
    assert visit.page.locator("#pen-sheet").evaluate(INK, [0.9, 0.9]) == 0
    visit.says("Looks like a 3")


def test_the_keys_dialog_names_redo_eraser_and_pen(visit: Visit):
    visit.press("?")
    said = visit.page.get_by_role("dialog", name="Keys").inner_text()
    for meaning in ("redo, as Ctrl Y", "eraser, and the pen again", "pen"):
        assert f"\n{meaning}\n" in said


# -- the eraser --------------------------------------------------------------------------------------------------------


def test_the_eraser_cuts_a_stroke_in_two_and_a_sweep_is_one_step(visit: Visit):
    visit.draw([[(0.5, 0.1), (0.5, 0.9)]])
    visit.says("Looks like a 1")
    visit.click("Eraser")
    visit.draw(ACROSS)
    has_strokes(visit, 2)
    visit.wait_for(lambda: len(last_drawing(visit)["strokes"]) == 2)
    (upper, lower), side = last_drawing(visit)["strokes"], last_drawing(visit)["canvas"][0]
    reach = side * (0.1 + 16 / 280) / 2
    assert upper[-1] == pytest.approx([side / 2, side / 2 - reach], abs=1)
    assert lower[0] == pytest.approx([side / 2, side / 2 + reach], abs=1)
    assert visit.page.locator("#pen-sheet").evaluate(INK, [0.5, 0.5]) == 0
    visit.press("Control+z")
    has_strokes(visit, 1)
    visit.press("Control+y")
    has_strokes(visit, 2)


def test_a_sweep_over_nothing_is_no_step_and_asks_nothing(visit: Visit):
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    visit.press("Control+z", "e")
    visit.wait_for(lambda: len(last_drawing(visit)["strokes"]) == 1)
    asked = len(visit.sent)
    visit.draw([[(0.05, 0.9), (0.05, 0.95)]])
    expect(button(visit, "Redo")).to_have_attribute("aria-disabled", "false")
    assert len(visit.sent) == asked


def test_a_drawing_that_is_wiped_off_is_blank(visit: Visit):
    visit.draw([[(0.4, 0.5), (0.6, 0.5)], [(0.7, 0.5)]])
    visit.press("e")
    visit.draw(ACROSS)
    has_strokes(visit, 0)
    visit.says("Nothing drawn yet")
    expect(visit.page.locator("#hint")).to_be_visible()


def test_e_takes_the_eraser_or_the_pen_and_p_the_pen_and_both_are_said(visit: Visit):
    eraser, said = button(visit, "Eraser"), visit.page.locator("#tool[aria-live=polite]")
    for key, pressed, words in (("e", "true", "Eraser"), ("e", "false", "Pen"), ("E", "true", "Eraser")):
        visit.press(key)
        expect(eraser).to_have_attribute("aria-pressed", pressed)
        expect(said).to_have_text(words)
    visit.press("p", "p")
    expect(eraser).to_have_attribute("aria-pressed", "false")
    expect(said).to_have_text("Pen")
    visit.draw(SEVEN)
    has_strokes(visit, 1)


def test_the_pen_is_back_once_it_is_pressed_or_the_sheet_is_cleared(visit: Visit):
    eraser = button(visit, "Eraser")
    for name in ("Pen", "Squares"):
        visit.click("Eraser")
        visit.page.locator("label", has_text=name).click()
        expect(eraser).to_have_attribute("aria-pressed", "false")
    visit.page.locator("label", has_text="Pen").click()
    visit.draw(SEVEN)
    visit.click("Eraser")
    visit.click("Clear")
    expect(eraser).to_have_attribute("aria-pressed", "false")
    visit.draw(SEVEN)
    has_strokes(visit, 1)


def test_a_finger_erases_and_the_ring_is_there_only_meanwhile(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    finger, ring = Finger(visit), visit.page.locator("#reach")
    finger.draw([[(0.5, 0.1), (0.5, 0.9)]])
    visit.says("Looks like a 1")
    visit.click("Eraser")
    expect(button(visit, "Eraser")).to_have_attribute("aria-pressed", "true")
    finger.send("touchStart", (0.2, 0.5))
    finger.send("touchMove", (0.4, 0.5))
    expect(ring).to_be_visible()

    def is_around(x: float, y: float) -> bool:
        box = ring.bounding_box()
        assert box is not None
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        return middle == pytest.approx(visit.point(x, y), abs=1)

    visit.wait_for(lambda: is_around(0.4, 0.5))
    finger.send("touchMove", (0.8, 0.5))
    finger.send("touchEnd")
    has_strokes(visit, 2)
    expect(ring).to_be_hidden()


def test_the_other_end_of_a_pen_erases_without_being_chosen(visit: Visit):
    visit.draw([[(0.5, 0.1), (0.5, 0.9)]])
    sweep = """(canvas, points) => {
      canvas.setPointerCapture = () => {}; // no pen is there to be captured
      const init = { pointerId: 7, pointerType: "pen", isPrimary: true, bubbles: true };
      const at = ([clientX, clientY]) => ({ ...init, clientX, clientY });
      canvas.dispatchEvent(new PointerEvent("pointerdown", { ...at(points[0]), button: 5, buttons: 32 }));
      canvas.dispatchEvent(new PointerEvent("pointermove", { ...at(points[1]), button: -1, buttons: 32 }));
      canvas.dispatchEvent(new PointerEvent("pointerup", { ...at(points[1]), button: 5, buttons: 0 }));
    }"""
    visit.page.locator("#pen-sheet").evaluate(sweep, [visit.point(*point) for point in ACROSS[0]])
    has_strokes(visit, 2)
    assert visit.page.locator("#pen-sheet").evaluate(INK, [0.5, 0.5]) == 0
    expect(button(visit, "Eraser")).to_have_attribute("aria-pressed", "false")
    visit.draw([[(0.1, 0.1), (0.2, 0.1)]])
    has_strokes(visit, 3)


def test_on_the_squares_the_eraser_sets_paper(visit: Visit):
    on_the_squares(visit)
    ink = visit.page.locator("#grid-sheet [aria-selected=true]")
    visit.press("Space", *["Shift+ArrowDown"] * 5, "e", "Space", "Space", *["Shift+ArrowUp"] * 2)
    expect(ink).to_have_count(3)
    visit.press("p")
    visit.draw([[(0.2, 0.2), (0.4, 0.2)]])
    before = ink.count()
    visit.press("e")
    visit.draw([[(0.1, 0.2), (0.6, 0.2)]])
    expect(ink).to_have_count(3)
    visit.press("Control+z")
    expect(ink).to_have_count(before)


@pytest.mark.parametrize(
    ("stroke", "left"),
    [
        ([[0.5, 0.5]], []),
        ([[0.5, 0.7]], [[[0.5, 0.7]]]),
        ([[0.5, 0.2], [0.5, 0.8]], [[[0.5, 0.2], [0.5, 0.4]], [[0.5, 0.6], [0.5, 0.8]]]),
        ([[0.5, 0.45], [0.5, 0.55], [0.5, 0.8]], [[[0.5, 0.6], [0.5, 0.8]]]),  # begins within
        ([[0.2, 0.2], [0.8, 0.2]], [[[0.2, 0.2], [0.8, 0.2]]]),
        ([[0.76, 0.4], [0.76, 0.8]], [[[0.76, 0.4], [0.76, 0.42]], [[0.76, 0.58], [0.76, 0.8]]]),  # by a round end
        ([[0.1, 0.5], [0.9, 0.5]], [[[0.1, 0.5], [0.2, 0.5]], [[0.8, 0.5], [0.9, 0.5]]]),  # past both round ends
        ([[0.4, 0.5], [0.6, 0.5], [0.6, 0.401]], []),  # a rest too short to be seen
    ],
)
def test_what_an_eraser_from_3_to_7_tenths_with_a_reach_of_1_leaves(visit: Visit, stroke: Any, left: Any):
    found = call(visit, "eraser.js", "erased", [stroke], [0.3, 0.5], [0.7, 0.5], 0.1)
    assert len(found) == len(left)
    for piece, meant in zip(found, left, strict=True):
        assert [value for point in piece for value in point] == pytest.approx([v for point in meant for v in point])


def test_what_an_eraser_does_not_touch_stays_the_very_same(visit: Visit):
    script = """(strokes) => import("/page/eraser.js").then(({ erased }) => {
      const far = erased(strokes, [0.9, 0.9], [0.95, 0.9], 0.05);
      const near = erased(strokes, [0.1, 0.1], [0.1, 0.1], 0.05);
      return [far === strokes, near === strokes, near.at(-1) === strokes[1]];
    })"""
    assert visit.page.evaluate(script, [[[0.1, 0.1], [0.2, 0.2]], [[0.5, 0.5], [0.6, 0.6]]]) == [True, False, True]


# -- the width of the pen ----------------------------------------------------------------------------------------------


def use_pen(visit: Visit, name: str) -> None:
    visit.page.get_by_role("radio", name=name, exact=True).check(force=True)


def ink_across(visit: Visit) -> float:
    """The width of the ink along the middle row of the sheet, as a share of its side."""
    script = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, canvas.height / 2, canvas.width, 1);
      return data.filter((value, index) => index % 4 === 3 && value > 127).length / canvas.width;
    }"""
    return visit.page.locator("#pen-sheet").evaluate(script)


@pytest.mark.parametrize(("name", "width"), [("Thin", 10), ("Usual", 16), ("Thick", 24)])
def test_the_width_that_is_sent_is_the_width_that_is_seen(visit: Visit, name: str, width: int):
    use_pen(visit, name)
    visit.draw([[(0.5, 0.1), (0.5, 0.9)]])
    visit.says("Looks like a 1")
    sent = last_drawing(visit)
    assert sent["pen_width"] / sent["canvas"][0] == pytest.approx(width / 280)
    assert ink_across(visit) == pytest.approx(width / 280, abs=0.006)


def test_another_width_is_that_of_the_whole_drawing_and_a_step_to_undo(visit: Visit):
    visit.draw([[(0.5, 0.1), (0.5, 0.9)]])
    visit.says("Looks like a 1")
    for act, name, width in (("choose", "Thick", 24), ("Control+z", "Usual", 16), ("Control+y", "Thick", 24)):
        use_pen(visit, name) if act == "choose" else visit.press(act)
        expect(visit.page.get_by_role("radio", name=name, exact=True)).to_be_checked()
        assert ink_across(visit) == pytest.approx(width / 280, abs=0.006)
    visit.wait_for(lambda: round(280 * last_drawing(visit)["pen_width"] / last_drawing(visit)["canvas"][0]) == 24)


def test_it_is_said_that_a_width_is_that_of_the_whole_drawing(visit: Visit):
    note = visit.page.locator("#note")
    use_pen(visit, "Thin")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    expect(note).not_to_contain_text("width")
    use_pen(visit, "Thick")
    expect(note).to_have_text("The width is that of the whole drawing; the model reads it the same.")
    visit.draw([[(0.68, 0.2), (0.7, 0.2)]])
    expect(note).not_to_contain_text("width")
    expect(visit.page.get_by_role("group", name="Width of the pen, for the whole drawing")).to_be_visible()


def test_without_strokes_a_width_is_no_step_and_it_is_remembered_in_this_tab(
    visit: Visit, open_page: Callable[..., Visit]
):
    use_pen(visit, "Thin")
    expect(button(visit, "Undo")).to_have_attribute("aria-disabled", "true")
    visit.page.reload()
    expect(visit.page.get_by_role("radio", name="Thin", exact=True)).to_be_checked()
    expect(open_page().page.get_by_role("radio", name="Usual", exact=True)).to_be_checked()


def test_the_squares_have_no_width_to_choose(visit: Visit):
    on_the_squares(visit)
    expect(visit.page.locator("#widths")).to_be_hidden()


# -- how it looks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_tools_are_large_enough_for_a_finger_stay_inside_and_move_nothing(
    open_page: Callable[..., Visit], width: int
):
    visit = open_page(viewport={"width": width, "height": 1200})
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Eraser")
    visit.click("More")
    visit.page.wait_for_timeout(100)
    boxes = visit.page.locator(".tools button, .tools .choice label").evaluate_all(
        "found => found.map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 14
    for box in boxes:
        assert min(box["width"], box["height"]) >= 43.9
        assert box["left"] >= 0 and box["right"] <= width
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.evaluate(SHIFT) < 0.01


def test_a_sheet_that_was_hidden_while_the_window_changed_is_drawn_anew(visit: Visit):
    visit.draw(SEVEN)
    on_the_squares(visit)
    visit.page.set_viewport_size({"width": 700, "height": 400})
    visit.page.get_by_role("radio", name="Pen", exact=True).check(force=True)
    assert visit.page.locator("#pen-sheet").evaluate(INK, [0.5, 0.21]) == 255


def test_the_page_takes_as_many_points_as_the_service(visit: Visit):
    assert visit.page.evaluate("import('/page/drawing_code.js').then((found) => found.MAX_POINTS)") == MAX_POINTS
