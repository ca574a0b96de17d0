"""Load against PixelWise and its peers, side by side: `make bench-peers`.

    cd benchmarks && python -m peers.run [--rounds 3] [--seconds 8] [--connections 50] [--only NAME ...]

In each round every service is started, must answer as the plain one does, is loaded for some seconds (closed loop, one
drawing per request, bodies in turns) and is stopped; who begins a round changes. Ratios are of the same round.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import median
from typing import Any

from load import Drawing, Target, digits, run_closed
from machine import processor
from peers.processor import processor_seconds
from peers.services import OURS, PEERS, PLAIN, ROOT, Scores, Service, running

RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
CHECKED = 100
"""Drawings that every service must read as the plain one does, before it is timed."""
TOLERANCE = 1e-5
WARM_UP_SECONDS = 2.0
AIMS = {PLAIN.name: (10, 8), **{one.name: (6, 4) for one in PEERS}}
"""Times more requests per second than each: target and floor."""


def main() -> None:
    services = {one.name: one for one in (OURS, PLAIN, *PEERS)}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--only", nargs="+", choices=services, default=list(services), metavar="NAME")
    options = parser.parse_args()
    chosen = [services[name] for name in options.only]
    for service in chosen:
        environment(service)
    results = measure(chosen, rounds=options.rounds, seconds=options.seconds, connections=options.connections)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1))
    print(table(results))


def measure(services: Sequence[Service], *, rounds: int, seconds: float, connections: int) -> dict[str, Any]:
    """Every run of every service, as the JSON file holds them: milliseconds, and requests per second."""
    drawings = digits(1_000)
    runs: dict[str, list[dict[str, Any]]] = {service.name: [] for service in services}
    with running(PLAIN, drawings[:CHECKED]) as plain:
        truth = read(PLAIN, plain.target)
    started, load_before = datetime.now(UTC).isoformat(timespec="seconds"), os.getloadavg()
    for number in range(rounds):
        first = number % len(services)
        for service in [*services[first:], *services[:first]]:
            say(f"round {number + 1} of {rounds}: {service.name}")
            runs[service.name].append(one_run(service, drawings, truth, seconds=seconds, connections=connections))
            say(f"{runs[service.name][-1]['requests_per_second']:,.0f} requests/s")
    return {
        "taken": started,
        "connections": connections,
        "seconds": seconds,
        "machine": {"processor": processor(), "cores": len(os.sched_getaffinity(0))},
        "load": {"before": load_before, "after": os.getloadavg()},
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        "versions": {service.name: service.version for service in services},
        "runs": runs,
    }


def one_run(
    service: Service, drawings: Sequence[Drawing], truth: Sequence[Scores], *, seconds: float, connections: int
) -> dict[str, Any]:
    with running(service, drawings) as (target, process):
        found = read(service, Target(target.url, target.bodies[:CHECKED], target.headers))
        worst = max(
            abs(a - b) for one, other in zip(found, truth, strict=True) for a, b in zip(one, other, strict=True)
        )
        if worst > TOLERANCE:
            sys.exit(f"peers: {service.name} gives other scores than the plain service: they differ by {worst:.2g}")
        run_closed(target, connections=connections, seconds=WARM_UP_SECONDS, warm_up=0)
        before = processor_seconds(process)
        result = run_closed(target, connections=connections, seconds=seconds, warm_up=0)
        used = processor_seconds(process) - before
    if set(result.statuses) != {200} or result.errors:
        sys.exit(f"peers: {service.name} answered {result.statuses}, {result.errors} requests were lost")
    figures = {name: value for name, value in asdict(result).items() if name != "answers"}
    return {**figures, "processor_ms_per_request": 1000 * used / result.statuses[200]}


def read(service: Service, target: Target) -> list[Scores]:
    """The scores of the target's drawings, in order."""
    answers = run_closed(target, connections=4, seconds=60, warm_up=0, keep=True, limit=len(target.bodies)).answers
    if [answer.status for answer in answers] != [200] * len(target.bodies):
        sys.exit(f"peers: {service.name} did not read {CHECKED} drawings: {answers[-1:]}")
    return [service.scores(json.loads(answer.body)) for answer in sorted(answers)]


def environment(service: Service) -> None:
    """Makes the service's virtual environment when its pins changed; the stamp is written last."""
    if service.requirements is None:
        return
    folder, requirements = ROOT / service.environment, ROOT / service.requirements
    stamp = folder / ".installed-requirements.txt"
    if stamp.exists() and filecmp.cmp(requirements, stamp, shallow=False):
        return
    say(f"{service.environment}: installing {requirements.name} (pinned and hashed; a minute or two)")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--require-hashes", "-r", str(requirements)]).returncode:
        sys.exit(
            f"peers: {requirements} could not be installed. Is the package registry reachable? Then run this again."
        )
    shutil.copy(requirements, stamp)


def table(results: Mapping[str, Any]) -> str:
    """Markdown: medians over the rounds, and how many times more requests PixelWise answers (smallest and largest).

    Processor time is that of all the service's processes, for one request: it may exceed one core's.
    """
    runs = results["runs"]
    lines = ["| | requests/s | p50 ms | p99 ms | processor ms | times more requests | our p99 : its p99 |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for name, rounds in runs.items():
        cells = [
            f"{name} {results['versions'][name] or ''}".strip(),
            f"{median(one['requests_per_second'] for one in rounds):,.0f}",
        ]
        cells += [f"{median(one['ok'][place] for one in rounds):.1f}" for place in ("p50", "p99")]
        cells.append(f"{median(one['processor_ms_per_request'] for one in rounds):.2f}")
        lines.append(f"| {' | '.join(cells + compared(name, runs))} |")
    return "\n".join([*lines, "", conditions(results)])


def conditions(results: Mapping[str, Any]) -> str:
    """One paragraph: what the figures were taken on."""
    machine, load, coretype = results["machine"], results["load"], results["OPENBLAS_CORETYPE"]
    rounds = len(next(iter(results["runs"].values())))
    return (
        f"Medians of {rounds} rounds of {results['seconds']:g} s with {results['connections']} connections; "
        f"{machine['processor']}, {machine['cores']} cores;\n"
        f"`OPENBLAS_CORETYPE` {f'set to {coretype}' if coretype else 'not set'}. "
        f"Load average {load['before'][0]:.1f} before, {load['after'][0]:.1f} after."
    )


def compared(name: str, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Two cells: how many times more, with what was aimed at, and whose 99th percentile is which part."""
    if name == OURS.name or OURS.name not in runs:
        return ["", ""]
    pairs = list(zip(runs[OURS.name], runs[name], strict=True))
    more = sorted(ours["requests_per_second"] / other["requests_per_second"] for ours, other in pairs)
    part = median(ours["ok"]["p99"] / other["ok"]["p99"] for ours, other in pairs)
    target, floor = AIMS[name]
    verdict = "met" if median(more) >= target else "floor met" if median(more) >= floor else "**not met**"
    return [f"{median(more):.1f}x ({more[0]:.1f}-{more[-1]:.1f}), ≥ {target} {verdict}", f"{part:.2f}"]


def say(line: str) -> None:
    print(f"peers: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
