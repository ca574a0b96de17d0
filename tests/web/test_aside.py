"""Work that would hold the event loop up is done elsewhere, and only so much of it waits."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable

import numpy as np
import pytest

from app.errors import Overloaded
from app.web.aside import Aside
from tests.inference.test_image_files import seven
from tests.inference.test_pictures import file_of
from tests.web.inside import Inside
from tests.web.test_tensors import request, tensor

PATIENCE_SECONDS = 30
PAPER = {"pixels": [[0] * 28] * 28}


def test_so_much_is_done_and_waits_and_one_more_is_refused_until_a_place_is_free():
    may_go_on = threading.Event()

    async def ask() -> None:
        aside = Aside(threads=1, places=2)
        held = [asyncio.ensure_future(aside.run(lambda: may_go_on.wait(PATIENCE_SECONDS))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await aside.run(lambda: True)
        may_go_on.set()
        assert await asyncio.gather(*held) == [True, True]
        assert await aside.run(lambda: threading.current_thread() is not threading.main_thread())

    asyncio.run(ask())


def test_work_that_fails_or_that_nobody_waits_for_any_more_gives_its_place_back_at_its_end():
    begun, may_go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return may_go_on.wait(PATIENCE_SECONDS)

    async def ask() -> None:
        aside = Aside(threads=1, places=1)
        with pytest.raises(ZeroDivisionError):
            await aside.run(lambda: 1 / 0)
        left = asyncio.ensure_future(aside.run(wait))
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        left.cancel()
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await aside.run(lambda: True)
        may_go_on.set()
        while True:
            try:
                assert await aside.run(lambda: True)
            except Overloaded:
                await asyncio.sleep(0.001)
            else:
                return

    asyncio.run(ask())


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
    async def run(self: Aside, work: Callable[[], object]) -> None:
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
