"""Pictures that are handed in, and the list of readings."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Route, expect

from app.drawing.file_kinds import HEIC, KINDS, Foreign
from app.drawing.still_image import EXPECTED, SEND_AGAIN
from tests.page.visit import SEVEN, THREE, Visit

pytestmark = pytest.mark.long

INK = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length"
"""Pixels of the sheet that show something."""


def picture(kind: str = "PNG", *, paper: int = 255, ink: int = 0) -> bytes:
    """A 7, 200 x 260 pixels."""
    sheet = Image.new("L", (200, 260), paper)
    ImageDraw.Draw(sheet).line([(50, 50), (150, 45), (90, 220)], ink, 14, joint="curve")
    file = io.BytesIO()
    sheet.save(file, kind)
    return file.getvalue()


def hand_in(visit: Visit, content: bytes, *, name: str = "seven.png", kind: str = "image/png") -> None:
    visit.page.locator("#upload").set_input_files({"name": name, "mimeType": kind, "buffer": content})


GIVE = """([event, name, content]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "seven.png", { type: "image/png" }));
  const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
  document.body.dispatchEvent(new window[event](name, init));
}"""


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255)])
def test_an_uploaded_picture_is_read_kept_and_shown(visit: Visit, kind: str, paper: int, ink: int):
    content_type = f"image/{kind.lower()}"
    hand_in(visit, picture(kind, paper=paper, ink=ink), kind=content_type)
    visit.says("Looks like a 7")
    assert visit.readings() == ["7"]
    assert visit.sent[-1].headers["content-type"] == content_type
    expect(visit.page.locator("#pen-sheet")).to_have_attribute("aria-label", "Drawing sheet, a picture")


@pytest.mark.parametrize(("event", "name"), [("DragEvent", "drop"), ("ClipboardEvent", "paste")])
def test_a_picture_can_be_dropped_and_pasted(visit: Visit, event: str, name: str):
    visit.page.evaluate(GIVE, [event, name, base64.b64encode(picture()).decode()])
    visit.says("Looks like a 7")
    assert visit.readings() == ["7"]


def test_the_same_picture_can_be_chosen_again_after_a_clear(visit: Visit, tmp_path: Path):
    for _ in range(2):
        hand_in(visit, picture())
        visit.says("Looks like a 7")
        visit.click("Clear")
        visit.says("Nothing drawn yet")
    assert visit.readings() == ["7", "7"]


def test_a_picture_without_ink_gets_no_digit(visit: Visit):
    hand_in(visit, picture(ink=255))
    visit.says("Nothing to read", "Nothing looks like a line of a pen")
    assert visit.readings() == []


@pytest.mark.parametrize("covers", [False, True])
def test_where_the_card_does_not_cover_pictures_of_paper_the_page_says_so(visit: Visit, covers: bool):
    outside = "Pictures of paper are outside this version’s card."

    def answer(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "pictures_in_scope": covers})

    visit.page.route("**/visit", answer)
    visit.page.reload()
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    expect(visit.page.locator("#note")).to_be_empty()
    hand_in(visit, picture())
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.says("Looks like a 7")
    assert (outside in visit.page.locator("#note").inner_text()) == (not covers)


def test_a_broken_picture_is_refused_in_the_service_s_words(visit: Visit):
    visit.expect_refusals()
    hand_in(visit, picture()[:60])
    visit.says("A file that is cut off cannot be read")
    expect(visit.page.locator("#note")).to_have_text(SEND_AGAIN)


def test_an_empty_file_is_refused_by_its_name(visit: Visit):
    visit.expect_refusals()
    hand_in(visit, b"")
    visit.says("An empty file cannot be read")


def test_another_kind_of_file_is_not_sent(visit: Visit):
    hand_in(visit, b"7", name="seven.txt", kind="text/plain")
    visit.says("That file is no picture", "Choose a PNG, JPEG, WebP or GIF picture of one digit.")
    expect(visit.page.locator(".file-name")).to_have_text("seven.txt")
    assert visit.sent == []


def test_a_file_that_only_calls_itself_a_picture_is_refused_as_one_that_does_not(visit: Visit):
    visit.expect_refusals()
    hand_in(visit, b"7", name="text.png", kind="image/png")
    visit.says("That file is no picture", "“Undo” brings back what was here.")


def test_a_whole_picture_says_how_to_read_a_part_of_it(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7", "Drag a corner to read a part of it.")
    visit.page.locator(".frame").focus()
    visit.press("-")
    expect(visit.page.locator("#note")).not_to_contain_text("Drag a corner")


def test_a_file_that_is_no_picture_leaves_no_other_picture_in_its_place_and_undo_brings_that_back(visit: Visit):
    hand_in(visit, picture())
    expect(visit.page.locator(".reading")).to_have_count(1)
    hand_in(visit, b"7", name="seven.txt", kind="text/plain")
    visit.says("That file is no picture", "“Undo” brings back what was here.")
    expect(visit.page.locator("#figure")).to_be_empty()
    expect(visit.page.locator(".bar.best")).to_have_count(0)
    assert visit.page.locator("#pen-sheet").evaluate(INK) == 0
    visit.click("Undo")
    visit.says("Looks like a 7")
    assert visit.page.locator("#pen-sheet").evaluate(INK) > 0


@pytest.mark.parametrize(
    ("name", "kind"), [("IMG_1.HEIC", "image/heif"), ("IMG_1.HEIC", ""), ("IMG_1.jpg", "image/jpeg")]
)
def test_a_kind_that_is_not_read_is_named_with_the_way_out_alone(visit: Visit, name: str, kind: str):
    """Many systems know no type of it, and some call it a JPEG."""
    visit.expect_refusals()
    script = "([content, name, type]) => { window.given = new File([content], name, { type }); }"
    visit.page.evaluate(script, ["\0\0\0\x18ftypheic", name, kind])
    visit.page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(window.given);
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    }""")
    visit.says("A HEIC picture cannot be read")
    expect(visit.page.locator("#note")).to_have_text(HEIC.remedy)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_that_is_known_and_not_read_has_a_headline(visit: Visit, kind: Foreign):
    script = "(found) => import('/page/refusals.js').then((words) => words.refusal(found, false))"
    message = f"picture: {kind.name}; expected {EXPECTED}."
    refused = {"status": 422, "code": "unreadable-image", "message": message, "remedy": kind.remedy, "seconds": None}
    said = visit.page.evaluate(script, refused)
    named = kind.name.split(",")[0]
    assert (said["line"], said["note"]) == (f"{named[0].upper()}{named[1:]} cannot be read", kind.remedy)


def test_the_page_says_what_becomes_of_a_picture_that_is_handed_in(visit: Visit):
    said = "“Keep it”, and a picture that you hand in, goes to the service, which may keep it."
    expect(visit.page.locator("#history-note")).to_contain_text(said)
    before = len(visit.stored())
    hand_in(visit, picture())
    expect(visit.page.locator(".reading")).to_have_count(1)
    assert len(visit.stored()) == before + 1


def test_a_new_drawing_begins_after_a_clear_and_undo_brings_the_picture_back(visit: Visit):
    hand_in(visit, picture())
    visit.says("Looks like a 7")
    visit.click("Clear")
    visit.draw(THREE)
    visit.says("Looks like a 3")
    visit.click("Undo")
    visit.click("Undo")
    visit.says("Looks like a 7")


# -- the list of this visit ----------------------------------------------------------------------------------------


def test_what_is_read_is_stored_and_listed_and_a_preview_is_neither(visit: Visit):
    before = visit.stored()
    visit.draw(THREE)
    visit.says("Looks like a 3")
    assert visit.readings() == []
    assert visit.stored() == before
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    assert visit.readings() == ["3"]
    assert visit.stored() == ["3", *before][:100]
    expect(visit.page.locator(".reading")).to_contain_text("%")
    ink = "canvas => canvas.getContext('2d').getImageData(0, 0, 28, 28).data.filter((v, i) => i % 4 === 3 && v).length"
    assert visit.page.locator(".reading canvas").evaluate(ink) > 40


def test_the_same_drawing_is_read_once(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.click("Keep it")
    visit.says("Looks like a 7", "already in your list")
    assert visit.readings() == ["7"]


def test_two_clicks_at_once_are_one_reading(visit: Visit):
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    visit.page.get_by_role("button", name="Keep it").dblclick()
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.page.wait_for_timeout(200)
    assert visit.readings() == ["7"]
    assert len([request for request in visit.sent if request.url.endswith("/drawings")]) == 1


def test_the_list_outlives_a_reload_and_belongs_to_one_visit(visit: Visit, open_page: Callable[..., Visit]):
    for strokes, label in ((SEVEN, "7"), (THREE, "3")):
        visit.draw(strokes)
        visit.says(f"Looks like a {label}")
        visit.click("Keep it")
        expect(visit.page.locator(".reading strong").first).to_have_text(label)
        visit.click("Clear")
    visit.page.reload()
    assert visit.readings() == ["3", "7"]
    assert open_page().readings() == []


def test_the_list_can_be_cleared(visit: Visit):
    visit.draw(SEVEN)
    visit.click("Keep it")
    expect(visit.page.locator(".reading")).to_have_count(1)
    visit.click("Clear the list")
    assert visit.readings() == []
    visit.page.reload()
    assert visit.readings() == []


def test_a_script_of_the_page_cannot_see_the_session(visit: Visit):
    assert visit.page.evaluate("document.cookie") == ""
    assert [cookie["httpOnly"] for cookie in visit.context.cookies()] == [True]


def test_the_page_works_behind_a_prefix(visit: Visit):
    prefix = f"{visit.url}digits/"
    visit.page.route(
        f"{prefix}**",
        lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace(prefix, visit.url))),
    )
    visit.page.goto(prefix)
    visit.draw(SEVEN)
    visit.says("Looks like a 7")
    assert visit.sent[-1].url.startswith(f"{prefix}drawings")
    assert visit.page.get_by_role("link", name="API").evaluate("link => link.href") == f"{prefix}docs"
