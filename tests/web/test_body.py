"""How much of the bodies of all requests is held while they arrive, and what is asked before they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.answering.refusals import Overloaded
from app.web import body as module
from app.web.body import Arriving, read_body
from app.web.refusals import TooLarge
from app.web.request import Call
from tests.web.inside import Inside

PART = 50_000


async def _message(gate: asyncio.Event, parts: int) -> AsyncIterator[dict[str, object]]:
    for number in range(parts):
        if number == parts - 1:
            await gate.wait()
        yield {"type": "http.request", "body": bytes(PART), "more_body": number < parts - 1}
    yield {"type": "http.disconnect"}


def read(parts: int, last: asyncio.Event, *, limit: int = 1 << 30, of: str = "a") -> asyncio.Future[bytes]:
    """A body of so many parts that this caller sends, of which the last one waits."""
    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    return asyncio.ensure_future(read_body(Call(scope, _message(last, parts).__anext__), limit=limit, of=of))


@pytest.fixture
def arriving(monkeypatch: pytest.MonkeyPatch) -> Arriving:
    made = Arriving(20 * PART)
    monkeypatch.setattr(module, "_arriving", made)
    return made


def test_large_bodies_are_counted_while_they_arrive_and_one_too_many_is_refused(arriving: Arriving):
    async def ask() -> None:
        last = asyncio.Event()
        first, small = read(5, last), read(2, last)
        others = [read(6, last, of=of) for of in "bcd"]
        await asyncio.sleep(0.01)
        assert arriving.bytes == 19 * PART
        with pytest.raises(Overloaded, match="950,000 bytes of large bodies on"):
            await asyncio.wait_for(read(3, last, of="e"), 5)
        assert arriving.bytes == 19 * PART
        last.set()
        assert [len(body) for body in await asyncio.gather(first, small)] == [5 * PART, 2 * PART]
        await asyncio.gather(*others)
        assert arriving.bytes == 0
        assert len(await read(3, last)) == 3 * PART

    asyncio.run(ask())


def test_one_caller_has_a_share_of_what_may_arrive_and_others_have_theirs(arriving: Arriving):
    async def ask() -> None:
        last = asyncio.Event()
        first = read(5, last, of="many")
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded, match="200,000 bytes of large bodies of yours"):
            await asyncio.wait_for(read(3, last, of="many"), 5)
        other = read(5, last, of="one")
        await asyncio.sleep(0.01)
        last.set()
        assert [len(body) for body in await asyncio.gather(first, other)] == [5 * PART] * 2

    asyncio.run(ask())


def test_a_body_that_is_refused_or_left_is_no_longer_counted(arriving: Arriving):
    async def ask() -> None:
        with pytest.raises(TooLarge):
            await read(5, asyncio.Event(), limit=3 * PART)
        assert arriving.bytes == 0
        left = read(5, asyncio.Event())
        await asyncio.sleep(0.01)
        assert arriving.bytes == 4 * PART
        left.cancel()
        await asyncio.wait([left])
        assert arriving.bytes == 0

    asyncio.run(ask())


@pytest.mark.parametrize("path", ["/classify/batch", "/v2/models/digits/infer"])
@pytest.mark.parametrize(("length", "rows"), [(784 * 30, 30), (784 * 2000, 1000)])
def test_raw_drawings_are_counted_by_their_length_before_they_are_read(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, path: str, length: int, rows: int
):
    asked: list[int] = []
    monkeypatch.setattr(inside.service.reader.queue, "admit", lambda rows=1: asked.append(rows))
    headers = {"content-type": "application/octet-stream", "content-length": str(length)}
    assert inside.ask("POST", path, b"x", headers).status in (400, 422)
    assert asked == [1, rows]
