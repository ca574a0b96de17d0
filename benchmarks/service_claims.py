"""The service's promises, and verdicts on a run: pure functions of the results of service.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS = "PixelWise"
PLAIN = ("FastAPI, def", "FastAPI, async def")
PLAIN_TIMES, PEER_TIMES = (10, 8), (6, 4)
"""Times more requests: target and floor."""
P99_SHARE = 0.2
"""Our 99th percentile, of the plain service's."""
LONE_EXCESS_MS = 0.3
OVERLOAD_P99_TIMES = 3
REFUSAL_MS = 100
VERSIONS_TIMES = 0.5
"""Throughput with a second version that reads along, as a share of that of one version alone."""
FLAG_MICROSECONDS = 60
FLAG = "one evaluation"
"""Prefix of the names of figures of one flag evaluation."""
IDLE_PERCENT = 0.5
GROWTH_MIB = 5
BUSY = 0.9
"""A load generator that takes more of a core than this may itself limit the figures."""


@dataclass(frozen=True)
class Spread:
    """The median over rounds, the smallest and the largest."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.low == self.high:
            return significant(self.value)
        return f"{significant(self.value)} ({significant(self.low)} to {significant(self.high)})"


@dataclass(frozen=True)
class Claim:
    """One promise: the median must be on the right side of `target`, the target itself included.

    Args:
        floor: still acceptable, where the target is missed; None: nothing but the target is
    """

    title: str
    found: Spread
    unit: str
    target: float
    floor: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """ "met", "floor met" or "not met"."""
        if self._reaches(self.target):
            return "met"
        return "floor met" if self.floor is not None and self._reaches(self.floor) else "not met"

    @property
    def shown(self) -> str:
        return f"{self.found} {self.unit}".strip()

    @property
    def aimed(self) -> str:
        text = f"{'≥' if self.at_least else '≤'} {self.target:g} {self.unit}".strip()
        return text if self.floor is None else f"{text}, floor {self.floor:g}"

    def _reaches(self, limit: float) -> bool:
        return self.found.value >= limit if self.at_least else self.found.value <= limit


def claims(results: Mapping[str, Any]) -> list[Claim]:
    """The claims on the parts that were measured, in the order of the page."""
    makers = {
        "peers": _peers,
        "lone": _lone,
        "overload": _overload,
        "versions": _versions,
        "idle": _idle,
        "memory": _memory,
    }
    measured = results["parts"]
    return [claim for name, maker in makers.items() if name in measured for claim in maker(measured[name])]


def times_more(runs: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> Spread:
    """How many times more requests PixelWise answers than `name`, in the same round."""
    return _by_round(runs, name, lambda run: run["requests_per_second"])


def p99_share(runs: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> Spread:
    """PixelWise's 99th percentile as a part of `name`'s, in the same round."""
    return _by_round(runs, name, lambda run: run["ok"]["p99"])


def lone_excess(part: Mapping[str, Any]) -> Spread:
    """Milliseconds of a lone request beyond a bare request and a bare insert: of medians of the same round."""
    runs = part["runs"]
    rounds = zip(runs["PixelWise"], runs["bare framework"], runs["bare insert"], strict=True)
    return Spread.of([ours["p50"] - bare["p50"] - insert["p50"] for ours, bare, insert in rounds])


def over_loads(part: Mapping[str, Any], load: float, *path: str) -> Spread:
    """A figure of all runs at one load: `over_loads(part, 2.0, "ok", "p99")`."""
    values = []
    for run in part["runs"]:
        value = next(one for one in run["loads"] if one["load"] == load)
        for key in path:
            value = value[key]
        values.append(value)
    return Spread.of(values)


def p99_growth(part: Mapping[str, Any]) -> Spread:
    """How many times longer the slowest accepted requests take at 200% than at 70%, in the same round."""
    calm, pressed = ([one["ok"]["p99"] for one in _loads(part, load)] for load in (0.7, 2.0))
    return Spread.of([above / below for below, above in zip(calm, pressed, strict=True)])


def versions_share(part: Mapping[str, Any]) -> Spread:
    """Answers in a second with a second version that reads along, of those of one version alone, in the same round."""
    runs = part["runs"]
    return Spread.of([run["both"]["answers_per_second"] / run["alone"]["answers_per_second"] for run in runs])


def shed_share(part: Mapping[str, Any], turn: str) -> Spread:
    """The share of shadows due in one turn of each round that were not read: shed, or failed."""
    counts = [run[turn]["shadows"] for run in part["runs"]]
    return Spread.of([1 - one["stored"] / sum(one.values()) for one in counts])


def dearest_flag(part: Mapping[str, Any]) -> Spread:
    """Microseconds of one flag evaluation, of the rule that takes longest."""
    found = [Spread.of(times) for name, times in part["flags"]["microseconds"].items() if name.startswith(FLAG)]
    return max(found, key=lambda one: one.value)


def accepted(run: Mapping[str, Any]) -> float:
    """The share of requests that were answered with 200, of all that were sent."""
    return _answered(run, 200) / _sent(run)


def unexpected(run: Mapping[str, Any]) -> int:
    """Requests that got no answer, or neither 200 nor 503 nor 429."""
    return _sent(run) - sum(_answered(run, status) for status in (200, 429, 503))


def busiest_generator(part: Mapping[str, Any]) -> float:
    """The largest share of a core that the load generator took."""
    return max(float(one["generator_share"]) for run in part["runs"] for one in run["loads"])


def significant(value: float) -> str:
    """About three digits, no exponents: 1,240, 412, 12.5, 1.87, 0.667, 0."""
    if value == 0:
        return "0"
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{decimals}f}"


def _peers(part: Mapping[str, Any]) -> Iterator[Claim]:
    runs = part["runs"]
    for name in runs:
        if name != OURS:
            target, floor = PLAIN_TIMES if name in PLAIN else PEER_TIMES
            yield Claim(f"requests, times those of {name}", times_more(runs, name), "", target, floor, at_least=True)
    for name in PLAIN:
        yield Claim(f"99th percentile, as a part of that of {name}", p99_share(runs, name), "", P99_SHARE)


def _lone(part: Mapping[str, Any]) -> Iterator[Claim]:
    title = "a lone request, beyond bare framework and bare insert"
    yield Claim(title, lone_excess(part), "ms", LONE_EXCESS_MS)


def _overload(part: Mapping[str, Any]) -> Iterator[Claim]:
    title = "accepted requests at 200% of capacity, 99th percentile, times that at 70%"
    yield Claim(title, p99_growth(part), "", OVERLOAD_P99_TIMES)
    for figure, name in (("p99", "99th percentile"), ("max", "slowest")):
        yield Claim(f"refused at 200%, {name}", over_loads(part, 2.0, "others", figure), "ms", REFUSAL_MS)
    worst = max(unexpected(one) for run in part["runs"] for one in run["loads"])
    yield Claim("requests without an answer of 200, 503 or 429", Spread.of([worst]), "", 0)


def _versions(part: Mapping[str, Any]) -> Iterator[Claim]:
    title = "answers with a second version that reads along, times those of one version"
    yield Claim(title, versions_share(part), "", VERSIONS_TIMES, at_least=True)
    yield Claim("one flag evaluation, the dearest rule", dearest_flag(part), "µs", FLAG_MICROSECONDS)


def _idle(part: Mapping[str, Any]) -> Iterator[Claim]:
    yield Claim("idle", Spread.of([part["core_percent"]]), "% of a core", IDLE_PERCENT)


def _memory(part: Mapping[str, Any]) -> Iterator[Claim]:
    first, last = part["resident_mib"][0][0], part["resident_mib"][-1][0]
    title = f"memory, growth from request {first:,} to {last:,}"
    yield Claim(title, Spread.of([part["growth_mib"]]), "MiB", GROWTH_MIB)


def _by_round(runs: Mapping[str, Sequence[Mapping[str, Any]]], name: str, figure: Any) -> Spread:
    return Spread.of([figure(ours) / figure(other) for ours, other in zip(runs[OURS], runs[name], strict=True)])


def _loads(part: Mapping[str, Any], load: float) -> list[Mapping[str, Any]]:
    return [one for run in part["runs"] for one in run["loads"] if one["load"] == load]


def _sent(run: Mapping[str, Any]) -> int:
    return int(sum(run["statuses"].values()) + run["errors"])


def _answered(run: Mapping[str, Any], status: int) -> int:
    """JSON has texts for keys, a fresh result has numbers."""
    statuses = run["statuses"]
    return int(statuses.get(str(status), statuses.get(status, 0)))
