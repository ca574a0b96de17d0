"""A run's JSON as a table in the terminal, and as docs/benchmarks.md with its plot.

python benchmarks/report.py benchmarks/results/benchmarks.json [--docs docs]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claims import COMPARISONS, Ratio, cold_start, compared
from pages import page
from plot import draw
from rich.console import Console
from rich.table import Table

STYLES = {"met": "green", "not met": "bold red", "": ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, help="also write benchmarks.md and benchmarks.png there")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    show(results, Console(width=None if Console().is_terminal else 120))
    if options.docs:
        draw(results, options.docs / "benchmarks.png")
        (options.docs / "benchmarks.md").write_text(page(results), encoding="utf-8")


def show(results: dict[str, Any], console: Console) -> None:
    table = Table("version", "threads", "comparison", "images", "times faster", "spread", "target", "")
    for version, threads, title, size, found in rows(results):
        target = "" if found.target is None else f"{found.target:.3g}"
        table.add_row(
            version,
            threads,
            title.replace("`", ""),
            size,
            f"{found.value:.2f}",
            f"{found.low:.2f}-{found.high:.2f}",
            target,
            found.verdict,
            style=STYLES[found.verdict],
        )
    console.print(table)
    figures = {f"pull {version}": seconds for version, seconds in results["pull_seconds"].items()}
    figures["training v1.0"] = results["training_seconds"]
    console.print("; ".join(f"{name}: {seconds:.1f} s" for name, seconds in figures.items() if seconds))


def rows(results: dict[str, Any]) -> Iterator[tuple[str, str, str, str, Ratio]]:
    """(version, threads, comparison, images, ratio), first the passes and then the cold starts."""
    for one_pass in results["passes"]:
        for comparison in COMPARISONS:
            for size, found in compared(one_pass, comparison).items():
                threads = str(one_pass["threads"] or "all")
                yield one_pass["version"], threads, comparison.title, f"{size:,}", found
    for version, runs in results["cold_starts"].items():
        for what, found in cold_start(runs).items():
            yield version, "all", f"cold start, {what}", "1", found


if __name__ == "__main__":
    main()
