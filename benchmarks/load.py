"""A lean HTTP/1.1 load generator: one process, epoll, standard library only.

    python benchmarks/load.py --url http://127.0.0.1:8000/classify --key KEY --connections 50 --seconds 10 [--rate 900]

Closed loop (`run_closed`): each connection sends its next request when the last one is answered. Open loop
(`run_open`): requests arrive at a fixed rate regardless of the server, and latency counts from the moment a request
should have been sent, so that waiting for a free connection is not hidden. Requests are made before the clock starts;
of an answer only the status and the length are read. The generator shares the machine with the server: the processor
time that it took is reported.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from loop import Answer, Loop, clock

DIGITS = Path(__file__).resolve().parent.parent / "pixelwise-model" / "data" / "t10k-images-idx3-ubyte"

Drawing = list[list[int]]


@dataclass(frozen=True)
class Target:
    """The destination and the contents of requests.

    Args:
        url: http://HOST:PORT/PATH
        bodies: sent in turns
        headers: beside Host, Content-Type and Content-Length
    """

    url: str
    bodies: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def requests(self) -> list[bytes]:
        """Whole requests, as bytes, one for each body."""
        parts = urlsplit(self.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc, "Content-Type": self.content_type, **self.headers}
        head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in self.bodies]


@dataclass(frozen=True)
class Latency:
    """Milliseconds; zeros where there was no such answer."""

    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        ordered = sorted(seconds) or [0.0]
        last = len(ordered) - 1
        return cls(*(1000 * ordered[min(last, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99, 1)))


@dataclass(frozen=True)
class Result:
    """Measurements of a run after its warm-up.

    `ok` is the latency of answers with status 200, `others` of the rest. `errors` counts requests without an answer:
    refused, cut off, or open at the end. `reconnects` counts the connections that the server closed or refused, and
    `generator_seconds` is processor time of this process, both with the warm-up.
    """

    seconds: float
    statuses: dict[int, int]
    errors: int
    reconnects: int
    requests_per_second: float
    ok: Latency
    others: Latency
    generator_seconds: float
    answers: list[Answer] = field(default_factory=list, repr=False)


def run_closed(
    target: Target,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 1.0,
    limit: int | None = None,
    keep: bool = False,
) -> Result:
    """Each connection sends its next request when the last one is answered.

    Args:
        limit: the number of requests after which to end, if reached first; None: only the time counts
        keep: keep the answers of the measured time
    """
    requests = target.requests()
    return _run(
        Loop(
            target.address, requests, connections=connections, seconds=seconds, warm_up=warm_up, limit=limit, keep=keep
        )
    )


def run_open(
    target: Target, *, rate: float, connections: int, seconds: float, warm_up: float = 1.0, keep: bool = False
) -> Result:
    """`rate` requests arrive in a second, evenly; those that find no free connection wait, and their clock runs."""
    requests = target.requests()
    return _run(
        Loop(target.address, requests, connections=connections, seconds=seconds, warm_up=warm_up, rate=rate, keep=keep)
    )


def _run(loop: Loop) -> Result:
    processor = time.process_time()
    loop.run()
    seconds = min(clock(), loop.end) - loop.counted_from
    return Result(
        seconds=seconds,
        statuses=dict(sorted(loop.statuses.items())),
        errors=loop.errors,
        reconnects=loop.reconnects,
        requests_per_second=loop.statuses.total() / seconds,
        ok=Latency.of(loop.ok),
        others=Latency.of(loop.others),
        generator_seconds=time.process_time() - processor,
        answers=loop.answers,
    )


def digits(count: int) -> list[Drawing]:
    """The first `count` of MNIST's held-out digits, each 28 rows of 28 integers 0..255."""
    with DIGITS.open("rb") as file:
        file.seek(16)
        grey = file.read(count * 784)
    return [[list(grey[at : at + 28]) for at in range(first, first + 784, 28)] for first in range(0, len(grey), 784)]


def drawings(count: int = 1_000) -> list[bytes]:
    """Bodies for POST /classify, as a browser writes them."""
    return [json.dumps({"pixels": drawing}, separators=(",", ":")).encode() for drawing in digits(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True, help="http://127.0.0.1:PORT/classify")
    parser.add_argument("--key", help="sent as X-API-Key")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=1, help="seconds that are not counted")
    parser.add_argument("--rate", type=float, help="requests a second (open loop); left out: closed loop")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    target = Target(options.url, drawings(), {"X-API-Key": options.key} if options.key else {})
    shape = {"connections": options.connections, "seconds": options.seconds, "warm_up": options.warm_up}
    result = run_open(target, rate=options.rate, **shape) if options.rate else run_closed(target, **shape)
    if options.json:
        json.dump({name: value for name, value in asdict(result).items() if name != "answers"}, sys.stdout)
        return
    statuses = ", ".join(f"{count:,} x {status}" for status, count in result.statuses.items()) or "none"
    print(f"{result.requests_per_second:,.0f} answers/s: {statuses}")
    print(f"{result.errors:,} errors, {result.reconnects:,} reconnects")
    for name, latency in (("200", result.ok), ("others", result.others)):
        print(f"{name:>6}: " + "  ".join(f"{part} {value:.2f}" for part, value in asdict(latency).items()) + " ms")
    share = result.generator_seconds / (result.seconds + options.warm_up)
    print(f"generator: {result.generator_seconds:.2f} s of processor time, {share:.0%} of a core")


if __name__ == "__main__":
    main()
