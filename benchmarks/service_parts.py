"""Measurements of PixelWise alone: a lone request, overload, two versions, idling, batches, memory. Standard
library only.

Each function starts the service with everything on, as peers/serve_pixelwise.py does, and returns what the JSON file
holds of its part: milliseconds, requests per second, shares of 1, MiB.
"""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from load import Latency, Result, Target, digits, run_closed, run_open
from loop import answer_size
from peers.processor import processor_seconds
from peers.services import OURS, ROOT, TWO, Service, bare, running

CONNECTIONS = 50
OPEN_CONNECTIONS = 400
"""Most requests of the open loop under way at once; further ones wait, and their clock runs."""
LOADS = (0.7, 2.0)
"""Loads, as shares of the throughput that the closed loop measured just before."""
WARM_UP_SECONDS = 2.0
HALF = 0.5
"""Load on two versions, evenly spaced, as a share of what one version alone bears."""
SHADOWS_SECONDS = 1.0
"""Wait after the last answer, until all shadow answers are stored."""
VOLLEYS = 20
MEMORY_STEPS = 4


def lone(*, rounds: int, requests: int) -> dict[str, Any]:
    """One connection, one request after the other: PixelWise, the bare framework, a bare insert, in turns."""
    with running(OURS, digits(100)) as ours:
        answer = run_closed(ours.target, connections=1, seconds=60, warm_up=0, limit=200, keep=True).answers[0].body
        with running(bare(len(answer)), digits(100)) as framework, _insert(ours.folder / "pixelwise.db") as insert:
            turns: dict[str, Callable[[], Latency]] = {
                "PixelWise": lambda: _one_by_one(ours.target, requests),
                "bare framework": lambda: _one_by_one(framework.target, requests),
                "bare insert": lambda: insert(requests),
            }
            found: dict[str, list[dict[str, float]]] = {name: [] for name in turns}
            for turn in turns.values():
                turn()
            for number in range(rounds):
                names = list(turns)
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    found[name].append(asdict(turns[name]()))
            file_system = _printed("stat", "--file-system", "--format=%T", str(ours.folder))
    return {"rounds": rounds, "requests": requests, "answer_bytes": len(answer), "disk": file_system, "runs": found}


def overload(*, rounds: int, seconds: float) -> dict[str, Any]:
    """What the service bears, and then, at once, 70% and 200% of that, arriving evenly."""
    found = []
    with running(OURS, digits(1_000)) as (target, process, _):
        run_closed(target, connections=CONNECTIONS, seconds=WARM_UP_SECONDS, warm_up=0)
        for _ in range(rounds):
            most = run_closed(target, connections=CONNECTIONS, seconds=seconds).requests_per_second
            found.append({"capacity": most, "loads": [_at(load, most, target, process, seconds) for load in LOADS]})
    return {"connections": CONNECTIONS, "open_connections": OPEN_CONNECTIONS, "seconds": seconds, "runs": found}


def _at(load: float, capacity: float, target: Target, process: int, seconds: float) -> dict[str, Any]:
    used, start = processor_seconds(process), time.perf_counter()
    result = run_open(
        target, rate=load * capacity, connections=OPEN_CONNECTIONS, seconds=seconds, warm_up=WARM_UP_SECONDS
    )
    # Longer than was asked for, when answers were still under way at the end: they count, and so does their time.
    span = time.perf_counter() - start
    return {
        "load": load,
        **_figures(result),
        "goodput": result.statuses.get(200, 0) / (span - WARM_UP_SECONDS) / capacity,
        "generator_share": result.generator_seconds / span,
        "service_share": (processor_seconds(process) - used) / span,
    }


def versions(*, rounds: int, seconds: float, quick: bool) -> dict[str, Any]:
    """v1.0 alone, and v1.0 with v2.0 reading along, in turns; then, to both, half of what the first bore. And flags."""
    found = []
    for number in range(rounds):
        turn: dict[str, Any] = {}
        for name in ("alone", "both") if number % 2 == 0 else ("both", "alone"):
            turn[name] = _read_along(OURS if name == "alone" else TWO, seconds=seconds)
        rate = HALF * turn["alone"]["answers_per_second"]
        found.append({**turn, "half": _read_along(TWO, seconds=seconds, rate=rate)})
    shape = {"connections": CONNECTIONS, "open_connections": OPEN_CONNECTIONS, "seconds": seconds}
    return {**shape, "runs": found, "flags": _flag_costs(quick=quick)}


def _read_along(service: Service, *, seconds: float, rate: float | None = None) -> dict[str, Any]:
    """A run of its own, closed or at a rate, with the outcomes of the shadows of its drawings."""
    with running(service, digits(1_000)) as (target, _, _):
        served = json.loads(_got(target, "/health"))
        if len(served["versions"]) != (2 if service is TWO else 1):
            raise SystemExit(
                f"service: {service.name} serves {served['versions']}, and leaves out {served['left_out']}"
            )
        run_closed(target, connections=CONNECTIONS, seconds=WARM_UP_SECONDS, warm_up=0)
        time.sleep(SHADOWS_SECONDS)
        before = _shadows(target)
        if rate is None:
            result = run_closed(target, connections=CONNECTIONS, seconds=seconds, warm_up=0)
        else:
            result = run_open(target, rate=rate, connections=OPEN_CONNECTIONS, seconds=seconds, warm_up=0)
        time.sleep(SHADOWS_SECONDS)
        shadows = {outcome: count - before[outcome] for outcome, count in _shadows(target).items()}
    if not set(result.statuses) <= {200, 503} or result.errors:
        raise SystemExit(f"service: {service.name} answered {result.statuses}, {result.errors} requests were lost")
    answered = result.statuses[200] / result.seconds
    return {**_figures(result), "answers_per_second": answered, "shadows": shadows}


def _shadows(target: Target) -> dict[str, float]:
    """Counts of shadow answers so far, by outcome."""
    text = _got(target, "/metrics")
    counts = dict.fromkeys(("stored", "shed", "failed"), 0.0)
    for outcome, count in re.findall(r'^pixelwise_shadow_answers_total{outcome="(\w+)",.*} (\S+)$', text, re.MULTILINE):
        counts[outcome] += float(count)
    return counts


def _flag_costs(*, quick: bool) -> dict[str, Any]:
    """In a process of its own, which may load the product's libraries."""
    command = [sys.executable, str(ROOT / "benchmarks" / "flags.py"), "--json", *(["--quick"] if quick else [])]
    return dict(json.loads(_printed(*command)))


def idle(*, seconds: float) -> dict[str, Any]:
    """Processor time of parent and worker together while no request comes."""
    with running(OURS, digits(1_000)) as (target, process, _):
        run_closed(target, connections=CONNECTIONS, seconds=1, warm_up=0)
        time.sleep(3)
        before, start = processor_seconds(process), time.perf_counter()
        time.sleep(seconds)
        share = (processor_seconds(process) - before) / (time.perf_counter() - start)
    return {"seconds": seconds, "core_percent": 100 * share}


def batches(*, seconds: float) -> dict[str, Any]:
    """Drawings in an engine call: under closed load, and when all connections send at the same moment."""
    with running(OURS, digits(1_000)) as (target, _, _):
        run_closed(target, connections=CONNECTIONS, seconds=1, warm_up=0)
        rows, calls = _batched(target)
        run_closed(target, connections=CONNECTIONS, seconds=seconds, warm_up=0)
        rows_after, calls_after = _batched(target)
        volleys = []
        with _connected(target, CONNECTIONS) as sockets:
            for _ in range(VOLLEYS + 1):
                _, before = _batched(target)
                _volley(sockets, target.requests())
                volleys.append(_batched(target)[1] - before)
    return {
        "connections": CONNECTIONS,
        "seconds": seconds,
        "drawings_per_call": (rows_after - rows) / (calls_after - calls),
        "calls_per_volley": volleys[1:],
    }


def memory(*, first: int, last: int) -> dict[str, Any]:
    """Resident memory of the worker after so many requests, in equal steps."""
    sizes, done = [], 0
    with running(OURS, digits(1_000)) as (target, process, _):
        worker = int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[-1])
        step = (last - first) // (MEMORY_STEPS - 1)
        for goal in range(first, last + 1, step):
            result = run_closed(target, connections=CONNECTIONS, seconds=3600, warm_up=0, limit=goal - done)
            if result.statuses != {200: goal - done}:
                raise SystemExit(f"service: of {goal - done:,} requests {result.statuses}, {result.errors} lost")
            done = goal
            time.sleep(1)
            sizes.append([done, _resident_mib(worker)])
    return {"connections": CONNECTIONS, "resident_mib": sizes, "growth_mib": sizes[-1][1] - sizes[0][1]}


def _figures(result: Result) -> dict[str, Any]:
    return {name: value for name, value in asdict(result).items() if name != "answers"}


def _one_by_one(target: Target, requests: int) -> Latency:
    result = run_closed(target, connections=1, seconds=600, warm_up=0, limit=requests)
    if result.statuses != {200: requests}:
        raise SystemExit(f"service: {target.url} answered {result.statuses}, {result.errors} requests were lost")
    return result.ok


@contextmanager
def _insert(service_database: Path) -> Iterator[Callable[[int], Latency]]:
    """A function that makes so many transactions of one row each, in a database beside the service's, and times them.

    The rows are the service's own, and so are table, write-ahead log and `synchronous`.
    """
    with closing(sqlite3.connect(service_database)) as theirs:
        (table,) = theirs.execute("SELECT sql FROM sqlite_master WHERE name = 'results'").fetchone()
        rows = theirs.execute("SELECT * FROM results LIMIT 100").fetchall()
        columns = [column[1] for column in theirs.execute("PRAGMA table_info(results)")]
    with closing(sqlite3.connect(service_database.with_name("bare.db"), isolation_level=None)) as ours:
        ours.execute("PRAGMA journal_mode = WAL")
        ours.execute("PRAGMA synchronous = FULL")
        ours.execute(table)
        statement, place = f"INSERT INTO results VALUES ({', '.join('?' * len(columns))})", columns.index("id")
        stored = 0

        def insert(count: int) -> Latency:
            nonlocal stored
            seconds = []
            for _ in range(count):
                row = list(rows[stored % len(rows)])
                row[place] = f"{stored:032x}"
                stored += 1
                start = time.perf_counter()
                ours.execute(statement, row)
                seconds.append(time.perf_counter() - start)
            return Latency.of(seconds)

        yield insert


def _batched(target: Target) -> tuple[float, float]:
    """Drawings and engine calls so far."""
    text = _got(target, "/metrics")
    return tuple(  # type: ignore[return-value]  # two of them
        float(re.search(rf"^pixelwise_batch_rows_{name}{{.*}} (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index]
        for name in ("sum", "count")
    )


def _got(target: Target, path: str) -> str:
    """The answer to GET at this path."""
    host, port = target.address
    with urlopen(f"http://{host}:{port}{path}") as answer:
        return str(answer.read().decode())


@contextmanager
def _connected(target: Target, count: int) -> Iterator[list[socket.socket]]:
    sockets = [socket.create_connection(target.address) for _ in range(count)]
    try:
        for one in sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sockets
    finally:
        for one in sockets:
            one.close()


def _volley(sockets: Sequence[socket.socket], requests: Sequence[bytes]) -> None:
    """One request on each connection, one right after the other; returns when all are answered."""
    for one, request in zip(sockets, requests, strict=False):
        one.sendall(request)
    for one in sockets:
        data = b""
        while (size := answer_size(data)) is None or len(data) < size:
            received = one.recv(65_536)
            if not received:
                raise SystemExit("service: a connection was closed before its answer")
            data += received
        if int(data[9:12]) != 200:
            raise SystemExit(f"service: one of {len(sockets)} drawings at once got {data[:200]!r}")


def _resident_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024  # type: ignore[index]


def _printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
