"""What the page says in words, also when the service is busy, gone or says no."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from app.drawing import recipe
from app.drawing.ring_of_zero import MAY_BE_WITHHELD
from app.drawing.skew import (
    BARE,
    FAINT_PAPER,
    FRAME,
    LINES,
    NOT_A_DIGIT,
    WRONG_SHAPES,
    WRONG_VALUES,
    Finding,
    several_digits,
    tiny,
)
from app.model.unsure import certainties
from tests.conftest import long
from tests.page.visit import ANSWER, SEVEN, Visit

pytestmark = pytest.mark.long


def refuse(status: int, *, seconds: str | None = None, times: int = 1_000) -> Callable[[Route], None]:
    """A service that refuses the first few drawings."""
    left = [times]

    def answer(route: Route) -> None:
        left[0] -= 1
        if left[0] < 0:
            return route.continue_()
        body = {"error": "", "message": "The queue is full.", "remedy": "Try again in a moment."}
        return route.fulfill(status=status, json=body, headers={"retry-after": seconds} if seconds else {})

    return answer


def test_a_digit_that_this_version_cannot_read_is_named(visit: Visit):
    expect(visit.page.locator(".bar").first).to_have_text("0this version cannot read 0")
    assert visit.page.locator(".bar .label").all_inner_texts() == list("0123456789")


SERVED = {
    "model_version": "v1.0",
    "classes": list("123456789"),
    "withheld": ["0"],
    "show_correction": True,
    "temperature": None,
    "unsure_by": "confidence",
    "unsure_below": 0.8,
    "pictures_in_scope": False,
    "versions": [],
}
SURE_NETWORK = {**ANSWER, "scores": {"4": 0.999, "9": 0.0008, "1": 0.0002}, "confidence": 0.999}


def serve(visit: Visit, answer: dict[str, Any], **served: Any) -> None:
    """From here on the page is answered so, by a version that says this of itself."""
    visit.page.route("**/visit", lambda route: route.fulfill(json={**SERVED, **served}))
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json=answer))
    visit.page.reload()


def test_the_bars_of_a_version_that_measured_a_temperature_are_calibrated(visit: Visit):
    (certainty,) = certainties(np.array([list(SURE_NETWORK["scores"].values())]), 3.5)
    serve(visit, {**SURE_NETWORK, "certainty": certainty}, temperature=3.5)
    visit.draw(SEVEN)
    visit.says("Looks like a 4")
    expect(visit.page.locator(".bar.best")).to_have_text(f"4{math.floor(certainty * 1000) / 10:.1f}%")
    numbers = visit.page.locator(".bar .number").all_inner_texts()
    assert sum(float(number.removesuffix("%")) for number in numbers if number != "–") == pytest.approx(100, abs=1)
    expect(visit.page.locator("#latency")).to_contain_text(f"{math.floor(certainty * 100)}% sure · answered in ")
    heading = visit.page.get_by_role("heading", name="How sure of each digit")
    expect(heading).to_be_visible()
    visit.click("Clear")
    visit.says("Nothing drawn yet")
    expect(heading).to_be_visible()


def test_nothing_is_100_percent_sure(visit: Visit):
    serve(visit, {**SURE_NETWORK, "certainty": 1.0}, temperature=3.5)
    visit.draw(SEVEN)
    expect(visit.page.locator("#latency")).to_contain_text("99% sure · answered in ")


def test_where_there_is_no_digit_there_is_nothing_to_keep(visit: Visit):
    nothing = {**ANSWER, "prediction": None, "confidence": None, "scores": {}}
    several = {**nothing, "findings": [{"name": "several-digits", "remedy": "Draw one alone."}]}
    serve(visit, several)
    visit.page.route("**/drawings", lambda route: route.fulfill(json=several))
    visit.draw(SEVEN)
    visit.says("Several digits", "Draw one alone.")
    expect(visit.page.locator("#note")).not_to_contain_text("keep")
    visit.click("Keep it")
    visit.says("Several digits", "Draw one alone. So there is nothing to keep.")
    expect(visit.page.locator(".reading")).to_have_count(0)


def test_the_bars_of_a_version_that_measured_none_are_its_scores_and_nothing_is_said_of_how_sure(visit: Visit):
    serve(visit, SURE_NETWORK)
    visit.draw(SEVEN)
    visit.says("Looks like a 4")
    expect(visit.page.locator(".bar.best")).to_have_text("499.9%")
    expect(visit.page.get_by_role("heading", name="Every digit’s score")).to_be_visible()
    expect(visit.page.locator("#latency")).to_have_text(re.compile(r"^Answered in \d+ ms by model v1.0$"))


def test_the_temperature_of_one_version_is_not_taken_for_another_one(visit: Visit):
    """Which version answers may change between two answers; until it is known, its scores are shown as they are."""
    serve(visit, {**SURE_NETWORK, "model_version": "v9.0"}, temperature=3.5)
    visit.draw(SEVEN)
    visit.says("Looks like a 4")
    expect(visit.page.locator(".bar.best")).to_have_text("499.9%")


def test_a_calibrated_share_keeps_the_order_and_its_sum_is_1(visit: Visit):
    script = "([scores, t]) => import('/page/maths.js').then((maths) => maths.calibrated(scores, t))"
    scores = {"1": 0.99, "2": 0.0099, "3": 0.0001, "4": 0}
    found = visit.page.evaluate(script, [scores, 3.5])
    assert sorted(found, key=found.get) == sorted(scores, key=scores.get)
    assert sum(found.values()) == pytest.approx(1)
    assert found["1"] == pytest.approx(certainties(np.array([list(scores.values())]), 3.5)[0])
    assert [visit.page.evaluate(script, [one, t]) for one, t in ((scores, None), ({}, 3.5))] == [scores, {}]


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (BARE, "Nothing to read"),
        (Finding("new", "Turn it upright."), "No digit to read"),
        *long(
            (FAINT_PAPER, "Too faint to read"),
            (FRAME, "A frame, and no digit in it"),
            (LINES, "The paper’s lines are in the way"),
            (several_digits(3), "Several digits"),
            (tiny(5), "Too small to read"),
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_the_service_s_way_out(visit: Visit, finding: Finding, line: str):
    nothing = {**ANSWER, "prediction": None, "confidence": None, "scores": {}, "findings": [finding._asdict()]}
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json=nothing))
    visit.draw(SEVEN)
    visit.says(line)
    expect(visit.page.locator("#note")).to_have_text(finding.remedy)
    expect(visit.page.locator("#figure")).to_be_empty()


def test_whatever_the_recipe_finds_no_digit_for_has_a_headline(visit: Visit):
    """Its findings are those that it imports, and those that what it imports makes of a number."""
    names = {value.name for value in vars(recipe).values() if isinstance(value, Finding)}
    makers = [
        value for value in vars(recipe).values() if getattr(value, "__annotations__", {}).get("return") == "Finding"
    ]
    names |= {make(5).name for make in makers}
    assert {BARE.name, LINES.name, several_digits(2).name, tiny(5).name} <= names
    lines = visit.page.evaluate("import('/page/words.js').then((words) => words.UNREAD)")
    assert set(lines) == names
    assert len(set(lines.values())) == len(names)


def test_a_digit_that_may_be_one_of_those_never_taught_is_said_beside_the_answer(visit: Visit):
    findings = [MAY_BE_WITHHELD._asdict()]
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json={**ANSWER, "findings": findings}))
    visit.draw(SEVEN)
    visit.says("Looks like a 4", "It may be a 0, which this version was never taught.")


CERTAIN = {"temperature": 3.5, "unsure_by": "certainty", "unsure_below": 0.85}


def test_of_an_unsure_answer_the_page_says_how_sure_and_below_what(visit: Visit):
    serve(visit, {**ANSWER, "certainty": 0.829, "unsure": True}, **CERTAIN)
    visit.draw(SEVEN)
    visit.says("Unsure: 4 or 9")
    expect(visit.page.locator("#latency")).to_contain_text("82% sure, unsure below 85% · answered in ")


def test_below_what_another_version_is_unsure_is_not_said_of_this_one(visit: Visit):
    serve(visit, {**ANSWER, "certainty": 0.829, "unsure": True, "model_version": "v9.0"}, **CERTAIN)
    visit.draw(SEVEN)
    visit.says("Unsure: 4 or 9")
    expect(visit.page.locator("#latency")).to_contain_text("82% sure · answered in ")


def test_how_sure_it_is_is_not_said_of_what_may_be_a_digit_never_taught(visit: Visit):
    """No score speaks of that digit."""
    findings = [MAY_BE_WITHHELD._asdict()]
    serve(visit, {**ANSWER, "certainty": 0.65, "unsure": True, "findings": findings}, **CERTAIN)
    visit.draw(SEVEN)
    visit.says("Unsure: 4 or 9", "It may be a 0")
    expect(visit.page.locator("#latency")).to_have_text(re.compile(r"^Answered in \d+ ms by model v1.0$"))


def test_what_looks_like_no_digit_is_called_so_and_what_it_would_be_is_said_all_the_same(visit: Visit):
    serve(visit, {**ANSWER, "certainty": 0.41, "unsure": True, "findings": [NOT_A_DIGIT._asdict()]}, **CERTAIN)
    visit.draw(SEVEN)
    visit.says("I see no digit here", "If it is a digit, it is a 4.")
    expect(visit.page.locator("#latency")).to_have_text(re.compile(r"^Answered in \d+ ms by model v1.0$"))


@pytest.mark.parametrize(("finding", "said"), [(MAY_BE_WITHHELD, "may be a 0"), (NOT_A_DIGIT, "may be no digit")])
def test_nor_beside_it_in_the_list(visit: Visit, finding: Finding, said: str):
    findings = [finding._asdict()]
    answer = {**ANSWER, "id": "0", "certainty": 0.65, "unsure": True, "asks": False, "findings": findings}
    visit.page.route("**/drawings", lambda route: route.fulfill(json=answer))
    visit.draw(SEVEN)
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_contain_text(said)
    expect(visit.page.locator(".reading")).not_to_contain_text("%")


def test_how_sure_and_how_fast_an_answer_was_goes_with_it(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    expect(visit.page.locator("#latency")).not_to_be_empty()
    visit.click("Clear")
    visit.says("Nothing drawn yet")
    expect(visit.page.locator("#latency")).to_be_empty()


def test_every_class_has_a_bar_and_its_number(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    numbers = visit.page.locator(".bar .number").all_inner_texts()
    assert len(numbers) == 9
    assert sum(float(number.removesuffix("%")) for number in numbers) == pytest.approx(100, abs=1)
    widths = visit.page.locator(".bar .fill").evaluate_all("fills => fills.map(f => f.getBoundingClientRect().width)")
    assert widths.index(max(widths)) == 6


def test_the_page_says_which_two_digits_it_hesitates_between(visit: Visit):
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json={**ANSWER, "unsure": True}))
    visit.draw(SEVEN)
    visit.says("Unsure: 4 or 9")


def test_every_finding_has_a_sentence_of_its_own(visit: Visit):
    names = {
        finding.name
        for findings in (*WRONG_VALUES, *WRONG_SHAPES, (MAY_BE_WITHHELD,), (NOT_A_DIGIT,))
        for finding in findings
    }
    sentences = visit.page.evaluate("import('/page/words.js').then((words) => words.FINDINGS)")
    assert set(sentences) == names
    assert len(set(sentences.values())) == len(names)


def test_findings_are_said_and_an_unknown_one_in_the_service_s_words(visit: Visit):
    findings = [{"name": "off-centre", "remedy": "-"}, {"name": "new", "remedy": "Turn it upright."}]
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json={**ANSWER, "findings": findings}))
    visit.draw(SEVEN)
    visit.says("Looks like a 4", "It looks off-centre: move it to the middle. Turn it upright.")


def test_a_text_of_the_service_is_never_markup(visit: Visit):
    findings = [{"name": "new", "remedy": "<img src=x onerror=alert(1)>"}]
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json={**ANSWER, "findings": findings}))
    visit.draw(SEVEN)
    visit.says("Looks like a 4", "<img src=x")
    assert visit.page.locator("#note img").count() == 0


@pytest.mark.parametrize(("status", "line"), [(503, "The service is busy"), (429, "Too many drawings at once")])
def test_a_busy_service_is_left_alone_for_as_long_as_it_asks(visit: Visit, status: int, line: str):
    visit.expect_refusals()
    asked: list[float] = []
    refusing = refuse(status, seconds="2")
    visit.page.route("**/drawings/preview", lambda route: (asked.append(time.monotonic()), refusing(route)))
    visit.draw([[(0.5, 0.5)]])
    visit.says(f"{line}, trying again in 2 s", "The drawing is still here.")
    refused = len(asked)  # more than one where a slow hand cuts its first preview off
    visit.draw(SEVEN)  # and neither does a new stroke ask before
    visit.wait_for(lambda: len(asked) > refused)
    assert asked[refused] - asked[refused - 1] >= 1.9


def test_a_reading_that_was_refused_is_made_when_there_is_room(visit: Visit):
    visit.expect_refusals()
    visit.page.route("**/drawings", refuse(503, seconds="1", times=1))
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Keep it")
    visit.says("The service is busy, trying again in 1 s")
    visit.says("Looks like a 7")
    assert visit.readings() == ["7"]


def test_a_proxy_s_page_instead_of_an_answer_is_no_crash(visit: Visit):
    visit.expect_refusals()
    html: dict[str, Any] = {"status": 502, "body": "<h1>Bad gateway</h1>", "content_type": "text/html"}
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(**html))
    visit.draw(SEVEN)
    visit.says("No connection, trying again in 3 s")


def test_a_lost_connection_is_said_and_the_drawing_is_read_when_it_is_back(visit: Visit):
    visit.expect_refusals()
    visit.context.set_offline(True)
    visit.draw(SEVEN)
    visit.says("No connection, trying again in 3 s", "The drawing is still here.")
    visit.context.set_offline(False)
    visit.says("Looks like a 7")


def test_an_older_answer_does_not_stay_beside_a_refusal(visit: Visit):
    visit.expect_refusals()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.route("**/drawings/preview", refuse(422))
    visit.draw([[(0.5, 0.5)]])
    visit.says("The page and the service disagree")
    assert set(visit.page.locator(".bar .number").all_inner_texts()) == {"–"}
    expect(visit.page.locator("#figure")).to_be_empty()
    expect(visit.page.locator("#latency")).to_be_empty()


def test_a_new_release_is_shown_without_a_reload(visit: Visit):
    served = {**SERVED, "model_version": "v2.0", "classes": list("0123456789"), "withheld": []}
    visit.page.route("**/visit", lambda route: route.fulfill(json=served))
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(json={**ANSWER, "model_version": "v2.0"}))
    visit.draw(SEVEN)
    visit.says("Looks like a 4")
    expect(visit.page.get_by_role("link", name="Model v2.0")).to_be_visible()
    expect(visit.page.locator(".bar .number")).to_have_count(10)
    expect(visit.page.locator(".bar.best")).to_have_text("450.0%")
    expect(visit.page.get_by_role("button", name="Draw a sample 0")).to_be_visible()


def test_half_an_answer_counts_as_a_lost_connection(visit: Visit):
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(body='{"prediction": "4', status=200))
    visit.draw(SEVEN)
    visit.says("No connection, trying again in 3 s")
