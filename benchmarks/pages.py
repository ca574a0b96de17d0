"""The text of docs/benchmarks.md, from a run's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from claims import COMPARISONS, Ratio, cold_start, compared

HEAD = """\
# Benchmarks

Written by `make bench` on {date}; not edited by hand. The machine: {machine}

**{met} of {aimed} targets met.**{missed}

![How many times faster than the plain path, by version and batch size](benchmarks.png)

## What is compared
The *plain path* is the course's: `joblib.load`, `predict_proba` on `(images > 128).astype(float)`, a dictionary for
each row. *onnxruntime* runs an equivalent graph (uint8 in, threshold, layers, softmax) with as many threads as the
engine. All sides run in one process, on MNIST's test digits, in {rounds} rounds of turns; who begins changes. A ratio
is the other's time by ours in the same round: the median over the rounds, and in brackets the smallest and the largest.
Times are medians, per image. Before anything is timed, all sides must give the same labels for all 10,000 digits, and
scores within 1e-5 (the largest difference seen: {difference:.1e}). The garbage collector stays on.
"""

TAIL = """
## Reproduce
`make bench` on a machine that does nothing else; some minutes. `bash benchmarks/run.sh --quick` shows the table after a
few rounds and leaves this page as it is. Every single time is in `benchmarks/results/benchmarks.json`.
"""


def page(results: Mapping[str, Any]) -> str:
    single = [one for one in results["passes"] if one["threads"] == 1]
    every = [one for one in results["passes"] if one["threads"] != 1]
    found = {
        f"{one['version']}, {comparison.title}, {size:,} images": ratio
        for one in single
        for comparison in COMPARISONS
        for size, ratio in compared(one, comparison).items()
    }
    for version, runs in results["cold_starts"].items():
        found |= {f"{version}, cold start, {what}": ratio for what, ratio in cold_start(runs).items()}
    aimed = {name: ratio for name, ratio in found.items() if ratio.target is not None}
    missed = [f"- {name}: {_times(ratio)}" for name, ratio in aimed.items() if ratio.verdict == "not met"]
    text = HEAD.format(
        date=results["taken"].partition("T")[0],
        machine=_machine(results),
        met=len(aimed) - len(missed),
        aimed=len(aimed),
        missed=" Not met:\n\n" + "\n".join(missed) if missed else "",
        rounds=len(single[0]["seconds"]["1"]["engine"]),
        difference=max(one["worst_difference"] for one in results["passes"]),
    )
    text += "\n## One thread\n" + "".join(_pass(one) for one in single)
    text += "\n## Threads as the libraries choose\nOne for each core; nothing was aimed at.\n" + "".join(
        map(_pass, every)
    )
    return text + _cold_starts(results) + _own_figures(results) + TAIL


def _machine(results: Mapping[str, Any]) -> str:
    machine, load = results["machine"], results["load"]
    coretype = machine["OPENBLAS_CORETYPE"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"Python {machine['python']}, {packages}; {', '.join(results['passes'][0]['blas'])}, "
        f"`OPENBLAS_CORETYPE` {f'set to {coretype}' if coretype else 'not set'}. "
        f"Load average {load['before'][0]:.1f} before, {load['after'][0]:.1f} after."
    )


def _pass(one_pass: Mapping[str, Any]) -> str:
    lines = [
        f"\n### {one_pass['version']}, {one_pass['kind']}\n",
        "| ours : other | images | ours | other | times faster | target | |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for comparison in COMPARISONS:
        for size, found in compared(one_pass, comparison).items():
            times = [f"{_significant(seconds / size * 1e6)} µs" for seconds in (found.ours, found.other)]
            lines.append(_row([comparison.title, f"{size:,}", *times, _times(found), _target(found), found.verdict]))
    return "\n".join(lines) + "\n"


def _cold_starts(results: Mapping[str, Any]) -> str:
    lines = [
        "\n## Cold start to the first prediction",
        "Whole processes in turns, from start to end: ours imports `app.classifier`, which verifies the release, and reads",
        "one digit; the plain path imports joblib, loads the artefact and reads the same digit. Compiled byte code is there",
        "for both. Memory is the peak of the process.\n",
        "| version | | ours | plain path | times less | target | |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for version, runs in results["cold_starts"].items():
        for what, found in cold_start(runs).items():
            unit = "s" if what == "time" else "MiB"
            values = [f"{_significant(value)} {unit}" for value in (found.ours, found.other)]
            lines.append(_row([version, what, *values, _times(found), _target(found), found.verdict]))
    return "\n".join(lines) + "\n"


def _own_figures(results: Mapping[str, Any]) -> str:
    pulls = ", ".join(f"{version} {_significant(seconds)} s" for version, seconds in results["pull_seconds"].items())
    training = results["training_seconds"]
    return (
        "\n## Training and pull\n"
        + (f"- `train.py --version v1.0`, start to end: {_significant(training)} s.\n" if training else "")
        + f"- `pixelwise pull` of a local release into an empty folder, verified, median of three: {pulls}.\n"
    )


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _times(found: Ratio) -> str:
    return f"{_significant(found.value)} ({_significant(found.low)}-{_significant(found.high)})"


def _target(found: Ratio) -> str:
    return "" if found.target is None else f"≥ {_significant(found.target)}"


def _significant(value: float) -> str:
    """Three digits at most, two for small ones; no exponents: 412, 12.5, 0.87, 1,240."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
