"""First glance: drawing, answer and what to say of it are in sight in every window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.page.visit import SEVEN, Visit

pytestmark = pytest.mark.long

WINDOWS = {
    "a phone": (360, 740),
    "a phone held sideways": (740, 360),
    "a desktop at 200%": (640, 400),
    "a short window": (1280, 500),
    "a desktop": (1280, 800),
    "a large screen": (1920, 1080),
}


@pytest.mark.parametrize(("width", "height"), WINDOWS.values(), ids=WINDOWS.keys())
def test_drawing_answer_and_what_to_say_of_it_are_in_sight(compared: Callable[..., Visit], width: int, height: int):
    visit = compared(viewport={"width": width, "height": height})
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.page.evaluate("scrollTo(0, 0)")
    boxes = {
        name: visit.page.locator(name).bounding_box()
        for name in ("#paper", "#figure", "#line", "#right", "#wrong", ".what")
    }
    for name, box in boxes.items():
        assert box is not None, name
        assert box["y"] >= 0, name
        assert box["y"] + box["height"] <= height, name
        assert box["x"] + box["width"] <= width, name
    paper, figure = boxes["#paper"], boxes["#figure"]
    assert paper is not None and figure is not None
    assert figure["height"] >= 40
    distance = max(figure["y"] - (paper["y"] + paper["height"]), figure["x"] - (paper["x"] + paper["width"]))
    assert distance < 80
