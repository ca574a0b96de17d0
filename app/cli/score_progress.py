"""The progress of a long run: a bar with its rate and the time left, or, without a terminal, a line for each tenth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.terminal import console, say

Told = Callable[[int, bool], None]
"""Takes the rows of a shard, and True if it was scored now."""


@contextmanager
def showing_progress(rows: int) -> Iterator[Told]:
    """A function that is told of each finished shard."""
    terminal = console(stderr=True)
    if not terminal.is_terminal or terminal.no_color:
        yield Lines(rows, say, time.monotonic).told
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("Scoring", total=rows, rate="")
        pace = _Pace(time.monotonic)

        def told(count: int, is_new: bool) -> None:
            pace.add(count if is_new else 0)
            bar.update(task, advance=count, rate=pace.shown)

        yield told


class _Pace:
    """Rows a second, of those that were scored now."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock, self.begin, self.rows = clock, clock(), 0

    def add(self, rows: int) -> None:
        self.rows += rows

    @property
    def rate(self) -> float:
        return self.rows / max(self.clock() - self.begin, 1e-9)

    @property
    def shown(self) -> str:
        return f"{self.rate:,.0f}/s" if self.rows else ""


class Lines:
    """A line for each tenth of the rows."""

    def __init__(self, total: int, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.total, self.say, self.pace, self.done, self.said = total, say, _Pace(clock), 0, 0

    def told(self, count: int, is_new: bool) -> None:
        self.done += count
        self.pace.add(count if is_new else 0)
        tenth = 10 * self.done // max(self.total, 1)
        if tenth > self.said and is_new:
            left = (self.total - self.done) / self.pace.rate
            self.say(f"{self.done:,} of {self.total:,} rows, {self.pace.shown}, {left:,.0f} s left")
        self.said = max(tenth, self.said)
