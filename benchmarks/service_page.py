"""The results of service.py as text, and with --docs as docs/peers.md with its plot.

python benchmarks/service_page.py benchmarks/results/service.json [--docs docs]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from service_claims import (
    BUSY,
    OURS,
    Claim,
    Spread,
    accepted,
    busiest_generator,
    claims,
    lone_excess,
    over_loads,
    p99_share,
    shed_share,
    significant,
    times_more,
    versions_share,
)

PAGE = """\
# The service, measured

For whoever asks how fast the service is.
Written by `make bench-peers`; not edited by hand. The machine: {processor}, {cores} cores,
shared by the service and the load generator. Ratios are of the same round; figures of other machines differ more than
ratios do.
{quick}
**{kept} of {all} targets met{floors}.**{missed}

| | found | target | |
|---|--:|--:|---|
{verdicts}

A figure is the median over rounds, with the smallest and the largest round after it. PixelWise runs with everything
on: a key, rate limits (set high), batches, SQLite with full durability, metrics, the log; one worker.
"""
PEERS = """
## Beside other services
![How many times more requests than each](peers.png)

{connections} connections, each sends its next drawing when the last one is answered, for {seconds:g} s. Each service is
started, must give the scores of the plain one on {checked} drawings, is loaded and stopped; rounds: {rounds}, and who
begins changes. *FastAPI* is what one writes in an afternoon: a pydantic body, scikit-learn for each request, no
database. `def` is what its documentation recommends for work that blocks; `async def` blocks the event loop, and is
the faster one where requests are this small. The others run with batching on, as their documentation recommends. Only
PixelWise stores its answers.

{stamp}

| | requests, times | our p99, as a part of its |
|---|--:|--:|
{ratios}

Absolute figures, **of this machine only**; processor time is that of all processes of a service, for one request:

| | requests/s | p50 ms | p99 ms | processor ms |
|---|--:|--:|--:|--:|
{absolute}
"""
LONE = """
## A lone request
One connection, one request after the other, in {rounds} rounds of {requests} requests for each row, in turns. The bare
framework is Starlette under the same uvicorn, httptools and uvloop, which reads the body and answers as many bytes; the
bare insert is one row of the service's own in a transaction of its own, by `sqlite3` with write-ahead log and
`synchronous=FULL`, in the same folder ({disk}). What PixelWise takes beyond both: **{excess} ms**.

{stamp}

| | p50 ms | p99 ms |
|---|--:|--:|
{rows}
"""
OVERLOAD = """
## Overload
Capacity is what {connections} connections in a closed loop get. Then requests arrive evenly, at 70% and at 200% of it,
whatever the service does, over {open} connections; the clock of a request starts when it should be sent, the first
2 s are not counted, the time to answer what is left at the end is. {generator}

{stamp}

| | at 70% | at 200% |
|---|--:|--:|
{rows}
"""
VERSIONS = """
## Two versions
v1.0 answers, and v2.0 reads each stored drawing along, after its answer, in batches of its own; a drawing that comes
while people wait is shed, which is counted. {connections} connections in a closed loop for {seconds:g} s, with v1.0
alone and with both, each started anew, {rounds} rounds, and who begins changes: **{share} times** the answers. At the
end of a round half of what v1.0 alone bore arrives evenly at both.

{stamp}

| | v1.0 alone | v2.0 reads along | the same at half the load |
|---|--:|--:|--:|
{rows}

What a flag costs, in {flag_rounds} rounds of {calls:,} calls: the whole way through OpenFeature's client and flagd's
evaluator, each time for somebody new. A request evaluates at most two; what was decided before is remembered.

| | µs |
|---|--:|
{flags}
"""
IDLE = """
## Idle
Parent and worker together took {percent}% of a core over {seconds:g} s without requests.

{stamp}
"""
BATCHES = """
## Batches
Under {connections} connections in a closed loop an engine call reads {drawings} drawings. {connections} drawings sent
at the same moment on {connections} open connections take {low:g} to {high:g} calls; {volleys} times, median {middle:g}.

{stamp}
"""
MEMORY = """
## Memory
Resident memory of the worker, {connections} connections in a closed loop: {sizes}.

{stamp}
"""
REPRODUCE = """
## Reproduce
`make bench-peers` on a machine that does nothing else; about a quarter of an hour, some minutes more the first time,
for the peers' environments. `.venv/bin/python benchmarks/service.py --quick` takes two minutes and leaves this page as
it is; `--only lone overload` measures parts. Every figure of every round is in `benchmarks/results/service.json`.
"""
NAMES = {"met": "met", "floor met": "floor met", "not met": "**not met**"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, help="also write peers.md and peers.png there")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    text = page(results)
    print(text)
    if options.docs:
        from service_plot import draw

        if "peers" in results["parts"]:
            draw(results["parts"]["peers"]["runs"], options.docs / "peers.png")
        (options.docs / "peers.md").write_text(text, encoding="utf-8")
        print(f"wrote peers.md and peers.png into {options.docs}")


def page(results: Mapping[str, Any]) -> str:
    """The whole page, of the parts that were measured."""
    found = claims(results)
    missed = [f"- {claim.title}: {claim.shown}, {claim.aimed}" for claim in found if claim.verdict == "not met"]
    floors = sum(claim.verdict == "floor met" for claim in found)
    head = PAGE.format(
        **results["machine"],
        quick="\n**A quick run: it shows that everything can be measured, not how fast it is.**\n"
        if results["quick"]
        else "",
        kept=sum(claim.verdict == "met" for claim in found),
        all=len(found),
        floors=f", {floors} more reach their floor" if floors else "",
        missed=" Not met:\n\n" + "\n".join(missed) if missed else "",
        verdicts="\n".join(map(_verdict, found)),
    )
    sections = {
        "peers": _peers,
        "lone": _lone,
        "overload": _overload,
        "versions": _versions,
        "idle": _idle,
        "batches": _batches,
        "memory": _memory,
    }
    parts = results["parts"]
    return head + "".join(section(parts[name]) for name, section in sections.items() if name in parts) + REPRODUCE


def _verdict(claim: Claim) -> str:
    return _row([claim.title, claim.shown, claim.aimed, NAMES[claim.verdict]])


def _peers(part: Mapping[str, Any]) -> str:
    runs, versions = part["runs"], part["versions"]
    titles = {name: f"{name} {versions[name] or ''}".strip() for name in runs}
    ratios = [
        _row([titles[name], f"{times_more(runs, name)}", f"{p99_share(runs, name)}"]) for name in runs if name != OURS
    ]
    absolute = []
    for name, rounds in runs.items():
        cells = [f"{median(one['requests_per_second'] for one in rounds):,.0f}"]
        cells += [significant(median(one["ok"][key] for one in rounds)) for key in ("p50", "p99")]
        cells += [significant(median(one["processor_ms_per_request"] for one in rounds))]
        absolute.append(_row([titles[name], *cells]))
    return PEERS.format(
        connections=part["connections"],
        seconds=part["seconds"],
        rounds=len(runs[OURS]),
        checked=part["checked"],
        stamp=_stamp(part),
        ratios="\n".join(ratios),
        absolute="\n".join(absolute),
    )


def _lone(part: Mapping[str, Any]) -> str:
    rows = [
        _row([name, *(str(Spread.of([one[key] for one in rounds])) for key in ("p50", "p99"))])
        for name, rounds in part["runs"].items()
    ]
    return LONE.format(**_numbers(part), excess=lone_excess(part), rows="\n".join(rows), stamp=_stamp(part))


def _overload(part: Mapping[str, Any]) -> str:
    figures = {
        "accepted: p50 ms": ("ok", "p50"),
        "accepted: p99 ms": ("ok", "p99"),
        "refused: p50 ms": ("others", "p50"),
        "refused: p99 ms": ("others", "p99"),
        "refused: slowest ms": ("others", "max"),
        "answers with 200 in a second, as a part of capacity": ("goodput",),
        "service, cores": ("service_share",),
        "load generator, cores": ("generator_share",),
    }
    shares = [
        str(Spread.of([accepted(one) for run in part["runs"] for one in run["loads"] if one["load"] == load]))
        for load in (0.7, 2.0)
    ]
    rows = [_row(["accepted, as a part of what arrived", *shares])]
    rows += [
        _row([name, *(str(over_loads(part, load, *path)) for load in (0.7, 2.0))]) for name, path in figures.items()
    ]
    busiest = busiest_generator(part)
    generator = f"The load generator took at most {busiest:.0%} of a core" + (
        ": **it was saturated, so these figures are partly its own**." if busiest > BUSY else "."
    )
    return OVERLOAD.format(
        connections=part["connections"],
        open=part["open_connections"],
        generator=generator,
        rows="\n".join(rows),
        stamp=_stamp(part),
    )


def _versions(part: Mapping[str, Any]) -> str:
    turns = ("alone", "both", "half")
    figures = {"answers a second": ("answers_per_second",), "p50 ms": ("ok", "p50"), "p99 ms": ("ok", "p99")}
    rows = [_row([name, *(str(_over_turns(part, turn, *path)) for turn in turns)]) for name, path in figures.items()]
    taken = [f"{median(accepted(run[turn]) for run in part['runs']):.1%}" for turn in turns]
    rows.append(_row(["requests that were answered, not refused", *taken]))
    shed = [f"{shed_share(part, turn).value:.1%}" for turn in turns[1:]]
    rows.append(_row(["drawings that v2.0 did not read", "", *shed]))
    flags = part["flags"]
    return VERSIONS.format(
        connections=part["connections"],
        seconds=part["seconds"],
        rounds=len(part["runs"]),
        share=versions_share(part),
        stamp=_stamp(part),
        rows="\n".join(rows),
        flag_rounds=flags["rounds"],
        calls=flags["calls"],
        flags="\n".join(_row([name, str(Spread.of(times))]) for name, times in flags["microseconds"].items()),
    )


def _over_turns(part: Mapping[str, Any], turn: str, *path: str) -> Spread:
    values = []
    for run in part["runs"]:
        value = run[turn]
        for key in path:
            value = value[key]
        values.append(value)
    return Spread.of(values)


def _idle(part: Mapping[str, Any]) -> str:
    return IDLE.format(percent=significant(part["core_percent"]), seconds=part["seconds"], stamp=_stamp(part))


def _batches(part: Mapping[str, Any]) -> str:
    calls = part["calls_per_volley"]
    return BATCHES.format(
        connections=part["connections"],
        drawings=significant(part["drawings_per_call"]),
        low=min(calls),
        high=max(calls),
        middle=median(calls),
        volleys=len(calls),
        stamp=_stamp(part),
    )


def _memory(part: Mapping[str, Any]) -> str:
    sizes = ", ".join(f"{mib:.1f} MiB after {requests:,} requests" for requests, mib in part["resident_mib"])
    return MEMORY.format(connections=part["connections"], sizes=sizes, stamp=_stamp(part))


def _stamp(part: Mapping[str, Any]) -> str:
    """When, and on what: every part may be measured on another day."""
    coretype, (before, after) = part["OPENBLAS_CORETYPE"], part["load_average"]
    return (
        f"Taken {part['taken'].partition('+')[0].replace('T', ' ')} UTC; load average {before:.1f} before, {after:.1f} "
        f"after; `OPENBLAS_CORETYPE` {f'set to {coretype}' if coretype else 'not set'}."
    )


def _numbers(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part[name] for name in ("rounds", "requests", "disk")}


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
