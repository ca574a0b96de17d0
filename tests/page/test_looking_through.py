"""Whose answer the page shows while one looks through another version: all that it says is of that one version."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.test_correction import ASKING
from tests.page.visit import Visit

pytestmark = pytest.mark.long

ZERO = "Draw a sample 0"
WITHHELD = "It may be a 0, which this version was never taught."


def card(visit: Visit, version: str) -> Locator:
    return visit.page.locator("#version-list button").filter(has_text=version)


def speaks_of(visit: Visit, version: str, figure: str) -> None:
    """The answer, its bars, the card that is marked, the link to the model and the line below the bars."""
    expect(visit.page.locator("#latency")).to_contain_text(f"by model {version}")
    expect(visit.page.locator("#figure")).to_have_text(figure)
    expect(visit.page.locator(".bar.best .label")).to_have_text(figure)
    expect(visit.page.locator("#version-list [aria-pressed=true] .name")).to_contain_text(version)
    expect(visit.page.locator("#version-list [aria-pressed=true]")).to_have_count(1)
    expect(visit.page.locator("#version-list [aria-pressed=true] .read")).to_have_text(figure)
    expect(visit.page.get_by_role("link", name="Model v")).to_have_text(f"Model {version}")


def look(visit: Visit, version: str = "v2.0") -> None:
    card(visit, version).click()


def asking(visit: Visit, *, asks: bool) -> None:
    visit.page.route("**/drawings", lambda route: route.fulfill(json={**route.fetch().json(), "asks": asks}))


def misread(visit: Visit) -> str:
    """What v1.0 makes of the 0 on the sheet, by its card."""
    read = card(visit, "v1.0").locator(".read")
    expect(read).not_to_have_text("–")
    figure = read.inner_text()
    assert figure in "123456789"
    return figure


def test_a_kept_drawing_is_shown_as_it_was_kept_and_only_that_answer_is_judged(compared: Callable[..., Visit]):
    visit = compared()
    asking(visit, asks=False)
    told: list[Any] = []
    visit.page.route("**/label", lambda route: (told.append(route.request.post_data_json), route.continue_()))
    look(visit)
    visit.click(ZERO)
    speaks_of(visit, "v2.0", "0")
    visit.says("Looks like a 0", "You look through v2.0. What you keep is read by v1.0.")
    wrong = misread(visit)
    visit.click("Keep it")
    expect(visit.page.locator("#note")).to_contain_text("It is in your list now, as v1.0 read it.")
    speaks_of(visit, "v1.0", wrong)
    assert visit.readings() == [wrong]
    right = visit.page.get_by_role("button", name="Right", exact=True)
    expect(right).to_be_visible()

    look(visit)  # another version's answer: nothing is judged
    visit.says("Looks like a 0", "You look through v2.0. Kept is what v1.0 read.")
    speaks_of(visit, "v2.0", "0")
    expect(right).to_be_hidden()
    visit.press("y", "0")
    visit.page.wait_for_timeout(100)
    assert told == []

    look(visit, "v1.0")  # the stored answer again
    speaks_of(visit, "v1.0", wrong)
    expect(right).to_be_visible()
    visit.press("0")
    visit.says(
        "I see no digit here" if wrong == "?" else visit.page.locator("#line").inner_text(), "Noted: it was a 0."
    )
    assert told == [{"label": "0"}]
    look(visit)
    visit.says("Looks like a 0", "Kept is what v1.0 read.")
    expect(visit.page.locator("#note")).not_to_contain_text("Noted")


def test_what_is_drawn_next_is_read_by_the_chosen_version_again_and_an_opened_reading_by_its_own(
    compared: Callable[..., Visit],
):
    visit = compared()
    asking(visit, asks=False)
    look(visit)
    visit.click(ZERO)
    speaks_of(visit, "v2.0", "0")
    wrong = misread(visit)
    visit.click("Keep it")
    speaks_of(visit, "v1.0", wrong)
    visit.click("Draw a sample 7")
    speaks_of(visit, "v2.0", "7")
    visit.click("Undo")
    speaks_of(visit, "v1.0", wrong)
    look(visit)
    speaks_of(visit, "v2.0", "0")
    visit.page.locator(".reading .open").click()
    speaks_of(visit, "v1.0", wrong)
    visit.click("Why?")
    expect(visit.page.locator("#legend-answer")).to_have_text(wrong)


def test_an_answer_that_asks_is_the_one_on_show(compared: Callable[..., Visit]):
    visit = compared()
    asking(visit, asks=True)
    look(visit)
    visit.click(ZERO)
    speaks_of(visit, "v2.0", "0")
    wrong = misread(visit)
    visit.click("Keep it")
    expect(visit.page.get_by_role("heading", name=ASKING)).to_be_visible()
    expect(visit.page.locator("#answers .yes")).to_have_text(f"Yes, {'an' if wrong == '8' else 'a'} {wrong}")
    expect(visit.page.locator("#figure")).to_have_text(wrong)
    look(visit)
    expect(visit.page.locator("#correction")).to_be_hidden()


def test_the_choice_lasts_for_the_visit(compared: Callable[..., Visit]):
    visit = compared()
    look(visit)
    visit.click(ZERO)
    speaks_of(visit, "v2.0", "0")
    visit.page.reload()
    speaks_of(visit, "v2.0", "0")
    visit.page.get_by_role("link", name="Model v").click()
    expect(visit.page.get_by_role("heading", name="Model v2.0")).to_be_visible()
    visit.page.go_back()
    speaks_of(visit, "v2.0", "0")
    look(visit, "v1.0")
    expect(visit.page.locator("#latency")).to_contain_text("by model v1.0")
    visit.page.reload()
    speaks_of(visit, "v1.0", misread(visit))


def test_a_sample_of_a_digit_that_another_version_knows_shows_what_this_one_makes_of_it(compared: Callable[..., Visit]):
    visit = compared()
    expect(visit.page.locator(".sample")).to_have_count(10)
    visit.click(ZERO)
    expect(visit.page.locator("#note")).to_contain_text(WITHHELD)
    speaks_of(visit, "v1.0", misread(visit))


def test_a_choice_of_a_version_that_is_served_no_longer_reads_by_the_one_that_answers(compared: Callable[..., Visit]):
    visit = compared()
    visit.page.evaluate("sessionStorage.setItem('pixelwise.version.1', 'v9.9')")
    visit.page.reload()
    visit.click("Draw a sample 7")
    speaks_of(visit, "v1.0", "7")
    assert "model=" not in json.dumps([request.url for request in visit.sent])
