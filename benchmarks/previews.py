"""Previews while a class draws: alone, beside all other versions, and with their reasons asked for too.

    MODEL_VERSIONS=v1.0,v2.0,v3.0 .venv/bin/pixelwise serve
    .venv/bin/python benchmarks/previews.py http://127.0.0.1:8000

Each of 50 visits behaves as the page does while somebody draws: it sends a preview, waits for the answer and then for
80 ms, and sends the next one. Reasons are asked for on a connection of their own, one question at a time, after an
answer. The three ways take turns for some rounds against the same service, with which the generator shares the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

PEOPLE, PAUSE_SECONDS = 50, 0.08
STEPS = 40
"""Points of a digit as it grows."""


class Way(NamedTuple):
    """What the page asks: the parameters of a preview, and those of a question for reasons, if any."""

    name: str
    preview: str
    reasons: str | None = None


WAYS = (
    Way("one version", ""),
    Way("all versions", "?beside=1"),
    Way("all versions, and why", "?beside=1", "?explain=1"),
)


class Measured(NamedTuple):
    """Milliseconds of previews that were answered; how many of them, and of reasons, had which status."""

    latencies: list[float]
    previews: Counter[int]
    reasons: Counter[int]


def strokes(step: int) -> bytes:
    """A 3 of which so many points are drawn."""
    turns = [step_ / STEPS * 2 * math.pi for step_ in range(1, step % STEPS + 2)]
    points = [[150 + 55 * math.sin(turn * 2 % (2 * math.pi)) ** 2, 40 + 30 * turn] for turn in turns]
    return json.dumps({"strokes": [points], "pen_width": 16, "canvas": [280, 280]}).encode()


class Connection:
    """A connection of one visit that stays open."""

    def __init__(self, address: tuple[str, int], headers: str) -> None:
        self._address, self._headers = address, headers

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)

    async def ask(self, path: str, body: bytes) -> int:
        """The status of the answer, which is read to its end."""
        head = f"POST /drawings/preview{path} HTTP/1.1\r\n{self._headers}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        await self._reader.readexactly(int(answer.partition("content-length: ")[2].partition("\r\n")[0]))
        return int(answer.split(" ", 2)[1])

    def close(self) -> None:
        self._writer.close()


async def new_visit(address: tuple[str, int]) -> str:
    """The headers of a new visit."""
    reader, writer = await asyncio.open_connection(*address)
    host = f"{address[0]}:{address[1]}"
    writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    cookie = head.partition("set-cookie: ")[2].partition(";")[0]
    if not cookie:
        sys.exit("previews: the service gave no visit; it may limit this address")
    return f"Host: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\nContent-Type: application/json\r\n"


async def draw(address: tuple[str, int], headers: str, way: Way, until: float, measured: Measured) -> None:
    """One person, until the time is over."""
    connection, aside = Connection(address, headers), Connection(address, headers)
    await connection.open()
    await aside.open()
    asking: asyncio.Task[None] | None = None

    async def ask_why(body: bytes) -> None:
        measured.reasons[await aside.ask(way.reasons or "", body)] += 1

    step = 0
    while time.monotonic() < until:
        body = strokes(step)
        begun = time.monotonic()
        status = await connection.ask(way.preview, body)
        measured.previews[status] += 1
        if status == 200:
            measured.latencies.append(1000 * (time.monotonic() - begun))
        if way.reasons is not None and (asking is None or asking.done()):
            asking = asyncio.create_task(ask_why(body))
        await asyncio.sleep(PAUSE_SECONDS)
        step += 1
    if asking is not None:
        await asking
    connection.close()
    aside.close()


async def measure(address: tuple[str, int], visits: Sequence[str], way: Way, seconds: float) -> Measured:
    measured = Measured([], Counter(), Counter())
    until = time.monotonic() + seconds
    await asyncio.gather(*(draw(address, headers, way, until, measured) for headers in visits))
    return measured


async def run(address: tuple[str, int], rounds: int, seconds: float) -> None:
    visits = [await new_visit(address) for _ in range(PEOPLE)]
    found: dict[Way, list[Measured]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            found[way].append(await measure(address, visits, way, seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    print("| the page asks for | previews a second | p50, ms | p99, ms | refused | reasons a second | refused |")
    print("|---|---|---|---|---|---|---|")
    for way, all_of_them in found.items():
        answered = median(len(one.latencies) / seconds for one in all_of_them)
        p50, p99 = (median(at(one.latencies, share) for one in all_of_them) for share in (0.5, 0.99))
        previews, reasons = (sum((one[place] for one in all_of_them), Counter()) for place in (1, 2))
        why = f"{reasons[200] / rounds / seconds:.0f} | {refused(reasons)}" if way.reasons else "– | –"
        print(f"| {way.name} | {answered:.0f} | {p50:.1f} | {p99:.1f} | {refused(previews)} | {why} |")


def at(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def refused(statuses: Counter[int]) -> str:
    return f"{1 - statuses[200] / statuses.total():.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    parts = urlsplit(given.url)
    asyncio.run(run((parts.hostname or "127.0.0.1", parts.port or 80), given.rounds, given.seconds))


if __name__ == "__main__":
    main()
