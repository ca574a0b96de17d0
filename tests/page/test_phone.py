"""On a phone: what comes of a tap is in sight, wherever on the page it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.page.test_correction import Reading
from tests.page.test_drawing import PHONE
from tests.page.visit import Visit

pytestmark = pytest.mark.long


def test_what_was_noted_is_in_sight(open_page: Callable[..., Visit]):
    reading = Reading(open_page(**PHONE))
    reading.visit.click("Wrong")
    reading.visit.click("It was a 0")
    reading.notes("Noted: it was a 0.")
    expect(reading.page.locator("#note")).to_be_in_viewport(ratio=1)


def test_the_game_is_in_sight_once_it_is_open(compared: Callable[..., Visit]):
    visit = compared(**PHONE)
    visit.click("Fool it")
    expect(visit.page.locator("#game")).to_be_in_viewport(ratio=1)
