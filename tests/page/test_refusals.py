"""Every way in which the service, or a proxy before it, says no: in words for people, and with nothing lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from starlette.exceptions import HTTPException

from app.drawing import decode_image, still_image
from app.server import early_refusals
from app.web.http_statuses import STATUSES, framework_refusal, unexpected
from tests.installation import ROOT
from tests.page.visit import SEVEN, Visit

pytestmark = pytest.mark.long

TECHNICAL = re.compile(
    r"bytes|\bbody\b|header|content-type|\brequest|\bGET\b|\bPOST\b|/docs|json|x-request-id|api.?key|\d{3,}|\bproxy|"
    r"reload|undefined|null",
    re.IGNORECASE,
)
MOST = 115
"""Characters in three rows of a phone."""
SAID = {
    "message": "body: 13,215,663 bytes; expected at most 262,144 bytes.",
    "remedy": "Send several drawings in one request; GET /docs states the limit.",
}


def refusals() -> list[tuple[int, str]]:
    """Status and code of all that are made anywhere: by the routes, before them, and by nginx."""
    made = {*STATUSES.values()}
    made |= {
        (one.status, one.answer.error)
        for one in vars(early_refusals).values()
        if isinstance(one, early_refusals.Refusal)
    }
    for response in (unexpected(), *(framework_refusal(HTTPException(status)) for status in (404, 405))):
        made.add((response.status_code, json.loads(bytes(response.body))["error"]))
    nginx = (ROOT / "deploy/pixelwise.nginx").read_text(encoding="utf-8")
    made |= {(int(status), code) for status, code in re.findall(r'return (\d+) \'\{"error":"([\w-]+)"', nginx)}
    return sorted(made)


BARE = [(status, "") for status in (0, 400, 401, 403, 404, 405, 408, 413, 414, 415, 422, 429, 431, 500, 502, 503, 504)]
"""Without a code: from another proxy, or none at all."""


Tool = Callable[..., Any]


def words(tool: Tool, found: dict[str, Any], name: str = "refusal") -> Any:
    return tool("refusals", name, {"message": "", "remedy": "", "seconds": None, **found}, True)


def test_all_refusals_are_looked_at():
    assert {code for _, code in refusals()} >= {"away", "too-slow", "unexpected", "overloaded", "method-not-allowed"}
    assert len(refusals()) > 20


@pytest.mark.parametrize(("status", "code"), [*refusals(), *BARE], ids=str)
def test_every_refusal_has_words_for_people(tool: Tool, status: int, code: str):
    found = {"status": status, "code": code, **SAID}
    said = words(tool, found)
    assert said["kind"] == "refused"
    assert len(said["line"]) > 10
    assert said["note"].endswith(".")
    assert len(said["note"]) <= MOST  # so that it fits where the answer stands
    assert not TECHNICAL.search(f"{said['line']} {said['note']}")
    assert not TECHNICAL.search(words(tool, found, "notNoted"))


def test_every_code_has_words_of_its_own_and_no_words_are_for_nothing():
    text = (ROOT / "app/web/page/refusals.js").read_text(encoding="utf-8")
    table = text.partition("const WORDS = {")[2].partition("\n};")[0]
    assert set(re.findall(r'^  "([\w-]+)":', table, re.MULTILINE)) == {code for _, code in refusals()}


@pytest.mark.parametrize("seconds", [1, 59, 3600])
def test_the_seconds_that_the_service_asks_for_are_said(tool: Tool, seconds: int):
    said = words(tool, {"status": 429, "code": "too-many-requests", "seconds": seconds})
    assert said["line"].endswith(
        ", trying again in 60 minutes" if seconds == 3600 else f", trying again in {seconds} s"
    )


@pytest.mark.parametrize("name", ["SMALLER", "REMEDY", "SEND_AGAIN"])
def test_the_service_s_own_remedies_for_pictures_are_for_people_too(name: str):
    remedy = vars(still_image).get(name) or vars(decode_image)[name]
    assert not TECHNICAL.search(remedy.replace("1,000 pixels", ""))


def test_a_visit_that_has_ended_is_renewed_without_a_word_and_nothing_is_lost(visit: Visit):
    visit.expect_refusals()
    visit.context.clear_cookies()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    assert len(visit.context.cookies()) == 1
    expect(visit.page.locator("#pen-sheet")).to_have_attribute("aria-label", "Drawing sheet, 1 stroke")


def test_a_browser_that_keeps_no_cookie_is_told_what_helps_and_asks_no_further(visit: Visit):
    visit.expect_refusals()
    body = {"error": "not-authenticated", "message": "caller: no key", "remedy": "Send SECRET_API_KEY."}
    visit.page.route("**/drawings/preview", lambda route: route.fulfill(status=401, json=body))
    visit.draw([[(0.5, 0.5)]])
    visit.says("The service does not know this browser", "allow cookies for this page")
    visit.page.wait_for_timeout(300)  # for a preview that was on its way
    asked = len(visit.sent)
    visit.page.wait_for_timeout(500)
    assert len(visit.sent) == asked


def test_several_questions_that_meet_the_end_of_a_visit_begin_one(visit: Visit):
    visit.expect_refusals()
    opened: list[Route] = []
    visit.page.route(visit.url, lambda route: (opened.append(route), route.continue_()))
    visit.context.clear_cookies()
    ask = "import('/page/service.js').then(({ visit }) => Promise.all([visit(), visit(), visit()]))"
    assert len(visit.page.evaluate(ask)) == 3
    assert len(opened) == 1


def test_a_question_whose_refusal_comes_after_another_has_begun_a_visit_begins_none(visit: Visit):
    visit.expect_refusals()
    opened: list[Route] = []
    late: list[tuple[Route, Any]] = []

    def hold_the_first(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    visit.page.route(visit.url, lambda route: (opened.append(route), route.continue_()))
    visit.page.route("**/visit", hold_the_first)
    visit.context.clear_cookies()
    ask = "import('/page/service.js').then(({ visit }) => visit())"
    visit.page.evaluate(f"() => {{ globalThis.late = {ask}; }}")
    visit.wait_for(lambda: len(late) == 1)
    assert visit.page.evaluate(ask)["model_version"] and len(opened) == 1
    route, refusal = late[0]
    assert refusal.status == 401
    route.fulfill(response=refusal)
    assert visit.page.evaluate("() => globalThis.late")["model_version"]
    assert len(opened) == 1


def test_a_visit_that_cannot_be_renewed_without_a_connection_goes_on_when_there_is_one(visit: Visit):
    visit.expect_refusals()
    visit.page.route(visit.url, lambda route: route.abort())
    visit.context.clear_cookies()
    visit.draw(SEVEN)
    visit.says("No connection, trying again in 3 s", "The drawing is still here.")
    visit.page.unroute(visit.url)
    visit.says("Looks like a 7")


def test_an_answer_of_an_earlier_visit_cannot_be_corrected_and_that_is_said(visit: Visit):
    visit.expect_refusals()
    visit.draw(SEVEN)
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.context.clear_cookies()
    visit.click("Right")
    visit.says("Looks like a 7", "Not noted: that reading belongs to an earlier visit.")
