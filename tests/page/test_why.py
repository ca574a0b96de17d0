"""Why, and versions side by side, in a real browser: over the drawing, in words, live; and nothing of it is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.page.photographs import TWO, saved
from tests.page.test_drawing import PHONE, Finger
from tests.page.test_pictures import hand_in, picture
from tests.page.test_words import refuse
from tests.page.visit import FIVE, SEVEN, THREE, Visit, placed
from tests.service import Service
from tests.web.load import until
from tests.web.test_flags import ON_OFF, flag

pytestmark = pytest.mark.long

BLUE = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"


def asked(visit: Visit) -> list[dict[str, list[str]]]:
    """The parameters of each preview, in order."""
    return [parse_qs(urlsplit(request.url).query) for request in visit.sent]


def explained(visit: Visit) -> None:
    """Waits until the evidence is painted."""
    expect(visit.page.locator("#why-sheet")).to_be_visible()
    expect(visit.page.locator("#reason-list li").first).to_be_visible()


# -- why ---------------------------------------------------------------------------------------------------------------


def test_it_lies_over_the_drawing_with_a_legend_and_words_and_goes_again(visit: Visit):
    before = visit.stored()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    expect(visit.page.locator("#why-sheet")).to_be_hidden()
    visit.click("Why?")
    explained(visit)
    expect(visit.page.locator("#legend-answer")).to_have_text("7")
    assert visit.page.locator("#reason-list li").all_inner_texts()
    expect(visit.page.get_by_role("button", name="Why?")).to_have_attribute("aria-pressed", "true")
    assert asked(visit)[-1] == {"explain": ["1"]}
    assert "explain" not in {key for one in asked(visit)[:-1] for key in one}  # the answer is asked for apart
    visit.click("Why?")
    expect(visit.page.locator("#why-sheet")).to_be_hidden()
    expect(visit.page.locator("#reasons")).to_be_hidden()
    assert visit.stored() == before


@pytest.mark.parametrize(
    ("scale", "x", "y"), [(1.0, 0.3, 0.17), (0.4, 0.05, 0.05), (0.4, 0.7, 0.6)], ids=["large", "top left", "low right"]
)
def test_it_lies_where_the_ink_is(visit: Visit, scale: float, x: float, y: float):
    visit.draw(placed(SEVEN, scale=scale, x=x, y=y))
    visit.says("Looks like a 7")
    visit.click("Why?")
    explained(visit)
    pen, why = (box_of_ink(visit, name) for name in ("#pen-sheet", "#why-sheet"))
    margin = 0.1 * scale + 0.02  # gaps are painted up to two pixels of the model's view around the ink
    for pen_edge, why_edge in zip(pen, why, strict=True):
        assert abs(pen_edge - why_edge) < margin, (pen, why)


def box_of_ink(visit: Visit, canvas: str) -> list[float]:
    """Left, top, right and bottom of what is painted on a canvas, in shares of its sides."""
    script = """canvas => {
      const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let [left, top, right, bottom] = [1, 1, 0, 0];
      for (let at = 3; at < data.length; at += 4) {
        if (!data[at]) continue;
        const [x, y] = [((at - 3) / 4) % width / width, Math.floor((at - 3) / 4 / width) / height];
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
      }
      return [left, top, right, bottom];
    }"""
    found: list[float] = visit.page.locator(canvas).evaluate(script)
    return found


def test_it_follows_the_drawing_and_goes_with_it(visit: Visit):
    visit.click("Why?")
    visit.draw([SEVEN[0][:2]])
    explained(visit)
    first = visit.page.locator("#why-sheet").evaluate(BLUE)
    visit.draw([[SEVEN[0][1], SEVEN[0][2]]])
    visit.says("Looks like a 7")
    visit.wait_for(lambda: visit.page.locator("#why-sheet").evaluate(BLUE) != first)
    visit.click("Clear")
    expect(visit.page.locator("#why-sheet")).to_be_hidden()
    assert visit.page.locator("#reason-list li").count() == 0


def test_by_key_with_a_finger_and_on_squares(open_page: Callable[..., Visit]):
    visit = open_page(**PHONE)
    Finger(visit).draw(SEVEN)
    visit.says("Looks like a 7")
    visit.press("w")
    explained(visit)
    visit.press("w")
    expect(visit.page.locator("#why-sheet")).to_be_hidden()
    visit.page.get_by_text("Squares", exact=True).click()
    visit.page.locator("#grid-sheet [tabindex='0']").focus()
    visit.press(*["Shift+ArrowDown"] * 12)
    expect(visit.page.locator("#figure")).not_to_be_empty()
    visit.press("w")
    explained(visit)


def test_of_a_picture_it_is_shown_on_what_the_model_saw(visit: Visit, tmp_path: Path):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.locator("#pen-sheet").screenshot(path=tmp_path / "seven.png")
    visit.page.locator("#upload").set_input_files(tmp_path / "seven.png")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.click("Why?")
    explained(visit)
    assert box_of_ink(visit, "#why-sheet") == pytest.approx([0, 0, 1, 1], abs=0.01)
    expect(visit.page.locator(".frame")).to_be_visible()


def test_of_a_picture_it_lies_in_the_frame_which_can_be_moved_all_the_same(visit: Visit):
    why = visit.page.locator("#why-sheet")
    hand_in(visit, saved(TWO, "PNG"))
    visit.says("Several digits")
    visit.draw([[(0.02, 0.25), (0.5, 0.73)]])
    visit.says("Looks like a 7")
    visit.click("Why?")
    explained(visit)
    assert box_of_ink(visit, "#why-sheet") == pytest.approx([0.02, 0.25, 0.5, 0.73], abs=0.01)
    expect(visit.page.locator(".frame")).to_be_visible()
    assert visit.page.locator("#pen-sheet").evaluate("sheet => getComputedStyle(sheet).opacity") == "1"
    visit.draw([[(0.26, 0.5), (0.77, 0.5)]], lift=False)  # by its inside; one sees what one frames
    expect(why).to_be_hidden()
    visit.page.mouse.up()
    visit.says("Looks like a 3")
    expect(visit.page.locator("#legend-answer")).to_have_text("3")
    assert box_of_ink(visit, "#why-sheet") == pytest.approx([0.53, 0.25, 1, 0.73], abs=0.02)
    expect(why).to_be_visible()
    visit.page.locator(".frame").focus()
    visit.press("-")
    expect(why).to_be_hidden()
    visit.page.locator(".frame").evaluate("frame => frame.blur()")
    expect(why).to_be_visible()


def test_while_the_service_is_busy_that_is_said_and_the_answer_stays(visit: Visit):
    visit.expect_refusals()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.route("**/drawings/preview?explain=1", refuse(503, seconds="1", times=1))
    visit.click("Why?")
    expect(visit.page.locator("#reason-list")).to_have_text("The service is busy with answers. The reasons follow.")
    visit.says("Looks like a 7")
    explained(visit)


@pytest.mark.parametrize(
    ("status", "seconds", "words"),
    [
        (503, "60", "The service is busy with answers. The reasons follow."),
        (403, None, "The service gives no reasons for this answer."),
    ],
)
def test_where_it_is_refused_no_older_map_stays_and_no_more_is_promised_than_is_done(
    visit: Visit, status: int, seconds: str | None, words: str
):
    visit.expect_refusals()
    visit.page.clock.install()
    visit.page.locator(".sample").nth(6).click()  # at once, so that one reading is asked for
    visit.says("Looks like a 7")
    visit.click("Why?")
    explained(visit)
    visit.page.route("**/drawings/preview?explain=1", refuse(status, seconds=seconds))
    visit.page.locator(".sample").nth(2).click()
    visit.says("Looks like a 3")
    expect(visit.page.locator("#reason-list")).to_have_text(words)
    expect(visit.page.locator("#why-sheet")).to_be_hidden()
    before = len(visit.sent)
    visit.page.unroute("**/drawings/preview?explain=1")
    visit.page.clock.run_for(61_000)
    if seconds:
        explained(visit)
    assert (len(visit.sent) > before) is (seconds is not None)


def test_what_speaks_against_is_told_apart_without_colour(visit: Visit):
    """It is striped: its legend is no plain colour, and neither is what is painted."""
    visit.draw(THREE)
    visit.says("Looks like a 3")
    visit.click("Why?")
    explained(visit)
    images = visit.page.locator(".swatch").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).backgroundImage)"
    )
    assert images[0] == "none"
    assert "repeating-linear-gradient" in images[1]


# -- side by side ------------------------------------------------------------------------------------------------------


def rows(visit: Visit) -> list[list[str]]:
    """Version, figure and how sure, of each."""
    listed = visit.page.locator("#version-list button").all()
    return [[one.locator(part).inner_text() for part in (".name", ".read", ".sure")] for one in listed]


def test_every_version_reads_the_drawing_with_what_it_is_and_how_sure(compared: Callable[..., Visit]):
    visit = compared()
    before = visit.stored()
    assert [row[0].split("\n")[0] for row in rows(visit)] == ["v1.0", "v1.1", "v2.0"]
    assert [row[0].split("\n")[1].partition(":")[0] for row in rows(visit)] == ["linear", "network", "network"]
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    expect(visit.page.locator("#together")).to_have_text("All read a 7.")
    assert [row[1] for row in rows(visit)] == ["7", "7", "7"]
    assert all("sure" in row[2] for row in rows(visit))
    assert visit.stored() == before
    visit.click("Clear")
    assert [row[1] for row in rows(visit)] == ["–", "–", "–"]
    expect(visit.page.locator("#together")).to_be_empty()


def test_where_they_differ_that_is_said(compared: Callable[..., Visit]):
    visit = compared()
    read = {"v1.1": "7", "v2.0": "7"}

    def answer(route: Any) -> None:
        said = route.fetch().json()
        beside = [
            {**one, "answer": {**one["answer"], "prediction": read[one["model_version"]]}} for one in said["beside"]
        ]
        route.fulfill(json={**said, "prediction": "1", "beside": beside})

    visit.page.route("**/drawings/preview?**", answer)
    visit.draw(SEVEN)
    expect(visit.page.locator("#together")).to_have_text("They differ: v1.1 and v2.0 read a 7, v1.0 reads a 1.")


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (["busy", "7"], "v1.0 and v2.0 read a 7."),
        (["no digit", "7"], "v1.0 and v2.0 read a 7."),
        (["no digit", "busy"], "v1.0 reads a 7."),
        (["no digit", "1"], "They differ: v1.0 reads a 7, v2.0 reads a 1."),
        (["7", "7"], "All read a 7."),
    ],
)
def test_it_is_said_only_of_those_that_read_a_digit(compared: Callable[..., Visit], others: list[str], words: str):
    visit = compared()

    def read(one: dict[str, Any], what: str) -> dict[str, Any]:
        if what == "busy":
            return {**one, "answer": None, "refusal": {"error": "overloaded", "message": "", "remedy": ""}}
        seen = {"findings": [{"name": "not-a-digit", "remedy": ""}]} if what == "no digit" else {"prediction": what}
        return {**one, "answer": {**one["answer"], "prediction": "7", **seen}}

    def answer(route: Any) -> None:
        said = route.fetch().json()
        route.fulfill(json={**said, "prediction": "7", "beside": list(map(read, said["beside"], others))})

    visit.page.route("**/drawings/preview?**", answer)
    visit.draw(SEVEN)
    expect(visit.page.locator("#together")).to_have_text(words)


def test_what_is_compared_is_the_drawing_on_show(compared: Callable[..., Visit], tmp_path: Path):
    """A picture is kept at once: no preview comes before it. And a preview that is refused says nothing."""
    visit = compared()
    visit.draw(THREE)
    expect(visit.page.locator("#together")).to_have_text("All read a 3.")
    visit.page.locator("#pen-sheet").screenshot(path=tmp_path / "three.png")
    visit.click("Clear")
    visit.draw(SEVEN)
    expect(visit.page.locator("#together")).to_have_text("All read a 7.")
    visit.page.locator("#upload").set_input_files(tmp_path / "three.png")
    expect(visit.page.locator(".reading")).to_have_count(1)
    expect(visit.page.locator("#together")).to_have_text("All read a 3.")
    assert len(visit.stored()) == 1
    visit.expect_refusals()
    visit.page.route("**/drawings/preview?**", refuse(503, seconds="60"))
    visit.click("Clear")
    visit.draw(SEVEN)
    visit.says("The service is busy, trying again in 60 s")
    expect(visit.page.locator("#together")).to_be_empty()
    assert [row[1] for row in rows(visit)] == ["–", "–", "–"]


def test_one_looks_through_another_version_and_keeps_the_answer_of_the_one_that_answers(compared: Callable[..., Visit]):
    visit = compared()
    visit.draw(FIVE)
    visit.says("Looks like a 5")
    expect(visit.page.locator("#latency")).to_contain_text("by model v1.0")
    link = visit.page.get_by_role("link", name="Model v")
    expect(link).to_have_attribute("href", "model?version=v1.0")
    visit.page.locator("#version-list button").nth(2).click()
    expect(visit.page.locator("#latency")).to_contain_text("by model v2.0")
    expect(link).to_have_text("Model v2.0")
    expect(link).to_have_attribute("href", "model?version=v2.0")
    visit.says("Looks like a 5", "You look through v2.0. What you keep is read by v1.0.")
    expect(visit.page.locator(".bar").first).not_to_contain_text("cannot read")  # v2.0 knows 0
    visit.click("Why?")
    explained(visit)
    assert asked(visit)[-1] == {"model": ["v2.0"], "explain": ["1"]}
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    expect(visit.page.locator("#latency")).to_contain_text("by model v1.0")
    visit.page.locator("#version-list button").first.click()
    visit.draw([[(0.9, 0.9)]])
    visit.wait_for(lambda: "model" not in asked(visit)[-1])


@pytest.mark.parametrize("was_open", [False, True])
def test_a_flag_forbids_the_comparison(compared: Callable[..., Visit], three: Service, was_open: bool):
    flags = three.root / "data/flags.json"
    client = three.client(key=None)
    client.get("/")

    def versions() -> int:
        return len(client.get("/visit").json().get("versions", ()))  # none while one asks too often

    visit = compared()
    expect(visit.page.locator("#versions")).to_be_visible()
    flags.write_text(json.dumps({"flags": {"compare-versions": flag(ON_OFF, "off")}}))
    try:
        until(lambda: versions() == 1, "the flag")
        if was_open:  # the page finds out by itself
            visit.expect_refusals()
        else:
            visit.page.reload()
            expect(visit.page.locator("#versions")).to_be_hidden()
            expect(visit.page.locator(".sample").first).to_be_visible()
        visit.draw(SEVEN)
        visit.says("Looks like a 7")
        visit.click("Why?")
        explained(visit)
        expect(visit.page.locator("#versions")).to_be_hidden()
        last = asked(visit) if not was_open else asked(visit)[-1:]
        assert {key for one in last for key in one} == {"explain"}
    finally:
        flags.unlink()
        until(lambda: versions() == 3, "the flag to go")
        client.close()


def test_what_versions_read_beside_a_picture_is_of_the_picture(compared: Callable[..., Visit]):
    visit = compared()
    visit.draw(THREE)
    visit.says("Looks like a 3")
    expect(visit.page.locator("#together")).to_have_text("All read a 3.")
    hand_in(visit, picture())
    visit.says("Looks like a 7", "It is in your list now.")
    expect(visit.page.locator("#together")).to_have_text("All read a 7.")
    visit.says("Looks like a 7", "It is in your list now.")
    assert visit.readings() == ["7"]
    visit.expect_refusals()
    hand_in(visit, b"no picture", kind="image/heic")
    expect(visit.page.locator("#together")).to_have_text("")
    assert [row[1] for row in rows(visit)] == ["–", "–", "–"]


def test_where_one_version_is_served_nothing_is_compared(visit: Visit):
    expect(visit.page.locator("#versions")).to_be_hidden()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    assert {key for one in asked(visit) for key in one} == set()
