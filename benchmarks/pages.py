"""The text of docs/benchmarks.md, from a run's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from claims import COMPARISONS, Ratio, cold_start, compared, is_aimed

PAGE = """\
# Benchmarks

For whoever asks how fast the classifier is.
Written by `make bench` on {date}; not edited by hand. The machine: {machine}

**{met} of {aimed} targets met.**{missed}

![How many times faster than the plain path, by version and batch size](benchmarks.png)

## What is compared
The *plain path* is the course's: `joblib.load`, `predict_proba` on `(images > 128).astype(float)`, a dictionary for
each row (*plain answers*), or only the array (*plain scores*). The *engine* gives the array that `classify_batch` makes
its answers of; *onnxruntime* gives it by an equivalent graph (uint8 in, threshold, layers, softmax), with as many
threads. All sides run in one process, on MNIST's test digits, in {rounds} rounds of turns; who begins changes. A ratio
is the other's time by ours in the same round: the median over the rounds, and in brackets the smallest and largest.
Before anything is timed, all sides must give the same labels for all 10,000 digits, and scores within 1e-5 (the
largest difference seen: {difference:.1e}).

Each size of batch has a process of its own, that handles nothing larger: once some megabytes were freed in one piece,
the C library keeps memory at hand, and the plain path takes 1,000 images about 1.7 times faster (measured too, below).
The garbage collector stays on. A full collection, which walks all of scikit-learn's 70,000 objects, falls into few
calls; a turn counts by the median of its calls, which leaves those out on all sides. The row of *means* holds them.

## One thread
{single}
## As many threads as the libraries choose
One for each core. No targets here: what the second thread brings depends on what else the machine does.
{every}
## After larger batches
One thread again, in processes where all sides have handled 10,000 images once before.
{after_large}
## Cold start to the first prediction
Whole processes in turns, from start to end. Ours imports `app.classifier`, which verifies the release, and reads one
digit; the plain path imports joblib, loads the artefact and reads the same digit. Compiled byte code is there for both.
Memory is the peak of the process.

{cold_starts}

## Training and pull
{own_figures}

## Reproduce
`make bench` on a machine that does nothing else; some minutes. `bash benchmarks/run.sh --quick` shows the tables after
a few rounds and leaves this page as it is. Every single time is in `benchmarks/results/benchmarks.json`.
"""
CONTENDERS = ("classify_batch", "plain answers", "engine", "plain scores", "onnxruntime", "find_skew")


def page(results: Mapping[str, Any]) -> str:
    aimed = {name: found for name, found in _all_ratios(results) if found.target is not None}
    missed = [f"- {name}: {_ratio(found)}" for name, found in aimed.items() if found.verdict == "not met"]
    passes = results["passes"]
    return PAGE.format(
        date=results["taken"].partition("T")[0],
        machine=_machine(results),
        met=len(aimed) - len(missed),
        aimed=len(aimed),
        missed=" Not met:\n\n" + "\n".join(missed) if missed else "",
        rounds=len(passes[0]["seconds"]["1"]["engine"]),
        difference=max(one["worst_difference"] for one in passes),
        single="".join(_pass(one) for one in passes if is_aimed(one)),
        every="".join(_pass(one) for one in passes if one["threads"] is None),
        after_large="".join(_pass(one) for one in passes if one["after_large"]),
        cold_starts=_cold_starts(results["cold_starts"]),
        own_figures=_own_figures(results),
    )


def _all_ratios(results: Mapping[str, Any]) -> Iterable[tuple[str, Ratio]]:
    for one_pass in results["passes"]:
        for comparison in COMPARISONS:
            for size, found in compared(one_pass, comparison).items():
                yield f"{one_pass['version']}, {comparison.title}, {size:,} images", found
    for version, runs in results["cold_starts"].items():
        for what, found in cold_start(runs).items():
            yield f"{version}, cold start, {what}", found


def _machine(results: Mapping[str, Any]) -> str:
    machine, load = results["machine"], results["load"]
    coretype = machine["OPENBLAS_CORETYPE"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores,\n{machine['memory_gib']} GiB, {machine['system']}; "
        f"Python {machine['python']}, {packages};\n{', '.join(results['passes'][0]['blas'])}, "
        f"`OPENBLAS_CORETYPE` {f'set to {coretype}' if coretype else 'not set'}. "
        f"Load average {load['before'][0]:.1f} before, {load['after'][0]:.1f} after."
    )


def _pass(one_pass: Mapping[str, Any]) -> str:
    """One table of ratios, one of times per image."""
    sizes = list(one_pass["seconds"])
    columns = [f"{int(size):,}" for size in sizes]
    ratios = [
        _row([comparison.title, *map(_with_target, compared(one_pass, comparison).values())])
        for comparison in COMPARISONS
    ]
    means = {**one_pass, "seconds": one_pass["means"], "after_large": True}  # no targets for means
    ratios.append(_row(["the first, by means", *map(_with_target, compared(means, COMPARISONS[0]).values())]))
    times = [
        _row([name, *(significant(median(one_pass["seconds"][size][name]) / int(size) * 1e6) for size in sizes)])
        for name in CONTENDERS
    ]
    lines = [f"\n### {one_pass['version']}, {one_pass['kind']}\n", *_head("times faster; images:", columns), *ratios]
    lines += ["", *_head("µs per image; images:", columns), *times, ""]
    return "\n".join(lines)


def _cold_starts(starts: Mapping[str, Any]) -> str:
    lines = _head("", ["ours", "plain path", "times less"])
    for version, runs in starts.items():
        for (what, found), unit in zip(cold_start(runs).items(), ("s", "MiB"), strict=True):
            values = [f"{significant(value)} {unit}" for value in (found.ours, found.other)]
            lines.append(_row([f"{version}, {what}", *values, _with_target(found)]))
    return "\n".join(lines)


def _own_figures(results: Mapping[str, Any]) -> str:
    pulls = ", ".join(f"{version} {significant(seconds)} s" for version, seconds in results["pull_seconds"].items())
    lines = [f"- `pixelwise pull` of a local release, with its verification: {pulls} (medians of three)."]
    if results["training_seconds"]:
        lines.append(f"- `train.py --version v1.0`, start to end: {significant(results['training_seconds'])} s.")
    return "\n".join(lines)


def _head(first: str, columns: list[str]) -> list[str]:
    return [_row([first, *columns]), f"|---|{'--:|' * len(columns)}"]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _with_target(found: Ratio) -> str:
    if found.target is None:
        return _ratio(found)
    verdict = found.verdict if found.verdict == "met" else f"**{found.verdict}**"
    return f"{_ratio(found)}, ≥ {significant(found.target)} {verdict}"


def _ratio(found: Ratio) -> str:
    return f"{significant(found.value)} ({significant(found.low)}-{significant(found.high)})"


def significant(value: float) -> str:
    """About three digits, no exponents: 1,240, 412, 12.5, 1.87, 0.667."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"
