"""More charts: confusions, the reliability of confidence, and counts day by day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from app.report.charts import Chart
from app.report.number_format import between, per_cent, short
from app.report.report_data import Confusions
from app.report.statistics import Calibration
from app.report.svg import chart, line, number, percent, tag, text

SHADES = 9
CELL = 28
LEFT = 44
SIDE = 260
FEWEST_WRONG = 0.0005
"""Axes of shares near 1 end at this share of wrong answers: one in 2,000."""
MARKS = (0.0, 0.5, 0.9, 0.99, 0.999)
FEWEST_DAYS = 14
"""Days for which there is room at least, so that a single day does not fill the chart."""


def matrix(key: str, title: str, rows: Sequence[Confusions], columns: Sequence[str], *, room: int) -> Chart:
    """Drawn (down) and read as (across); the stronger a field, the larger its share of the row.

    Args:
        room: the number of columns to leave room for, so that the fields of all versions have one size.
    """
    parts = [
        text(LEFT + CELL * (place + 0.5), 16, short(name, 3), kind="strong", anchor="middle")
        for place, name in enumerate(columns)
    ]
    y = 24.0
    for place, row in enumerate(rows):
        if place and rows[place - 1].kind == "common" != row.kind:
            y += 8
        is_unknown = row.kind in ("withheld", "not a digit")
        parts.append(
            text(LEFT - 8, y + 18, short(_name(row), 5), kind="withheld" if is_unknown else "strong", anchor="end")
        )
        total = sum(row.read_as.values())
        for column, name in enumerate(columns):
            parts += _cell(LEFT + CELL * column, y, row.read_as.get(name, 0), total, is_right=name == row.label)
        y += CELL
    table = tuple(
        (
            f"{_name(row)}{_kind(row)}",
            *(str(row.read_as.get(name, 0)) for name in columns),
            f"{sum(row.read_as.values()):,}",
        )
        for row in rows
    )
    right = sum(row.read_as.get(str(row.label), 0) for row in rows)
    total = sum(sum(row.read_as.values()) for row in rows)
    description = f"{right:,} of {total:,} labelled drawings lie on the diagonal; the table below has every number."
    picture = chart(key, title, description, parts, height=y, view=LEFT + CELL * room)
    return Chart(picture, ("drawn", *columns, "in all"), table)


def _name(row: Confusions) -> str:
    return "none" if row.label is None else row.label


def _kind(row: Confusions) -> str:
    return {"common": "", "own": " (not all know it)", "withheld": " (withheld)"}.get(row.kind, " (not a digit)")


def _cell(x: float, y: float, count: int, total: int, *, is_right: bool) -> list[Markup]:
    """A field; its shades follow the square root, as most shares are small."""
    shade = max(1, round((count / total) ** 0.5 * SHADES)) if count else 0
    kind = f"cell {'right' if is_right else 'wrong'} shade-{shade}"
    field = tag("rect", kind=kind, x=x + 1, y=y + 1, width=CELL - 2, height=CELL - 2, rx=3)
    if not count:
        return [field]
    words = text(x + CELL / 2, y + 18, str(count), kind="on" if shade > 6 else "count", anchor="middle")
    return [field, words]


def reliability(key: str, title: str, calibration: Calibration, series: int, measure: str) -> Chart:
    """Chart of how sure answers are (across) and how often right (up), equal on the diagonal. Bars below: their number.

    Args:
        measure: of how sure: "confidence" or "certainty".
    """
    left, top, side = 40, 8, SIDE
    bottom = top + side

    def x(value: float) -> float:
        return left + side * nines(value)

    def y(value: float) -> float:
        return bottom - side * nines(value)

    most = max((one.right.of for one in calibration.bins), default=0)
    parts = [tag("rect", kind="paper", x=left, y=top, width=side, height=side)]
    for mark in MARKS:
        parts += [
            line(x(0), x(1), y(mark), y(mark), "grid"),
            text(left - 6, y(mark) + 4, f"{100 * mark:g}%", kind="quiet", anchor="end"),
            *([text(x(mark), bottom + 18, f"{100 * mark:g}%", kind="quiet", anchor="middle")] if mark else []),
        ]
    parts.append(line(x(0), x(1), y(0), y(1), "middle"))
    for one in calibration.bins:
        if one.right.of:
            height = max(1.0, 0.2 * side * one.right.of / most)
            width = x(one.high) - x(one.low) - 4
            parts.append(tag("rect", kind="many", x=x(one.low) + 2, y=bottom - height, width=width, height=height))
    for one in calibration.bins:
        share = one.right
        if share.value is not None and share.low is not None and share.high is not None and one.mean is not None:
            parts += [
                line(x(one.mean), x(one.mean), y(share.low), y(share.high), f"range s{series}"),
                tag("circle", kind=f"dot s{series}", cx=x(one.mean), cy=y(share.value), r=4),
            ]
    parts.append(text(left + side / 2, bottom + 36, measure, kind="quiet", anchor="middle"))
    table = tuple(
        (f"{100 * one.low:g}% to {100 * one.high:g}%", f"{one.right.of:,}", per_cent(one.mean, 2),
         per_cent(one.right.value), between(one.right) if one.right.value is not None else "–")
        for one in calibration.bins
    )  # fmt: skip
    description = "; ".join(f"{measure} {row[2]}: right {row[3]} of {row[1]}" for row in table if row[3] != "–")
    picture = chart(key, title, description or "Too few labels.", parts, height=bottom + 42, view=left + side + 20)
    return Chart(picture, (measure, "labels", "its mean", "right", "95% interval"), table)


def nines(share: float) -> float:
    """Places a share from 0 to 1 so that each nine of it takes equal room: 0 -> 0, 0.9 -> 0.3…, 0.99 -> 0.6….

    From 1 - FEWEST_WRONG on it is 1. A network's confidences lie there: on an even axis all would be one dot.
    """
    return math.log(max(1 - share, FEWEST_WRONG)) / math.log(FEWEST_WRONG)


class Lane(NamedTuple):
    """One count for each day; several are stacked, each with the class of its colour."""

    name: str
    series: tuple[tuple[str, tuple[int, ...]], ...]


def day_by_day(key: str, title: str, days: Sequence[date], lanes: Sequence[Lane]) -> Chart:
    """A lane of bars for each name, with a scale of its own; all share the days."""
    slots = max(len(days), FEWEST_DAYS)
    parts: list[Markup] = []
    sums = [[sum(counts[place] for _, counts in lane.series) for place in range(len(days))] for lane in lanes]
    for row, (lane, totals) in enumerate(zip(lanes, sums, strict=True)):
        y, most = 74 * row, max(totals)
        said = f"{sum(totals):,} in all, at most {most:,} a day" if most else "none"
        parts += [
            text(0, y + 14, short(lane.name, 16), kind="strong"),
            text("100%", y + 14, said, kind="quiet", anchor="end"),
            line("0%", "100%", y + 60, y + 60, "track thin"),
        ]
        for place in range(len(days)):
            base = y + 60.0
            for series, counts in lane.series:
                height = 38 * counts[place] / most if most else 0.0
                if height:
                    base -= height
                    parts.append(
                        tag("rect", kind=f"bar {series}", x=percent(100 * place / slots), y=base,
                            width=percent(80 / slots), height=number(height))
                    )  # fmt: skip
    height = 74 * len(lanes) + 14
    end = 100 * (len(days) - 0.2) / slots
    if end < 60:
        words = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
        parts.append(text(0, height - 4, words, kind="quiet"))
    else:
        parts.append(text(0, height - 4, str(days[0]), kind="quiet"))
        parts.append(text(percent(end), height - 4, str(days[-1]), kind="quiet", anchor="end"))
    description = ". ".join(f"{lane.name}: {sum(totals):,} in all" for lane, totals in zip(lanes, sums, strict=True))
    table = tuple(
        (str(day), *(f"{totals[place]:,}" for totals in sums)) for place, day in reversed(list(enumerate(days)))
    )
    return Chart(chart(key, title, description, parts, height=height), ("day", *(lane.name for lane in lanes)), table)
