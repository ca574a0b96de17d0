"""The charts of the report: each is a picture, with a table of the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from app.report.number_format import between, milliseconds, per_cent, short, stated
from app.report.statistics import MIN_LABELS, Percentiles, Share
from app.report.svg import Scale, axis, chart, indented, line, percent, tag, text

STARTS = (0.95, 0.9, 0.8, 0.6, 0.5)
"""Possible starts of an axis of shares other than 0, for shares that lie close together."""


class Chart(NamedTuple):
    """A picture, and its numbers as the head and the rows of a table; the first cell of a row names it."""

    picture: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Bar(NamedTuple):
    """A named share. `series`: its colour; `aside`: its name where it is a remark on the row before."""

    name: str
    series: int
    share: Share
    aside: str = ""


# -- shares ------------------------------------------------------------------------------------------------------------


def shares(
    key: str, title: str, rows: Sequence[Bar], *, of: str = "labels", are: str = "right", least: int = MIN_LABELS
) -> Chart:
    """A line for each share: a dot where it is, a bar to the lowest and the highest likely value.

    Args:
        of: the whole that they are shares of.
        are: the name of the part.
        least: the count from which a value is stated.
    """
    scale = _zoomed([row.share for row in rows])
    height = 46 * len(rows) + 22
    parts = axis(scale, _marks(scale), height - 4)
    said = [stated(row.share, least=least, of=of) for row in rows]
    for place, (row, words) in enumerate(zip(rows, said, strict=True)):
        y = 46 * place
        parts += [
            text(0, y + 14, row.aside or short(row.name, 16), kind="quiet" if row.aside else "strong"),
            text("100%", y + 14, words, kind="quiet", anchor="end"),
            *_whisker(scale, row, y + 30),
        ]
    description = ". ".join(f"{row.name}: {words}" for row, words in zip(rows, said, strict=True))
    table = tuple((row.name, *_cells(row.share)) for row in rows)
    return Chart(chart(key, title, description, parts, height=height), ("", of, are, "share", "95% interval"), table)


def by_class(key: str, title: str, rows: Sequence[tuple[str, Sequence[Bar]]], *, beside: Sequence[Share]) -> Chart:
    """For each class, the share of each version; the axis has room for those of the chart `beside` it too."""
    scale = _zoomed([*(row.share for _, versions in rows for row in versions), *beside])
    parts: list[Markup] = []
    y = 0
    for label, versions in rows:
        middle = y + 10 + 6 * (len(versions) - 1)
        whiskers = [part for place, row in enumerate(versions) for part in _whisker(scale, row, y + 10 + 12 * place)]
        parts += [text(0, middle + 5, short(label, 3), kind="strong"), indented(*whiskers)]
        y += 12 * len(versions) + 12
    description = f"For {len(rows)} digits, from {per_cent(scale.low, 0)} to 100%; the table below has every number."
    table = tuple((label, row.name, *_cells(row.share)) for label, versions in rows for row in versions)
    head = ("digit", "version", "of", "right", "share", "95% interval")
    parts.insert(0, indented(*axis(scale, _marks(scale), y + 16)))
    return Chart(chart(key, title, description, parts, height=y + 20), head, table)


def _zoomed(every: Sequence[Share]) -> Scale:
    lows = [share.low for share in every if share.value is not None and share.low is not None]
    return Scale(next((start for start in STARTS if lows and start <= min(lows)), 0.0), 1.0)


def _marks(scale: Scale) -> list[tuple[float, str]]:
    middle = (scale.low + scale.high) / 2
    return [(value, per_cent(value, 0 if round(100 * value) == round(100 * value, 1) else 1))
            for value in (scale.low, middle, scale.high)]  # fmt: skip


def _whisker(scale: Scale, row: Bar, y: float) -> list[Markup]:
    share = row.share
    parts = [line("0%", "100%", y, y, "track")]
    if share.value is not None and share.low is not None and share.high is not None:
        parts += [
            line(percent(scale.at(share.low)), percent(scale.at(share.high)), y, y, f"range s{row.series}"),
            tag(
                "circle",
                kind=f"dot s{row.series}{' hollow' if row.aside else ''}",
                cx=percent(scale.at(share.value)),
                cy=y,
                r=4,
            ),
        ]
    return parts


def _cells(share: Share) -> tuple[str, ...]:
    return (f"{share.of:,}", f"{share.part:,}", per_cent(share.value, 2), between(share) if share.value else "–")


# -- two versions ------------------------------------------------------------------------------------------------------


class Split(NamedTuple):
    """Drawings only one of two versions reads rightly; `low` to `high`: bounds of the challenger's share."""

    challenger: str
    base: str
    series: int
    wins: int
    losses: int
    low: float
    high: float


def splits(key: str, title: str, rows: Sequence[Split]) -> Chart:
    """For each challenger how much of the bar is its own; the line in the middle is "neither is better"."""
    scale = Scale(0, 1)
    parts: list[Markup] = []
    height = 62 * len(rows) + 20
    for place, row in enumerate(rows):
        y = 62 * place
        total = row.wins + row.losses
        won = percent(100 * row.wins / total) if total else "50%"
        parts += [
            text(0, y + 14, f"{short(row.challenger, 10)} only: {row.wins:,}", kind="strong"),
            text("100%", y + 14, f"{short(row.base, 10)} only: {row.losses:,}", kind="strong", anchor="end"),
            tag("rect", kind="bar s0", x=0, y=y + 24, width="100%", height=12),
            tag("rect", kind=f"bar s{row.series}", x=0, y=y + 24, width=won, height=12),
            line(percent(scale.at(row.low)), percent(scale.at(row.high)), y + 43, y + 43, f"range s{row.series}"),
        ]
    parts.append(line("50%", "50%", 20, height - 16, "middle"))
    parts.append(text("50%", height - 4, "neither is better", kind="quiet", anchor="middle"))
    description = ". ".join(
        f"Only {row.challenger} is right {row.wins} times, only {row.base} {row.losses} times" for row in rows
    )
    head = ("", "only it is right", "only the other is", "its share, 95% interval")
    table = tuple(
        (f"{row.challenger} against {row.base}", f"{row.wins:,}", f"{row.losses:,}",
         f"{per_cent(row.low)} to {per_cent(row.high)}")
        for row in rows
    )  # fmt: skip
    return Chart(chart(key, title, description, parts, height=height), head, table)


# -- latency -----------------------------------------------------------------------------------------------------------


def latencies(key: str, title: str, rows: Sequence[tuple[str, int, Percentiles]]) -> Chart:
    """For each name and series a line from the median to the 99th percentile, on a logarithmic scale."""
    values = [value for _, _, one in rows for value in (one.p50, one.p95, one.p99) if value is not None and value > 0]
    low = 10.0 ** math.floor(math.log10(min(values, default=1)))
    high = max(10 * low, 10.0 ** math.ceil(math.log10(max(values, default=1))))
    scale = Scale(low, high, is_logarithmic=True)
    decades = [low * 10**power for power in range(round(math.log10(high / low)) + 1)]
    height = 46 * len(rows) + 22
    parts = axis(scale, [(value, f"{value:g} ms") for value in decades], height - 4)
    for place, (name, series, one) in enumerate(rows):
        y = 46 * place
        said = " · ".join(milliseconds(value) for value in (one.p50, one.p95, one.p99))
        parts += [
            text(0, y + 14, short(name, 24), kind="strong"),
            text("100%", y + 14, f"{said} ms", kind="quiet", anchor="end"),
            line("0%", "100%", y + 30, y + 30, "track"),
        ]
        known = [value for value in (one.p50, one.p95, one.p99) if value is not None]
        if known:
            first, last = percent(scale.at(known[0])), percent(scale.at(known[-1]))
            parts.append(line(first, last, y + 30, y + 30, f"range s{series}"))
        for value, radius in zip((one.p50, one.p95, one.p99), (5, 3.5, 2.5), strict=True):
            if value is not None:
                parts.append(tag("circle", kind=f"dot s{series}", cx=percent(scale.at(value)), cy=y + 30, r=radius))
    head = ("", "answers", "p50", "p95", "p99")
    table = tuple(
        (name, f"{one.n:,}", *(f"{milliseconds(value)} ms" for value in (one.p50, one.p95, one.p99)))
        for name, _, one in rows
    )
    description = ". ".join(f"{row[0]}: median {row[2]}, 95% within {row[3]}, 99% within {row[4]}" for row in table)
    return Chart(chart(key, title, description, parts, height=height), head, table)
