"""What a flag costs: microseconds of one evaluation, of a remembered one, and of both flags that a request asks for.

    .venv/bin/python benchmarks/flags.py [--quick] [--json]

Each evaluation goes the whole way: app/flags, OpenFeature's client, flagd's evaluator. Every visitor is a new one, so
that nothing is remembered, except where remembering is measured. A round is timed as a whole and divided by its calls,
which includes the loop around them and the visitor's context (about 0.2 us).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.flags.evaluator import Context, Flags  # noqa: E402 - the path to app/ comes first

TARGET = 60.0
"""Most microseconds of one evaluation."""
ONE = "one evaluation"
"""Prefix of the names of such figures."""
VERSIONS = ("v1.0", "v2.0", "v1.1")
LAB = {"==": [{"var": "key"}, "lab"]}
RULES: dict[str, Any] = {
    "static": None,
    "fractional, two versions": {"fractional": [["v2.0", 20], ["v1.0", 80]]},
    "fractional, three versions": {"fractional": [["v2.0", 20], ["v1.1", 10], ["v2.0", 30], ["v1.0", 40]]},
    "a key, else fractional": {"if": [LAB, "v2.0", {"fractional": [["v2.0", 20], ["v1.0", 80]]}]},
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds of few calls")
    parser.add_argument("--json", action="store_true", help="every round, as one JSON object")
    options = parser.parse_args(arguments)
    rounds, calls = (3, 500) if options.quick else (15, 5_000)
    found = figures(rounds=rounds, calls=calls)
    if options.json:
        json.dump({"rounds": rounds, "calls": calls, "microseconds": found}, sys.stdout)
        return
    print(f"microseconds a call: median of {rounds} rounds of {calls:,} calls, and the lowest and highest round")
    for name, times in found.items():
        print(f"{name:<44} {median(times):6.2f}  ({min(times):.2f} to {max(times):.2f})")
    worst = max(median(times) for name, times in found.items() if name.startswith(ONE))
    met = "met" if worst <= TARGET else "not met"
    print(f"target: at most {TARGET:g} us for one evaluation; the dearest takes {worst:.1f} us: {met}")


def figures(*, rounds: int, calls: int) -> dict[str, list[float]]:
    """Question -> microseconds a call, in each round."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            f"{ONE}: {name}": measure(flags_with(rule, Path(folder)).choose, rounds=rounds, calls=calls)
            for name, rule in RULES.items()
        }
        flags = flags_with(RULES["fractional, two versions"], Path(folder))
        found["a request: model-version and keep-drawings"] = measure(lambda who: ask_both(flags, who), rounds, calls)
        found["one remembered decision"] = measure(flags.choose, rounds, calls, visitors=1)
    return found


def flags_with(rule: Any, folder: Path) -> Flags:
    """Flags of a file in which model-version has this rule, and keep-drawings is on."""
    model = {"state": "ENABLED", "variants": {one: one for one in VERSIONS}, "defaultVariant": "v1.0"}
    keep = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    flags = {"model-version": model | ({"targeting": rule} if rule else {}), "keep-drawings": keep}
    file = folder / "flags.json"
    file.write_text(json.dumps({"flags": flags}))
    return Flags(file, versions=VERSIONS, default=VERSIONS[0])


def ask_both(flags: Flags, context: Context) -> None:
    flags.choose(context)
    flags.keep_drawings(context, default=True)


def measure(ask: Callable[[Context], object], rounds: int, calls: int, *, visitors: int | None = None) -> list[float]:
    """Microseconds a call, of each round; the first, which warms up, is left out.

    Args:
        visitors: the number that ask in turn; None: each call has a new visitor.
    """
    found = []
    for number in range(rounds + 1):
        names = [f"{number}-{call}" if visitors is None else f"{call % visitors}" for call in range(calls)]
        start = time.perf_counter()
        for name in names:
            ask(Context(name, None, "/drawings"))
        found.append((time.perf_counter() - start) / calls * 1e6)
    return found[1:]


if __name__ == "__main__":
    main()
