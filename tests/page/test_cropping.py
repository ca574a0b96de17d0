"""The frame around the part of a picture that is read, by mouse, finger and keys."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.page.photographs import TWO, saved, sent
from tests.page.test_drawing import PHONE, Finger
from tests.page.test_pictures import hand_in, picture
from tests.page.visit import Visit

pytestmark = pytest.mark.long


def drag(visit: Visit, begin: tuple[float, float], end: tuple[float, float]) -> None:
    visit.draw([[begin, end]])


def frame_of(visit: Visit) -> list[int]:
    """Left, top and side, in hundredths of the sheet's side."""
    script = "frame => ['x', 'y', 'length'].map((name) => Math.round(100 * frame.style.getPropertyValue(`--${name}`)))"
    return visit.page.locator(".frame").evaluate(script)


def test_what_is_read_is_inside_the_frame_that_a_mouse_draws(noting: Visit):
    hand_in(noting, saved(TWO, "PNG"))
    noting.says("Several digits")
    assert frame_of(noting) == [0, 0, 100]
    drag(noting, (0.02, 0.25), (0.5, 0.73))
    noting.says("Looks like a 7")
    assert frame_of(noting) == [2, 25, 48]
    assert sent(noting).size == pytest.approx((432, 432), abs=4)
    drag(noting, (0.26, 0.5), (0.77, 0.5))  # by its inside
    noting.says("Looks like a 3")
    assert frame_of(noting) == [52, 25, 48]


def test_a_corner_makes_the_frame_larger_and_smaller(visit: Visit):
    hand_in(visit, saved(TWO, "PNG"))
    visit.says("Several digits")
    drag(visit, (0.99, 0.99), (0.6, 0.6))
    assert frame_of(visit) == [0, 0, 60]
    drag(visit, (0.01, 0.01), (0.1, 0.1))
    assert frame_of(visit) == [10, 10, 50]
    visit.says("Looks like a 7")


def test_the_whole_picture_is_read_again_on_a_click_and_undo_goes_back_step_by_step(visit: Visit):
    hand_in(visit, saved(TWO, "PNG"))
    visit.says("Several digits")
    whole = visit.page.get_by_role("button", name="Whole picture")
    expect(whole).to_be_hidden()
    drag(visit, (0.02, 0.25), (0.5, 0.73))
    visit.says("Looks like a 7")
    whole.click()
    visit.says("Several digits")
    expect(whole).to_be_hidden()
    visit.click("Undo")
    visit.says("Looks like a 7")
    assert frame_of(visit) == [2, 25, 48]
    visit.click("Undo")
    visit.says("Several digits")
    visit.click("Undo")
    visit.says("Nothing drawn yet")
    expect(visit.page.locator(".frame")).to_be_hidden()


def test_a_tap_on_a_picture_changes_nothing(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    asked = len(visit.sent)
    visit.draw([[(0.4, 0.4)]])
    visit.page.wait_for_timeout(200)
    assert frame_of(visit) == [0, 0, 100]
    assert len(visit.sent) == asked


def test_a_part_that_is_read_is_kept_only_when_one_asks_for_it(visit: Visit):
    hand_in(visit, saved(TWO, "PNG"))
    visit.says("Several digits")
    drag(visit, (0.02, 0.25), (0.5, 0.73))
    visit.says("Looks like a 7")
    assert visit.readings() == []
    visit.click("Keep it")
    expect(visit.page.locator(".reading strong")).to_have_text("7")


def test_a_finger_draws_and_moves_the_frame_and_the_page_stays_where_it_is(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    hand_in(visit, saved(TWO, "PNG"))
    visit.says("Several digits")
    finger = Finger(visit)
    finger.draw([[(0.03, 0.73), (0.5, 0.25)]])  # also upwards
    visit.says("Looks like a 7")
    finger.draw([[(0.26, 0.5), (0.77, 0.5)]])
    visit.says("Looks like a 3")
    assert visit.page.evaluate("scrollY") == 0
    assert visit.page.evaluate("visualViewport.scale") == 1


def test_keys_move_and_resize_the_frame(visit: Visit):
    hand_in(visit, saved(TWO, "PNG"))
    visit.says("Several digits")
    visit.page.locator("#upload").focus()
    frame = visit.page.locator(".frame")
    for _ in range(30):
        if frame.evaluate("frame => frame === document.activeElement"):
            break
        visit.press("Shift+Tab")
    expect(frame).to_be_focused()
    expect(frame).to_have_attribute("aria-label", "Frame around the whole picture")
    visit.press(*["-"] * 26, *["ArrowLeft"] * 12)
    assert frame_of(visit) == [2, 26, 48]
    visit.says("Looks like a 7")
    expect(frame).to_have_attribute(
        "aria-label", "Frame, 48% of the sheet’s side, 2% from its left and 26% from its top"
    )
    visit.press("Shift+ArrowRight", "+")
    assert frame_of(visit) == [0, 24, 52]
    visit.press("Home")
    assert frame_of(visit) == [0, 0, 100]
    visit.says("Several digits")
    visit.press("Control+z")
    assert frame_of(visit) == [0, 24, 52]
    visit.press("Escape")
    visit.says("Nothing drawn yet")


def test_a_key_that_is_held_is_one_step_for_undo(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    visit.page.locator(".frame").focus()
    for _ in range(10):
        visit.page.keyboard.down("-")
    visit.page.keyboard.up("-")
    assert frame_of(visit)[2] == 80
    visit.click("Undo")
    assert frame_of(visit)[2] == 100


def test_the_frame_goes_with_the_picture_and_comes_back_with_it(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    frame = visit.page.locator(".frame")
    expect(frame).to_be_visible()
    visit.page.get_by_text("Squares", exact=True).click()
    expect(frame).to_be_hidden()
    visit.page.get_by_text("Pen", exact=True).click()
    expect(frame).to_be_visible()
    visit.page.get_by_role("button", name="Draw a sample 3").click()
    expect(frame).to_be_hidden()


def test_a_phone_offers_its_camera_and_a_desk_does_not(open_page: Callable[..., Visit], visit: Visit):
    camera = "#camera"
    expect(visit.page.locator(".photograph")).to_be_hidden()
    phone = open_page(**PHONE)
    offered = phone.page.locator(".photograph")
    expect(offered).to_be_visible()
    expect(offered).to_have_text("Camera")
    assert phone.page.locator(camera).get_attribute("capture") == "environment"
    boxes = [
        phone.page.locator(name).bounding_box()
        for name in (".choice:not(.widths)", ".photograph", ".upload:not(.photograph)")
    ]
    for box, right in pairwise(boxes):
        assert box is not None
        assert right is not None
        assert box["x"] + box["width"] < right["x"]
        assert box["height"] >= 44
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    phone.page.locator(camera).set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture("JPEG")})
    phone.says("Looks like a 7")
