"""Load against PixelWise and its peers, side by side: the part `peers` of service.py.

In each round every service is started, must answer as the plain one does, is loaded for some seconds (closed loop, one
drawing per request, bodies in turns) and is stopped; who begins a round changes. Ratios are of the same round.
"""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from load import Drawing, Target, digits, run_closed
from peers.processor import processor_seconds
from peers.services import PLAIN, ROOT, Scores, Service, running

CHECKED = 100
"""Drawings that every service must read as the plain one does, before it is timed."""
TOLERANCE = 1e-5
WARM_UP_SECONDS = 2.0


def measure(services: Sequence[Service], *, rounds: int, seconds: float, connections: int) -> dict[str, Any]:
    """Every run of every service, as the JSON file holds them: milliseconds, and requests per second."""
    drawings = digits(1_000)
    runs: dict[str, list[dict[str, Any]]] = {service.name: [] for service in services}
    with running(PLAIN, drawings[:CHECKED]) as plain:
        truth = read(PLAIN, plain.target)
    for number in range(rounds):
        first = number % len(services)
        for service in [*services[first:], *services[:first]]:
            say(f"round {number + 1} of {rounds}: {service.name}")
            runs[service.name].append(one_run(service, drawings, truth, seconds=seconds, connections=connections))
            say(f"{runs[service.name][-1]['requests_per_second']:,.0f} requests/s")
    return {
        "connections": connections,
        "seconds": seconds,
        "checked": CHECKED,
        "versions": {service.name: service.version for service in services},
        "runs": runs,
    }


def one_run(
    service: Service, drawings: Sequence[Drawing], truth: Sequence[Scores], *, seconds: float, connections: int
) -> dict[str, Any]:
    with running(service, drawings) as (target, process, _):
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


def say(line: str) -> None:
    print(f"peers: {line}", file=sys.stderr, flush=True)
