"""Large and hostile pictures through the service: bounded in all and for each caller; others are answered meanwhile."""

from __future__ import annotations

import threading
import time

import pytest
from PIL import Image

from app.answering.refusals import Overloaded
from app.drawing.decode_image import Picture, decode
from app.drawing.still_image import Still
from app.web import body as module
from app.web.body import Arriving, Kept
from app.web.routes import drawings
from tests.attacks.hostile_pictures import catalogue, file_of
from tests.cli.test_image_files import seven
from tests.web.inside import KEY, Inside
from tests.web.served import Served, own
from tests.web.visits import visit

pytestmark = pytest.mark.long

__all__ = ["own"]
PATIENCE_SECONDS = 60
SEEN = file_of(seven(), "PNG")
LARGE = file_of(Image.new("L", (4_001, 4_000), 255), "PNG")
PREVIEW = "/drawings/preview"


def test_two_large_pictures_are_never_decoded_at_once_and_small_ones_wait_for_neither(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    at_once: list[int] = []
    most_at_once: list[int] = []
    small_are_read = threading.Semaphore(0)

    def decoded(still: Still) -> Picture:
        if still.size == seven().size:
            small_are_read.release()
            return decode(still)
        at_once.append(1)
        most_at_once.append(len(at_once))
        if len(most_at_once) == 1:
            assert all(small_are_read.acquire(timeout=PATIENCE_SECONDS) for _ in small)
            time.sleep(0.3)  # in which the next would begin
        at_once.pop()
        return decode(still)

    monkeypatch.setattr(drawings, "decode", decoded)
    first, second = ({**visit(inside), "content-type": "image/png"} for _ in range(2))
    large = [("POST", PREVIEW, LARGE, headers) for headers in (first, first, second)]
    small = [("POST", PREVIEW, SEEN, headers) for headers in (first, second)]
    answers = inside.ask_each([*large, *small], then=lambda: None)
    assert [reply.status for _, reply in answers] == [200] * 5
    assert {place for place, _ in answers[:2]} == {3, 4}
    assert most_at_once == [1, 1, 1]


def test_the_bytes_of_a_picture_count_for_their_caller_until_it_is_decoded(
    own: Served, monkeypatch: pytest.MonkeyPatch
):
    arriving = Arriving(module.ARRIVING_BYTES)
    monkeypatch.setattr(module, "_arriving", arriving)
    counted: list[int] = []

    def decoded(still: Still) -> Picture:
        counted.append(arriving.bytes)
        return decode(still)

    monkeypatch.setattr(drawings, "decode", decoded)
    noise = file_of(Image.effect_noise((700, 700), 90), "PNG")
    head = f"POST {PREVIEW} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {KEY}\r\nContent-Type: image/png\r\n"
    (reply,) = own.exchange(f"{head}Content-Length: {len(noise)}\r\nConnection: close\r\n\r\n".encode() + noise)
    assert reply.status == 200
    assert len(noise) - (64 << 10) <= counted[0] <= len(noise)
    assert arriving.bytes == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("said", [*drawings.PICTURES, "image/jpg", "image/pjpeg", "image/x-png", "Image/JPG; q=1"])
def test_which_of_the_four_kinds_a_picture_is_its_bytes_say(inside: Inside, kind: str, said: str):
    reply = inside.ask("POST", PREVIEW, file_of(seven(), kind), {"content-type": said})
    assert (reply.status, reply.json["prediction"]) == (200, "7")


def test_a_heic_picture_is_refused_by_its_name_with_the_way_out_whatever_is_said_of_it(inside: Inside):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    for said, status in (("image/heic", 415), ("image/jpeg", 422)):
        reply = inside.ask("POST", PREVIEW, heic, {"content-type": said})
        assert reply.status == status
        assert ": a HEIC picture" in reply.json["message"]
        assert "Settings > Camera > Formats > Most Compatible" in reply.json["remedy"]


@pytest.mark.parametrize("said", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_a_picture_that_comes_as_a_form_is_told_how_to_send_it(inside: Inside, said: str):
    """As curl sends it, by -F, and by --data-binary alone."""
    reply = inside.ask("POST", PREVIEW, file_of(seven(), "JPEG"), {"content-type": said})
    kind = said.partition(";")[0]
    assert reply.status == 415
    assert reply.json["message"].startswith(f"body: a form (Content-Type {kind}); expected ")
    assert "--data-binary @FILE" in reply.json["remedy"]


def test_an_empty_picture_and_one_that_is_cut_off_are_told_so(inside: Inside):
    whole = file_of(seven(), "JPEG")
    for data, found, remedy in (
        (b"", "an empty file", "Pass a picture"),
        (whole[:-20], "a broken picture", "send it again"),
        (whole[:30], "a JPEG file without pixels", "send it again"),
        (file_of(seven(), "PNG")[:60], "a file that is cut off", "send it again"),
    ):
        reply = inside.ask("POST", PREVIEW, data, {"content-type": "image/jpeg"})
        assert (reply.status, reply.json["error"]) == (422, "unreadable-image")
        assert f"picture: {found}" in reply.json["message"]
        assert remedy in reply.json["remedy"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize(
    ("headers", "where"),
    [
        ({}, " without a Content-Type"),
        ({"content-type": ""}, " without a Content-Type"),
        ({"content-type": "application/json"}, " under Content-Type application/json"),
    ],
)
def test_a_picture_that_comes_as_strokes_is_told_which_header_it_needs(
    inside: Inside, kind: str, headers: dict[str, str], where: str
):
    picture = file_of(seven(), kind)
    reply = inside.ask("POST", PREVIEW, picture, headers)
    message = f"body: a {kind} picture{where}; expected strokes as JSON."
    assert (reply.status, reply.json["message"]) == (415, message)
    needed = f"image/{kind.lower()}"
    assert reply.json["remedy"] == f"Send it with the header Content-Type: {needed}."
    assert inside.ask("POST", PREVIEW, picture, {"content-type": needed}).status == 200


def test_a_large_picture_and_one_that_is_not_read_are_no_strokes_either(inside: Inside):
    large = inside.ask("POST", PREVIEW, bytes(drawings.STROKES_BYTES + 1), {})
    assert (large.status, large.json["remedy"]) == (413, drawings.PICTURE_AS_STROKES)
    heic = inside.ask("POST", PREVIEW, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", {})
    assert (heic.status, ": a HEIC picture without a Content-Type" in heic.json["message"]) == (415, True)
    raw = inside.ask("POST", PREVIEW, SEEN, {"content-type": "application/octet-stream"})
    assert (raw.status, "send it as image/png" in raw.json["remedy"]) == (422, True)


def test_kept_bytes_count_for_their_caller_until_they_are_given_back(monkeypatch: pytest.MonkeyPatch):
    arriving = Arriving(400)
    monkeypatch.setattr(module, "_arriving", arriving)
    with Kept("a") as kept:
        kept.take_all(60)
        kept.take_all(90)
        assert arriving.bytes == 90
        with Kept("a") as more, pytest.raises(Overloaded, match="of yours"):
            more.take_all(11)
        with Kept("b") as other:
            other.take_all(100)
        assert arriving.bytes == 90
    assert arriving.bytes == 0


SAMPLE = [
    "png of as many pixels as are taken",
    "png of one row more",
    "png with zTXt of a megabyte, 7,000 times",
    "png with EXIF of 60000 that points at itself",
    "jpeg with a million segments",
    "jpeg of 19 scans of 50 million",
    "gif of a frame of 65,535",
    "webp of 10,000 frames",
    "JPEG spoilt 6",
]


def test_through_the_service_a_good_neighbour_is_answered_before_them(inside: Inside):
    """All come in one moment; the neighbour last."""
    hostile = {name: data for name, data, _ in catalogue() if name in SAMPLE}
    assert set(hostile) == set(SAMPLE)
    first, second = ({**visit(inside), "content-type": "image/png"} for _ in range(2))
    good = [("POST", "/drawings/preview", file_of(seven(), "PNG"), second)]
    asked = [("POST", "/drawings/preview", data, first) for data in hostile.values()]
    answers = inside.ask_each([*asked[:8], *good, *asked[8:]], then=lambda: None)
    said = dict(answers)
    assert said[8].status == 200
    assert said[8].json["prediction"] == "7"
    for place, reply in said.items():
        assert reply.status in ((200,) if place == 8 else (200, 422, 503)), reply.body
    large = [place for place, name in enumerate(hostile) if name in (SAMPLE[0], SAMPLE[5])]
    order = [place for place, _ in answers]
    assert all(order.index(8) < order.index(place) for place in large), "the large ones are decoded elsewhere"
