"""Work that would hold the event loop up is done elsewhere, and only so much of it waits."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from app.answering.refusals import Overloaded
from app.answering.side_threads import PLACES, Aside
from app.drawing.decode_image import open_picture
from app.drawing.still_image import Still
from app.web.routes import drawings
from tests.cli.test_image_files import seven
from tests.drawing.test_decode_image import file_of, png_that_claims
from tests.web.inside import Inside
from tests.web.load import until
from tests.web.test_tensors import request, tensor
from tests.web.visits import visit

PATIENCE_SECONDS = 30
PAPER = {"pixels": [[0] * 28] * 28}


def test_so_much_is_done_and_waits_and_one_more_is_refused_until_a_place_is_free():
    may_go_on = threading.Event()

    async def ask() -> None:
        aside = Aside(threads=1, places=2)
        held = [asyncio.ensure_future(aside.run(lambda: may_go_on.wait(PATIENCE_SECONDS), of=who)) for who in "ab"]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await aside.run(lambda: True, of="c")
        may_go_on.set()
        assert await asyncio.gather(*held) == [True, True]
        assert await aside.run(lambda: threading.current_thread() is not threading.main_thread(), of="a")

    asyncio.run(ask())


def test_work_that_fails_or_that_nobody_waits_for_any_more_gives_its_place_back_at_its_end():
    begun, may_go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return may_go_on.wait(PATIENCE_SECONDS)

    async def ask() -> None:
        aside = Aside(threads=1, places=1)
        with pytest.raises(ZeroDivisionError):
            await aside.run(lambda: 1 / 0, of="a")
        left = asyncio.ensure_future(aside.run(wait, of="a"))
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        left.cancel()
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await aside.run(lambda: True, of="c")
        may_go_on.set()
        while True:
            try:
                assert await aside.run(lambda: True, of="a")
            except Overloaded:
                await asyncio.sleep(0.001)
            else:
                return

    asyncio.run(ask())


def test_a_caller_has_a_share_of_the_places_and_others_have_theirs():
    may_go_on = threading.Event()

    async def ask() -> None:
        aside = Aside(threads=1, places=8)
        held = [asyncio.ensure_future(aside.run(lambda: may_go_on.wait(PATIENCE_SECONDS), of="many")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="of yours"):
            await aside.run(lambda: True, of="many")
        other = asyncio.ensure_future(aside.run(lambda: True, of="one"))
        await asyncio.sleep(0)
        may_go_on.set()
        assert await asyncio.gather(*held, other) == [True, True, True]

    asyncio.run(ask())


def test_callers_take_turns_however_much_one_of_them_brings():
    begun: list[str] = []
    may_go_on = threading.Event()

    def work(who: str) -> None:
        begun.append(who)
        assert may_go_on.wait(PATIENCE_SECONDS)

    async def ask() -> None:
        aside = Aside(threads=1, places=40)
        pieces = [asyncio.ensure_future(aside.run(partial(work, who), of=who)) for who in "aaaaaaaaabbcc"]
        await asyncio.sleep(0)
        may_go_on.set()
        await asyncio.gather(*pieces)

    asyncio.run(ask())
    assert "".join(begun) == "abcabcaaaaaaa"


THIN = png_that_claims(1, 10_000, bytes(20_000))


def test_34_thin_pictures_of_one_visit_hold_another_s_up_by_one_at_most(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    begun: list[bytes] = []
    may_end = threading.Semaphore(0)

    def opened(data: bytes) -> Still:
        begun.append(data)
        assert may_end.acquire(timeout=PATIENCE_SECONDS)
        return open_picture(data)

    def let_one_end() -> None:
        until(lambda: len(begun) == 2, "both threads at work")
        may_end.release()
        until(lambda: len(begun) == 3, "the next picture")
        may_end.release(100)

    monkeypatch.setattr(drawings, "open_picture", opened)
    first, second = ({**visit(inside), "content-type": "image/png"} for _ in range(2))
    seen = file_of(seven())
    asked = [*[("POST", "/drawings/preview", THIN, first)] * 34, ("POST", "/drawings/preview", seen, second)]
    answers = dict(inside.ask_each(asked, then=let_one_end))
    assert begun[:3] == [THIN, THIN, seen], "the first thread that was free took it"
    assert [answers[place].status for place in range(35)].count(503) == 34 - PLACES // 4
    assert answers[34].status == 200


@pytest.mark.parametrize("size", [(1, 16_000_000), (10_001, 1), (1, 10_001)])
def test_a_picture_with_a_long_side_is_refused_by_its_header(inside: Inside, size: tuple[int, int]):
    reply = inside.ask("POST", "/drawings/preview", png_that_claims(*size), {"content-type": "image/png"})
    assert (reply.status, reply.json["error"]) == (422, "unreadable-image")
    assert f"{size[0]} x {size[1]} pixels, the limit of a side is 10,000" in reply.json["message"]


LARGE = {
    "a picture": ("/drawings/preview", file_of(seven()), "image/png"),
    "grey values": ("/drawings/preview?width=28&height=28", bytes(784), "application/octet-stream"),
    "long strokes": ("/drawings/preview", json.dumps({"strokes": [[[0, 0], [5, 99]] * 501]}).encode(), None),
    "a batch": ("/classify/batch", json.dumps({"drawings": [PAPER] * 30}).encode(), None),
    "a tensor": (
        "/v2/models/digits/infer",
        json.dumps(request(tensor(np.zeros((30, 28, 28), np.uint8)))).encode(),
        None,
    ),
}
SMALL = {
    "strokes": ("/drawings/preview", b'{"strokes": [[[0, 0], [5, 99]]]}', None),
    "a batch": ("/classify/batch", json.dumps({"drawings": [PAPER]}).encode(), None),
    "a tensor": (
        "/v2/models/digits/infer",
        json.dumps(request(tensor(np.zeros((1, 28, 28), np.uint8)))).encode(),
        None,
    ),
}


@pytest.fixture
def no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(self: Aside, work: Callable[[], object], *, of: object) -> None:
        raise Overloaded("many", retry_after=1)

    monkeypatch.setattr(Aside, "run", run)


def ask(inside: Inside, path: str, body: bytes, kind: str | None) -> tuple[int, str | None]:
    reply = inside.ask("POST", path, body, {"content-type": kind or "application/json"})
    return reply.status, reply.headers.get("retry-after")


@pytest.mark.parametrize("case", LARGE)
def test_what_takes_long_to_decode_is_refused_while_no_place_is_free(inside: Inside, no_place: None, case: str):
    assert ask(inside, *LARGE[case]) == (503, "1")


@pytest.mark.parametrize("case", SMALL)
def test_what_is_small_needs_no_place(inside: Inside, no_place: None, case: str):
    assert ask(inside, *SMALL[case]) == (200, None)


@pytest.mark.parametrize("case", LARGE)
def test_what_takes_long_to_decode_is_answered(inside: Inside, case: str):
    assert ask(inside, *LARGE[case]) == (200, None)
