"""Saying what was drawn: by tap, by key, with a screen reader; the last word counts, and nothing moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.page.test_look import CONTRASTS, SHIFT
from tests.page.test_words import refuse
from tests.page.visit import SEVEN, THREE, Stroke, Visit

pytestmark = pytest.mark.long

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
ASKING = "Was this right? You are asked one time in ten, to count how often it is."


class Reading:
    """A drawing that was read and stored, and what the page tells the service about it.

    Attributes:
        told: (method, label) of each request, in order.
    """

    def __init__(self, visit: Visit, strokes: list[Stroke] = SEVEN, label: str = "7", **parts: Any) -> None:
        """parts: of the service's answer, in the place of its own."""
        self.visit, self.page = visit, visit.page
        self.told: list[tuple[str, str | None]] = []
        self.page.route("**/label", self._note)
        self.page.route("**/drawings", lambda route: route.fulfill(json={**route.fetch().json(), **parts}))
        visit.draw(strokes)
        visit.says(f"Looks like a {label}")
        visit.click("Keep it")
        expect(self.page.locator(".reading strong").first).to_have_text(label)

    def _note(self, route: Route) -> None:
        request = route.request
        self.told.append((request.method, json.loads(request.post_data or "{}").get("label")))
        route.continue_()

    def stored(self) -> str | None:
        """What the service knows of the newest answer."""
        script = "fetch('results?limit=1').then((response) => response.json())"
        return self.page.evaluate(script)["results"][0]["label"]

    def notes(self, said: str) -> None:
        expect(self.page.get_by_role("status").locator("#note")).to_have_text(said)

    @property
    def question(self) -> Locator:
        return self.page.locator("#correction")

    def lists(self, text: str) -> None:
        """The newest entry of the list, as it is read out."""
        expect(self.page.locator(".reading").first.locator("strong, .unseen").last).to_have_text(text)


# -- by tap ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "label", "said", "listed"),
    [
        ("Yes, a 7", "7", "Noted: right, it was a 7.", ", right"),
        ("It was a 7", "7", "Noted: right, it was a 7.", ", right"),
        ("It was a 1", "1", "Noted: it was a 1.", ", it was a 1"),
        ("It was an 8", "8", "Noted: it was an 8.", ", it was an 8"),
        ("It was a 0", "0", "Noted: it was a 0.", ", it was a 0"),
        ("Not a digit", "not-a-digit", "Noted: it was no digit.", ", it was no digit"),
    ],
)
def test_where_an_answer_asks_one_tap_says_what_was_drawn(
    open_page: Callable[..., Visit], button: str, label: str, said: str, listed: str
):
    reading = Reading(open_page(**PHONE), asks=True)
    expect(reading.page.get_by_role("heading", name=ASKING)).to_be_visible()
    reading.page.get_by_role("button", name=button, exact=True).tap()
    reading.notes(said)
    expect(reading.question).to_be_hidden()
    assert reading.told == [("POST", label)]
    assert reading.stored() == label
    reading.lists(listed)


def test_where_none_asks_one_tap_says_right_and_two_say_what_it_was(visit: Visit):
    reading = Reading(visit)
    expect(reading.question).to_be_hidden()
    visit.click("Right")
    reading.notes("Noted: right, it was a 7.")
    expect(visit.page.get_by_role("button", name="Right", pressed=True)).to_be_visible()
    visit.click("Wrong")
    expect(visit.page.get_by_role("heading", name="Was this right?", exact=True)).to_be_visible()
    expect(visit.page.locator("#bars")).to_be_hidden()
    visit.click("It was a 1")
    reading.notes("Noted: it was a 1.")
    expect(visit.page.locator("#bars")).to_be_visible()
    expect(visit.page.get_by_role("button", name="Right", pressed=False)).to_be_visible()
    assert reading.stored() == "1"


def test_the_last_word_counts(visit: Visit):
    reading = Reading(visit)
    for key, said in (("1", "it was a 1"), ("x", "it was no digit"), ("4", "it was a 4")):
        visit.press(key)
        reading.notes(f"Noted: {said}.")
    assert reading.stored() == "4"
    visit.click("Wrong")
    expect(reading.question.locator("[aria-pressed=true]")).to_have_text("4")


def test_what_was_said_can_be_taken_back(visit: Visit):
    reading = Reading(visit)
    visit.click("Wrong")
    expect(visit.page.get_by_role("button", name="Take it back")).to_be_hidden()
    visit.click("It was a 1")
    reading.notes("Noted: it was a 1.")
    visit.click("Wrong")
    visit.click("Take it back")
    reading.notes("Taken back.")
    assert reading.told[-1] == ("DELETE", None)
    assert reading.stored() is None
    reading.lists("7")
    visit.click("Wrong")
    expect(reading.question.locator("[aria-pressed=true]")).to_have_count(0)


def test_the_service_hears_the_last_word_last_and_those_between_not_at_all(visit: Visit):
    reading = Reading(visit)
    held: list[Route] = []
    visit.page.route("**/label", lambda route: held.append(route) if not held else route.fallback())
    visit.press("1")
    visit.wait_for(lambda: len(held) == 1)
    visit.press("2", "3", "4")
    visit.page.wait_for_timeout(100)
    assert reading.told == []
    held[0].fallback()
    reading.notes("Noted: it was a 4.")
    assert reading.told == [("POST", "1"), ("POST", "4")]
    assert reading.stored() == "4"


def test_the_question_can_be_put_aside_and_asked_for(visit: Visit):
    reading = Reading(visit, asks=True)
    visit.click("Show the scores")
    expect(reading.question).to_be_hidden()
    expect(visit.page.locator("#bars")).to_be_visible()
    visit.click("Wrong")
    expect(reading.question).to_be_visible()
    assert reading.told == []


def test_only_the_drawing_that_was_read_can_be_labelled(visit: Visit):
    right = visit.page.get_by_role("button", name="Right", exact=True)
    expect(right).to_be_hidden()
    reading = Reading(visit, asks=True)
    expect(reading.question).to_be_visible()
    visit.draw([[(0.9, 0.9)]])
    expect(reading.question).to_be_hidden()
    expect(right).to_be_hidden()
    visit.press("1", "y", "x")
    visit.click("Undo")  # the read one again
    expect(reading.question).to_be_visible()
    visit.press("2")
    reading.notes("Noted: it was a 2.")
    visit.click("Clear")
    expect(right).to_be_hidden()
    visit.press("3")
    visit.click("Undo")
    visit.says("Looks like a 7", "Noted: it was a 2.")
    expect(right).to_be_visible()
    expect(reading.question).to_be_hidden()
    visit.click("Wrong")
    expect(reading.question.locator("[aria-pressed=true]")).to_have_text("2")
    assert reading.told == [("POST", "2")]


def test_each_reading_of_the_list_keeps_its_label_also_after_a_reload(visit: Visit):
    reading = Reading(visit)
    visit.press("1")
    reading.notes("Noted: it was a 1.")
    visit.click("Clear")
    second = Reading(visit, THREE, "3")
    visit.press("y")
    second.notes("Noted: right, it was a 3.")
    visit.page.reload()
    assert visit.readings() == ["3", "7"]
    assert visit.page.locator(".reading .unseen").all_inner_texts() == [", right", ", it was a 1"]
    assert visit.page.locator(".reading .said").all_inner_texts() == ["✓", "→ 1"]


def test_where_it_is_switched_off_nothing_asks_and_no_key_says_anything(visit: Visit):
    visit.page.route("**/visit", lambda route: route.fulfill(json={**route.fetch().json(), "show_correction": False}))
    visit.page.reload()
    reading = Reading(visit, asks=True)
    expect(reading.question).to_be_hidden()
    expect(visit.page.get_by_role("button", name="Right", exact=True)).to_be_hidden()
    visit.press("1", "y", "x")
    visit.page.wait_for_timeout(100)
    assert reading.told == []


# -- by key ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "label"),
    [*((digit, digit) for digit in "0123456789"), ("y", "7"), ("Y", "7"), ("x", "not-a-digit")],
)
def test_a_key_says_what_was_drawn(visit: Visit, key: str, label: str):
    reading = Reading(visit)
    visit.press(key)
    expect(visit.page.locator("#note")).to_contain_text("Noted: ")
    assert reading.told == [("POST", label)]


def test_keys_say_something_only_where_they_have_no_other_meaning(visit: Visit):
    reading = Reading(visit)
    visit.press("Control+1", "Alt+2", "Meta+3", "a", "-", "F1")
    visit.press("?")
    visit.press("4")
    visit.click("Close")
    visit.page.wait_for_timeout(100)
    assert reading.told == []


def test_a_key_that_is_held_down_says_it_once(visit: Visit):
    reading = Reading(visit)
    for _ in range(3):
        visit.page.keyboard.down("1")
        reading.notes("Noted: it was a 1.")
        visit.page.wait_for_timeout(50)
    visit.page.keyboard.up("1")
    assert reading.told == [("POST", "1")]


def test_who_draws_on_the_squares_says_it_by_key_too(visit: Visit):
    """The squares have no use for digits."""
    reading = Reading(visit)
    visit.click("Clear")
    visit.page.get_by_role("radio", name="Squares").focus()
    visit.press("Space")
    visit.page.locator("#grid-sheet [tabindex='0']").focus()
    visit.press(*["ArrowUp"] * 9, "Space", *["Shift+ArrowDown"] * 18)
    visit.says("Looks like a 1")
    visit.press("Enter")
    expect(visit.page.locator(".reading")).to_have_count(2)
    visit.press("7")
    reading.notes("Noted: it was a 7.")
    assert reading.told == [("POST", "7")]


def test_the_question_is_answered_with_the_keyboard_alone(visit: Visit):
    reading = Reading(visit)
    wrong = visit.page.get_by_role("button", name="Wrong")
    wrong.focus()
    visit.press("Enter")
    expect(reading.question).to_be_focused()
    visit.press("Tab", "Tab", "Tab")
    expect(visit.page.get_by_role("button", name="It was a 0")).to_be_focused()
    visit.press("Enter")
    reading.notes("Noted: it was a 0.")
    expect(wrong).to_be_focused()


def test_escape_in_the_question_closes_it_and_clears_nothing(visit: Visit):
    reading = Reading(visit)
    visit.click("Wrong")
    visit.press("Tab", "Escape")
    expect(reading.question).to_be_hidden()
    expect(visit.page.get_by_role("button", name="Wrong")).to_be_focused()
    visit.says("Looks like a 7")
    assert reading.told == []


# -- for a screen reader -----------------------------------------------------------------------------------------------


def test_the_status_says_that_an_answer_asks_until_it_is_answered(visit: Visit):
    reading = Reading(visit, asks=True)
    status = visit.page.get_by_role("status")
    expect(status).to_contain_text(ASKING)
    visit.press("7")
    reading.notes("Noted: right, it was a 7.")
    expect(status).not_to_contain_text(ASKING)


def test_the_question_is_a_region_with_its_name_and_says_what_is_chosen(visit: Visit):
    reading = Reading(visit, asks=True)
    expect(visit.page.get_by_role("region", name=ASKING)).to_be_visible()
    visit.press("2")
    reading.notes("Noted: it was a 2.")
    visit.click("Wrong")
    region = visit.page.get_by_role("region", name=ASKING)
    expect(region.get_by_role("button", name="It was a 2", pressed=True)).to_be_visible()
    expect(region.locator("[aria-pressed=false]")).to_have_count(11)


# -- when it cannot be noted -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, "Not noted: the service is busy. Say it again."),
        (429, "Not noted: the service is busy. Say it again."),
        (500, "Not noted: the service made a mistake. Say it again."),
    ],
)
def test_a_refusal_is_said_and_it_can_be_said_again(visit: Visit, status: int, said: str):
    visit.expect_refusals()
    reading = Reading(visit, asks=True)
    visit.page.route("**/label", refuse(status, seconds="1", times=1), times=1)
    visit.press("2")
    reading.notes(said)
    expect(reading.question).to_be_visible()
    expect(reading.question.locator("[aria-pressed=true]")).to_have_count(0)
    reading.lists("7")
    visit.press("2")
    reading.notes("Noted: it was a 2.")
    assert reading.stored() == "2"


def test_a_refused_change_leaves_what_was_noted_before(visit: Visit):
    visit.expect_refusals()
    reading = Reading(visit)
    visit.press("1")
    reading.notes("Noted: it was a 1.")
    visit.page.route("**/label", refuse(503, times=1), times=1)
    visit.press("2")
    reading.notes("Not noted: the service is busy. Say it again.")
    reading.lists(", it was a 1")
    visit.click("Wrong")
    expect(reading.question.locator("[aria-pressed=true]")).to_have_text("1")


def test_a_lost_connection_is_said(visit: Visit):
    visit.expect_refusals()
    reading = Reading(visit)
    visit.context.set_offline(True)
    visit.press("2")
    reading.notes("Not noted: no connection. Say it again.")


# -- how it looks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 360, 820, 1280])
@pytest.mark.parametrize("asks", [False, True])
def test_nothing_moves_while_one_says_what_was_drawn(open_page: Callable[..., Visit], width: int, asks: bool):
    visit = open_page(viewport={"width": width, "height": 1600})
    reading = Reading(visit, asks=asks)
    if not asks:
        visit.click("Wrong")
    visit.click("It was a 1")
    reading.notes("Noted: it was a 1.")
    visit.click("Right")
    reading.notes("Noted: right, it was a 7.")
    visit.click("Wrong")
    visit.click("Take it back")
    reading.notes("Taken back.")
    visit.click("Clear")
    assert visit.page.evaluate(SHIFT) < 0.01
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 360, 820, 1280])
def test_every_button_is_large_enough_for_a_finger(open_page: Callable[..., Visit], width: int):
    visit = open_page(viewport={"width": width, "height": 740})
    reading = Reading(visit)

    def sizes(buttons: Locator) -> list[float]:
        boxes = [button.bounding_box() for button in buttons.all()]
        return [min(box["width"], box["height"]) for box in boxes if box is not None]

    quiet = sizes(visit.page.locator("#feedback button"))
    visit.press("1")
    reading.notes("Noted: it was a 1.")
    visit.click("Wrong")
    loud = sizes(reading.question.get_by_role("button"))
    assert (len(quiet), len(loud)) == (2, 14)
    assert min(quiet + loud) >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_it_can_be_read(open_page: Callable[..., Visit], scheme: str):
    visit = open_page(color_scheme=scheme)
    reading = Reading(visit, asks=True)
    visit.press("2")
    reading.notes("Noted: it was a 2.")
    quiet = visit.page.evaluate(CONTRASTS)
    visit.click("Wrong")
    loud = visit.page.evaluate(CONTRASTS)
    assert {"Right", "Wrong", "→ 2"} <= {text for text, _ in quiet}
    assert {ASKING, "Not a digit", "Take it back"} <= {text for text, _ in loud}
    assert [(text, contrast) for text, contrast in quiet + loud if contrast < 4.5] == []
