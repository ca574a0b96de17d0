"""A run's JSON as tables in the terminal, and as docs/benchmarks.md with its plot.

python benchmarks/report.py benchmarks/results/benchmarks.json [--docs docs]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from claims import COMPARISONS, Ratio, cold_start, compared
from pages import page, significant
from plot import draw
from rich.console import Console
from rich.table import Table
from rich.text import Text

STYLES = {"met": "green", "not met": "bold red", "": ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, help="also write benchmarks.md and benchmarks.png there")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    console = Console() if sys.stdout.isatty() else Console(width=110)
    console.print(passes_table(results), cold_starts_table(results))
    if options.docs:
        draw(results, options.docs / "benchmarks.png")
        (options.docs / "benchmarks.md").write_text(page(results), encoding="utf-8")
        console.print(f"wrote benchmarks.md and benchmarks.png into {options.docs}")


def passes_table(results: dict[str, Any]) -> Table:
    sizes = [f"{int(size):,}" for size in results["passes"][0]["seconds"]]
    table = Table(
        "",
        "ours : other",
        *sizes,
        title="Times faster, by images in one call (aimed at)",
        caption="threads: as many as the libraries choose; later: one thread, after calls of 10,000 images",
    )
    for one_pass in results["passes"]:
        state = "later" if one_pass["after_large"] else "1 thread" if one_pass["threads"] else "threads"
        name = f"{one_pass['version']}, {state}"
        for comparison in COMPARISONS:
            cells = [_cell(found) for found in compared(one_pass, comparison).values()]
            table.add_row(name, comparison.title.replace("`", ""), *cells)
            name = ""
        table.add_section()
    return table


def cold_starts_table(results: dict[str, Any]) -> Table:
    figures = ", ".join(f"{version} {seconds:.1f} s" for version, seconds in results["pull_seconds"].items())
    training = results["training_seconds"]
    caption = f"pull: {figures}" + (f"; training v1.0: {training:.1f} s" if training else "")
    table = Table("", "time", "memory", title="Cold start, times less than the plain path (aimed at)", caption=caption)
    for version, runs in results["cold_starts"].items():
        table.add_row(version, *(_cell(found) for found in cold_start(runs).values()))
    return table


def _cell(found: Ratio) -> Text:
    target = "" if found.target is None else f" (≥{significant(found.target)})"
    return Text(significant(found.value) + target, style=STYLES[found.verdict])


if __name__ == "__main__":
    main()
