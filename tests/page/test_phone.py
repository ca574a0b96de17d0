"""On a phone: what comes of a tap is in sight, wherever on the page it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.page.test_correction import ASKING, Reading
from tests.page.test_drawing import PHONE
from tests.page.visit import Visit

pytestmark = pytest.mark.long


def test_what_was_noted_is_in_sight(open_page: Callable[..., Visit]):
    reading = Reading(open_page(**PHONE))
    reading.visit.click("Wrong")
    reading.visit.click("It was a 0")
    reading.notes("Noted: it was a 0.")
    expect(reading.page.locator("#note")).to_be_in_viewport(ratio=1)


def test_that_an_answer_asks_is_said_beside_it_in_sight(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    Reading(visit, asks=True)
    said = visit.page.locator("#also")
    expect(said).to_have_text(ASKING)
    expect(said).to_be_in_viewport(ratio=1)
    for name in ("Right", "Wrong"):
        expect(visit.page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    visit.click("Right")
    expect(said).to_be_empty()


def test_what_was_wrong_is_asked_below_the_answer_and_the_drawing_stays_in_sight(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    Reading(visit)
    visit.click("Wrong")
    expect(visit.page.locator("#correction")).to_be_in_viewport(ratio=1)
    expect(visit.page.locator("#paper")).to_be_in_viewport(ratio=0.5)
    expect(visit.page.locator("#figure")).to_be_in_viewport(ratio=1)


def test_the_game_is_in_sight_once_it_is_open(compared: Callable[..., Visit]):
    visit = compared(**PHONE)
    visit.click("Fool it")
    expect(visit.page.locator("#game")).to_be_in_viewport(ratio=1)
