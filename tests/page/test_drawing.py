"""Drawing with mouse and finger, on any screen; the live answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import CDPSession, expect

from tests.page.visit import ANSWER, FIVE, SEVEN, THREE, Stroke, Visit, placed

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
ZOOMED = {"viewport": {"width": 853, "height": 533}, "device_scale_factor": 3}  # 150% on a screen of two pixels


def last_drawing(visit: Visit) -> dict[str, Any]:
    return json.loads(visit.sent[-1].post_data)


class Finger:
    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.session: CDPSession = visit.context.new_cdp_session(visit.page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        """points: in shares of the sheet's side, one for each finger that is down."""
        places = [self.visit.point(*point) for point in points]
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def draw(self, strokes: list[Stroke]) -> None:
        for stroke in strokes:
            self.send("touchStart", stroke[0])
            for (x, y), (to_x, to_y) in pairwise(stroke):
                for step in range(1, 9):
                    self.send("touchMove", (x + (to_x - x) * step / 8, y + (to_y - y) * step / 8))
            self.send("touchEnd")


@pytest.mark.parametrize(("strokes", "label"), [(SEVEN, "7"), (THREE, "3"), (FIVE, "5")])
def test_a_digit_drawn_with_the_mouse_is_read(visit: Visit, strokes: list[Stroke], label: str):
    visit.says("Nothing drawn yet")
    visit.draw(strokes)
    visit.says(f"Looks like a {label}")
    expect(visit.page.locator(".bar.best .label")).to_have_text(label)
    expect(visit.page.locator("#figure")).to_have_text(label)
    expect(visit.page.locator("#latency")).to_contain_text("ms by model v1.0")


@pytest.mark.parametrize("place", [(0.02, 0.02), (0.8, 0.05), (0.75, 0.7), (0.4, 0.4)])
def test_a_small_digit_anywhere_on_the_sheet_is_read(visit: Visit, place: tuple[float, float]):
    visit.draw(placed(SEVEN, scale=0.35, x=place[0], y=place[1]))
    visit.says("Looks like a 7")


@pytest.mark.parametrize("screen", [{}, {"device_scale_factor": 2}, ZOOMED, PHONE], ids=["1", "2", "zoomed", "phone"])
def test_the_ink_lies_under_the_pen_on_every_screen(open_page: Callable[..., Visit], screen: dict[str, Any]):
    visit = open_page(**screen)
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    side = last_drawing(visit)["canvas"][0]
    for end in (0, -1):
        meant = pytest.approx([share * side for share in SEVEN[0][end]], abs=1)
        visit.wait_for(lambda end=end, meant=meant: last_drawing(visit)["strokes"][0][end] == meant)
    canvas = visit.page.locator("#pen-sheet")
    assert canvas.evaluate("canvas => canvas.width") == round(side * screen.get("device_scale_factor", 1))
    ink = "(canvas, [x, y]) => canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]"
    assert canvas.evaluate(ink, [0.5, 0.21]) == 255
    assert canvas.evaluate(ink, [0.2, 0.5]) == 0


def test_the_ink_lies_under_the_pen_on_a_page_zoomed_by_two_fingers(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    visit.context.new_cdp_session(visit.page).send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1.5})
    assert visit.page.evaluate("visualViewport.scale") == 1.5
    Finger(visit).draw(placed(SEVEN, scale=0.5, x=0.15, y=0.15))
    visit.says("Looks like a 7")
    x, y = last_drawing(visit)["strokes"][0][0]
    side = last_drawing(visit)["canvas"][0]
    assert (x / side, y / side) == pytest.approx((0.15, 0.175), abs=0.01)


def test_a_finger_draws_and_the_page_stays_where_it_is(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    Finger(visit).draw([[(0.5, 0.9), (0.5, 0.1)]])
    visit.says("Looks like a 1")
    assert visit.page.evaluate("scrollY") == 0


def test_a_second_finger_draws_nothing(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    finger = Finger(visit)
    finger.send("touchStart", (0.5, 0.2))
    finger.send("touchMove", (0.5, 0.4))
    finger.send("touchStart", (0.5, 0.4), (0.9, 0.1))
    finger.send("touchMove", (0.5, 0.8), (0.9, 0.9))
    finger.send("touchEnd")
    visit.says("Looks like a 1")
    assert len(last_drawing(visit)["strokes"]) == 1


def test_a_stroke_that_the_system_cancels_ends_and_stays(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    finger = Finger(visit)
    finger.send("touchStart", (0.5, 0.1))
    finger.send("touchMove", (0.5, 0.9))
    finger.send("touchCancel")
    visit.says("Looks like a 1")
    finger.draw([[(0.2, 0.2), (0.3, 0.3)]])
    visit.wait_for(lambda: len(last_drawing(visit)["strokes"]) == 2)


def test_a_tap_draws_a_dot(visit: Visit):
    visit.draw([[(0.5, 0.5)]])
    visit.wait_for(lambda: bool(visit.sent))
    assert [len(stroke) for stroke in last_drawing(visit)["strokes"]] == [1]
    alpha = "canvas => canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[3]"
    assert visit.page.locator("#pen-sheet").evaluate(alpha) == 255


def test_what_is_drawn_beyond_the_edge_is_no_ink(visit: Visit):
    visit.draw([[(0.5, 0.5), (1.2, 0.5), (1.2, 0.7), (0.5, 0.7)]])
    visit.wait_for(lambda: bool(visit.sent) and len(last_drawing(visit)["strokes"]) == 2)
    sent = last_drawing(visit)
    assert all(0 <= value <= sent["canvas"][0] for stroke in sent["strokes"] for point in stroke for value in point)


def test_the_answer_comes_while_the_pen_is_still_down(visit: Visit):
    visit.draw(SEVEN, lift=False)
    visit.says("Looks like a 7")
    assert {request.url.rsplit("/", 1)[1] for request in visit.sent} == {"preview"}
    visit.page.mouse.up()


def test_a_moving_pen_has_one_question_open_at_a_time(visit: Visit):
    held: list[Any] = []
    visit.page.route("**/drawings/preview", lambda route: held.append(route))
    visit.draw([[(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8), (0.2, 0.2)]], lift=False)
    visit.wait_for(lambda: len(held) == 1)
    visit.draw([[(0.2, 0.2), (0.8, 0.8)]], lift=False)
    visit.page.wait_for_timeout(300)
    assert len(held) == 1
    held[0].continue_()
    visit.wait_for(lambda: len(held) == 2)
    held[1].continue_()
    visit.page.mouse.up()


def test_an_answer_to_an_older_drawing_cannot_overtake(visit: Visit):
    held: list[Any] = []
    visit.page.route("**/drawings/preview", lambda route: route.continue_() if held else held.append(route))
    visit.draw([[(0.5, 0.1), (0.5, 0.9)]])
    visit.wait_for(lambda: len(held) == 1)
    visit.click("Clear")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    held[0].fulfill(json=ANSWER)
    visit.page.wait_for_timeout(200)
    visit.says("Looks like a 7")


def test_undo_takes_back_stroke_by_stroke_and_also_a_clear(visit: Visit):
    sheet = visit.page.locator("#pen-sheet")
    visit.draw([*SEVEN, [(0.8, 0.8), (0.9, 0.9)]])
    expect(sheet).to_have_attribute("aria-label", "Drawing sheet, 2 strokes")
    visit.click("Undo")
    expect(sheet).to_have_attribute("aria-label", "Drawing sheet, 1 stroke")
    visit.says("Looks like a 7")
    visit.click("Clear")
    visit.says("Nothing drawn yet")
    expect(visit.page.locator("#hint")).to_be_visible()
    visit.click("Undo")
    visit.says("Looks like a 7")
    visit.click("Undo")
    visit.says("Nothing drawn yet")


def test_a_drawing_outlives_a_turned_phone_and_a_change_of_theme(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    colour = "canvas => [...canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height * 0.21, 1, 1).data]"
    light = visit.page.locator("#pen-sheet").evaluate(colour)
    visit.page.emulate_media(color_scheme="dark")
    visit.page.set_viewport_size({"width": 740, "height": 360})
    visit.page.wait_for_timeout(100)
    dark = visit.page.locator("#pen-sheet").evaluate(colour)
    assert light[3] == dark[3] == 255
    assert sum(dark[:3]) > sum(light[:3]) + 200


def test_each_sample_is_read_as_what_it_is(visit: Visit):
    for label in "123456789":
        visit.page.get_by_role("button", name=f"Draw a sample {label}").click()
        expect(visit.page.locator("#figure")).to_have_text(label)
