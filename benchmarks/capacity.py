"""What larger loads would take, computed from the measured costs in costs.json.

`python benchmarks/capacity.py` writes the tables of docs/scale.md, between its two marks.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
COSTS = ROOT / "benchmarks/costs.json"
PAGE = ROOT / "docs/scale.md"
BEGIN, END = "<!-- written by benchmarks/capacity.py -->\n", "<!-- up to here -->\n"
DAY = 86_400
YEAR = 365 * DAY
IMAGE_BYTES = 784


class Need(NamedTuple):
    """What one load takes.

    Attributes:
        what: its name, for the table.
        answers: answered drawings and previews a second, in the busiest hour.
        rows: stored drawings a second, in the busiest hour.
        service_cores, database_cores: at the planned share of each.
        memory: MiB of the idle workers, one for each core and at least two.
        commits: commits a second.
        rows_a_year, gigabytes_a_year: with the day's average.
    """

    what: str
    answers: float
    rows: float
    service_cores: float
    database_cores: float
    memory: float
    commits: float
    rows_a_year: float
    gigabytes_a_year: float


def read_costs(path: Path = COSTS) -> dict[str, float]:
    """Name -> value."""
    return {name: float(cost["value"]) for name, cost in json.loads(path.read_text(encoding="utf-8")).items()}


def serving(what: str, *, rows: float, answers: float, average: float, costs: dict[str, float]) -> Need:
    """A load of `rows` stored and `answers` given a second at its peak; `average` rows a second over the day."""
    service = (answers * costs["request_ms"] / 1e3 + rows * costs["store_us"] / 1e6) / costs["used"]
    return Need(
        what,
        answers,
        rows,
        service,
        rows * costs["database_us"] / 1e6 / costs["used"],
        max(2, math.ceil(service)) * costs["replica_mib"],
        rows / costs["rows_per_commit"],
        average * YEAR,
        average * YEAR * costs["row_bytes"] / 1e9,
    )


def visitors(a_day: float, costs: dict[str, float]) -> Need:
    """So many visitors of the page a day."""
    average = a_day * costs["drawings_per_visit"] / DAY
    peak = average * costs["peak"]
    answers = peak * (1 + costs["previews_per_drawing"])
    return serving(f"{a_day:,.0f} visitors a day", rows=peak, answers=answers, average=average, costs=costs)


def drawings(a_second: float, costs: dict[str, float]) -> Need:
    """So many drawings of programs a second, day and night."""
    return serving(f"{a_second:,.0f} drawings a second", rows=a_second, answers=a_second, average=a_second, costs=costs)


def archive(images: float, costs: dict[str, float]) -> list[tuple[str, str]]:
    """An archive scored once: name of a figure -> figure."""
    answering = costs["engine_us"] + costs["findings_us"]
    digits = images * (answering + costs["reading_us"]) / 1e6 / 3600
    pictures = images * (answering + costs["picture_us"]) / 1e6 / 3600
    return [
        ("core hours, 28x28 in Parquet", f"{digits:.1f}"),
        ("core hours, pictures", f"{pictures:.0f}"),
        ("hours with 8 cores, pictures", f"{pictures / 8:.1f}"),
        ("GB of grey values", f"{images * IMAGE_BYTES / 1e9:,.0f}"),
        ("GB as rows of PostgreSQL", f"{images * costs['row_bytes'] / 1e9:,.0f}"),
    ]


def tables(costs: dict[str, float]) -> str:
    """The tables of docs/scale.md, in Markdown."""
    needs = [visitors(1e6, costs), drawings(1e3, costs)]
    rows: list[tuple[str, list[str]]] = [
        ("stored a second, in the busiest hour", [f"{need.rows:,.0f}" for need in needs]),
        ("answered a second, with previews", [f"{need.answers:,.0f}" for need in needs]),
        ("cores of the service", [f"{need.service_cores:.2f}" for need in needs]),
        ("cores of PostgreSQL", [f"{need.database_cores:.2f}" for need in needs]),
        ("MiB of idle workers", [f"{need.memory:,.0f}" for need in needs]),
        ("commits a second", [f"{need.commits:,.0f}" for need in needs]),
        ("of the commits that one connection made here", [
            f"{need.commits / costs['commits_per_second']:.0%}" for need in needs]),
        ("the same, if each drawing came alone", [
            f"{need.rows / costs['commits_per_second']:.0%}" for need in needs]),
        ("rows a year", [f"{need.rows_a_year / 1e9:.1f} billion" for need in needs]),
        ("GB a year", [f"{need.gigabytes_a_year:,.0f}" for need in needs]),
    ]  # fmt: skip
    lines = ["| | " + " | ".join(need.what for need in needs) + " |", "|---|" + "--:|" * len(needs)]
    lines += [f"| {name} | " + " | ".join(figures) + " |" for name, figures in rows]
    lines += ["", "| a billion archived images, scored once | |", "|---|--:|"]
    lines += [f"| {name} | {figure} |" for name, figure in archive(1e9, costs)]
    return "\n".join(lines) + "\n"


def written(page: str, text: str) -> str:
    """The page with `text` between its marks; ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{begin}{text}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables(read_costs())), encoding="utf-8")
