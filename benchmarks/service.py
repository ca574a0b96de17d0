"""Measures the service and its peers and writes it down: `make bench-peers`.

    python benchmarks/service.py [--quick] [--only PART ...] [--docs]

Each part stands in benchmarks/results/service.json with the moment, the load of the machine and OPENBLAS_CORETYPE; a
part that is measured again replaces its older figures. The exit code is 5 when something that was measured now misses
its target, or its floor where it has one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from machine import processor
from peers.run import environment, measure
from peers.services import OURS, PEERS, PLAIN, PLAIN_ASYNC, ROOT
from service_claims import claims
from service_parts import batches, idle, lone, memory, overload, versions

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "benchmarks" / "service_page.py"
MISSED = 5

Part = Callable[[], dict[str, Any]]


def parts(*, quick: bool) -> Mapping[str, Part]:
    """Name -> what measures it, in the order in which they are run."""
    contenders = (OURS, PLAIN, PLAIN_ASYNC, *PEERS)
    if quick:
        return {
            "peers": lambda: measure(contenders, rounds=1, seconds=2, connections=50),
            "lone": lambda: lone(rounds=3, requests=200),
            "overload": lambda: overload(rounds=1, seconds=3),
            "versions": lambda: versions(rounds=1, seconds=3, quick=True),
            "idle": lambda: idle(seconds=10),
            "batches": lambda: batches(seconds=2),
            "memory": lambda: memory(first=5_000, last=20_000),
        }
    return {
        "peers": lambda: measure(contenders, rounds=5, seconds=8, connections=50),
        "lone": lambda: lone(rounds=15, requests=300),
        "overload": lambda: overload(rounds=5, seconds=8),
        "versions": lambda: versions(rounds=5, seconds=8, quick=False),
        "idle": lambda: idle(seconds=60),
        "batches": lambda: batches(seconds=8),
        "memory": lambda: memory(first=50_000, last=200_000),
    }


def main() -> None:
    names = list(parts(quick=False))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short runs; figures go to service-quick.json")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PART", help=", ".join(names))
    parser.add_argument("--docs", action="store_true", help="also write docs/peers.md and docs/peers.png")
    options = parser.parse_args()
    environment(PLAIN)  # its environment draws the plot too
    if "peers" in options.only:
        for peer in PEERS:
            environment(peer)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("service-quick.json" if options.quick else "service.json")
    results = json.loads(file.read_text()) if file.exists() else {"parts": {}}
    results["quick"] = options.quick
    results["machine"] = {"processor": processor(), "cores": len(os.sched_getaffinity(0))}
    chosen = {name: part for name, part in parts(quick=options.quick).items() if name in options.only}
    for name, part in chosen.items():
        say(name)
        results["parts"][name] = stamped(part)
        file.write_text(json.dumps(results, indent=1))
    python = ROOT / PLAIN.environment / "bin" / "python"
    subprocess.run([python, PAGE, file, *(["--docs", ROOT / "docs"] if options.docs else [])], check=True)
    measured_now = {"parts": {name: results["parts"][name] for name in chosen}}
    missed = [claim for claim in claims(measured_now) if claim.verdict == "not met"]
    for claim in missed:
        say(f"not met: {claim.title}: {claim.shown}, {claim.aimed}")
    sys.exit(MISSED if missed else 0)


def stamped(part: Part) -> dict[str, Any]:
    """What the part found, and when, and on what."""
    taken, before = datetime.now(UTC).isoformat(timespec="minutes"), os.getloadavg()
    found = part()
    coretype = os.environ.get("OPENBLAS_CORETYPE")
    return {"taken": taken, "load_average": [before[0], os.getloadavg()[0]], "OPENBLAS_CORETYPE": coretype, **found}


def say(line: str) -> None:
    print(f"service: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
