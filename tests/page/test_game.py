"""The game: who is fooled by a drawing, who is not, and why; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.page.test_why import asked, explained
from tests.page.visit import SEVEN, Visit

pytestmark = pytest.mark.long
BUSY = {"error": "overloaded", "message": "", "remedy": ""}
NOT_A_DIGIT = {"name": "not-a-digit", "remedy": ""}
ASKED = "Draw a digit that people would read, and a version misreads. Which one do you draw?"


def says(visit: Visit, **read: Any) -> None:
    """Has versions read this in every drawing: a digit, and with it "?" where unsure, "-" where it sees no digit; or ""
    where they are too busy for it."""

    def reading(answer: dict[str, Any]) -> dict[str, Any]:
        said = read[answer["model_version"].replace(".", "_")]
        findings = [NOT_A_DIGIT] if "-" in said else []
        return {**answer, "prediction": said[0], "unsure": len(said) > 1, "findings": findings}

    def answer(route: Route) -> None:
        said = route.fetch().json()
        beside = [
            {**one, "answer": reading(one["answer"])}
            if read[one["model_version"].replace(".", "_")]
            else {**one, "answer": None, "refusal": BUSY}
            for one in said.get("beside", [])
        ]
        route.fulfill(json={**said, **reading(said), "beside": beside})

    visit.page.route("**/drawings/preview?**", answer)


def play(visit: Visit, digit: str = "7") -> None:
    visit.click("Fool it")
    expect(visit.page.locator("#game-words")).to_have_text(ASKED)
    visit.click(f"I draw {digit}")
    expect(visit.page.locator("#game-words")).to_have_text(f"Draw your {digit} now, as strangely as you like.")
    visit.page.evaluate("scrollTo(0, 0)")
    visit.draw(SEVEN)


@pytest.mark.parametrize(
    ("read", "words", "fooled"),
    [
        ({"v1_0": "7", "v1_1": "7", "v2_0": "7"}, "Nobody is fooled: v1.0, v1.1 and v2.0 read your 7.", ""),
        ({"v1_0": "1?", "v1_1": "7", "v2_0": "7"}, "v1.0 wavers, but nobody is fooled.", ""),
        ({"v1_0": "1?", "v1_1": "1?-", "v2_0": "7"}, "v1.0 and v1.1 waver, but nobody is fooled.", ""),
        (
            {"v1_0": "1", "v1_1": "7", "v2_0": "7"},
            "v1.0 is fooled: it is sure of a 1. v1.1 and v2.0 still read your 7.",
            "v1.0",
        ),
        (
            {"v1_0": "7?", "v1_1": "8", "v2_0": "1"},
            "v1.1 is fooled: it is sure of an 8. So is v2.0. v1.0 still reads your 7.",
            "v1.1",
        ),
        (
            {"v1_0": "1", "v1_1": "1", "v2_0": "2"},
            "v1.0 is fooled: it is sure of a 1. So are v1.1 and v2.0. No version reads your 7: would people?",
            "v1.0",
        ),
        (
            {"v1_0": "1", "v1_1": "", "v2_0": "1"},
            "v1.0 is fooled: it is sure of a 1. So is v2.0. No version that was asked reads your 7: would people? "
            "v1.1 was busy and could not be asked.",
            "v1.0",
        ),
        (
            {"v1_0": "7", "v1_1": "", "v2_0": ""},
            "Nobody is fooled: v1.0 reads your 7. v1.1 and v2.0 were busy and could not be asked.",
            "",
        ),
        (
            {"v1_0": "1?", "v1_1": "", "v2_0": "7"},
            "v1.0 wavers, but nobody is fooled. v1.1 was busy and could not be asked.",
            "",
        ),
    ],
)
def test_it_says_who_is_fooled(compared: Callable[..., Visit], read: dict[str, str], words: str, fooled: str):
    visit = compared()
    says(visit, **read)
    play(visit)
    expect(visit.page.locator("#game-words")).to_have_text(words)
    why = visit.page.locator("#fooled-why")
    if fooled:
        expect(why).to_have_text(f"Why did {fooled} read that?")
    else:
        expect(why).to_be_hidden()
    assert visit.stored() == []


def test_it_shows_why_through_the_version_that_was_fooled(compared: Callable[..., Visit]):
    visit = compared()
    says(visit, v1_0="7", v1_1="1", v2_0="7")
    play(visit)
    visit.click("Why did v1.1 read that?")
    explained(visit)
    expect(visit.page.locator("#version-list [aria-pressed=true] .name")).to_contain_text("v1.1")
    expect(visit.page.locator("#latency")).to_contain_text("by model v1.1")
    assert {one["model"][0] if "model" in one else None for one in asked(visit) if "explain" in one} == {"v1.1"}
    assert visit.stored() == []


def test_with_one_version_people_judge(visit: Visit):
    visit.click("Fool it")
    visit.click("I draw 4")
    visit.page.evaluate("scrollTo(0, 0)")
    visit.draw(SEVEN)
    expect(visit.page.locator("#game-words")).to_have_text(
        "v1.0 is fooled: it is sure of a 7. No version reads your 4: would people?"
    )
    visit.click("Fool it")
    expect(visit.page.locator("#game")).to_be_hidden()


def test_what_lay_there_before_a_digit_was_chosen_is_cleared_and_does_not_count(visit: Visit):
    words = visit.page.locator("#game-words")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Fool it")
    visit.click("I draw 4")
    expect(words).to_have_text(
        "Draw your 4 now, as strangely as you like. “Undo” brings back what lay here; it does not count."
    )
    visit.says("Nothing drawn yet")
    visit.press("Control+z")
    visit.says("Looks like a 7")
    from_before = "What lies here is from before you chose, and does not count. Clear it, and draw your 4."
    expect(words).to_have_text(from_before)
    expect(visit.page.locator("#game.won")).to_have_count(0)
    visit.click("Clear")
    visit.page.evaluate("scrollTo(0, 0)")
    visit.draw(SEVEN)
    expect(words).to_contain_text("v1.0 is fooled: it is sure of a 7.")
    visit.click("I draw 2")  # another round: what won the last one does not win it
    visit.press("Control+z")
    visit.says("Looks like a 7")
    expect(words).to_have_text(from_before.replace("4", "2"))


def test_it_is_played_by_keyboard(visit: Visit):
    visit.page.get_by_role("button", name="Fool it").focus()
    visit.press("Enter")
    expect(visit.page.locator("#game")).to_be_visible()
    visit.page.get_by_role("button", name="I draw 1", exact=True).focus()
    visit.press("Space")
    expect(visit.page.locator("#game-words")).to_contain_text("Draw your 1 now")


def test_escape_elsewhere_closes_the_game_first_and_clears_the_drawing_after_that(visit: Visit):
    visit.click("Fool it")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.evaluate("document.activeElement.blur()")
    visit.press("Escape")
    expect(visit.page.locator("#game")).to_be_hidden()
    visit.says("Looks like a 7")
    visit.press("Escape")
    visit.says("Nothing drawn yet")


def test_it_says_that_nothing_is_kept_until_something_is(visit: Visit):
    visit.click("Fool it")
    visit.page.evaluate("scrollTo(0, 0)")
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    said = visit.page.locator("#game-kept")
    expect(said).to_have_text("Nothing of it is kept unless you keep it.")
    visit.click("Keep it")
    expect(said).to_have_text("You kept this one.")
    visit.click("Clear")
    expect(said).to_have_text("Nothing of it is kept unless you keep it.")


def test_escape_in_the_game_closes_it_and_clears_nothing(compared: Callable[..., Visit]):
    visit = compared()
    play(visit)
    visit.says("Looks like a 7")
    visit.page.get_by_role("button", name="I draw 7").focus()
    visit.press("Escape")
    expect(visit.page.locator("#game")).to_be_hidden()
    expect(visit.page.get_by_role("button", name="Fool it")).to_be_focused()
    visit.says("Looks like a 7")
