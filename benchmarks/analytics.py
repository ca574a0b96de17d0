"""What the report of 100,000 answers costs: counting them, the process that makes the page, the page in a browser.

    .venv/bin/python benchmarks/analytics.py [--quick]

Counting and the process are in processor seconds, which other programs of the machine do not lengthen much; the page is
in seconds from the first request to the last byte drawn, in Chromium, each time made anew. Beside each stands the same
of 1,000 answers, taken in the same round: what does not depend on their number.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.storage.database import Database  # noqa: E402
from app.storage.migrate import upgrade  # noqa: E402
from app.storage.report_queries import read_facts  # noqa: E402 - the path to app/ comes first
from tests.page.visit import chromium  # noqa: E402
from tests.report.filled import fill  # noqa: E402
from tests.service import Service  # noqa: E402

FEW, MANY = 1_000, 100_000
TARGETS = {"counting": 1.0, "the process": 2.0, "the page": 2.0}
"""Most seconds for MANY answers."""
KEPT_SECONDS = 10.5
"""Wait after which the service makes its report anew."""
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round")
    rounds = 1 if parser.parse_args(arguments).quick else 5
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), rounds=rounds)
    print(f"seconds for {FEW:,} and {MANY:,} answers: medians of {rounds} rounds, and the lowest and highest")
    print(f"OPENBLAS_CORETYPE: {os.environ.get('OPENBLAS_CORETYPE', 'not set')}")
    for name, target in TARGETS.items():
        few, many = found[name, FEW], found[name, MANY]
        met = "met" if median(many) <= target else "not met"
        spread = f"({min(many):.2f} to {max(many):.2f})"
        print(f"{name:<12} {median(few):6.2f} {median(many):6.2f} {spread:<16} target {target:g}: {met}")


def measure(folder: Path, *, rounds: int) -> dict[tuple[str, int], list[float]]:
    """(measurement, number of answers) -> its seconds in each round."""
    found: dict[tuple[str, int], list[float]] = {(name, count): [] for name in TARGETS for count in (FEW, MANY)}
    databases = {count: filled(folder, count) for count in (FEW, MANY)}
    running = {count: serving(folder / f"{count}", database) for count, database in databases.items()}
    try:
        with chromium() as browser:
            for number in range(rounds):
                print(f"analytics: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
                for count, database in databases.items():
                    found["counting", count].append(processor_seconds(lambda: read_facts(database)))  # noqa: B023
                    found["the process", count].append(process_seconds(database))
                    found["the page", count].append(opened_seconds(browser, running[count].url))
                if number + 1 < rounds:
                    time.sleep(KEPT_SECONDS)
    finally:
        for service in running.values():
            service.stop()
    return found


def filled(folder: Path, count: int) -> Database:
    database = Database(f"sqlite:///{count}.db", root=folder)
    upgrade(database)
    fill(database, count)
    return database


def serving(folder: Path, database: Database) -> Service:
    """This installation, with that database and a data folder of its own."""
    folder.mkdir()
    environ = {"DATABASE_URL": f"sqlite:///{database.file}", "DATA_DIR": str(folder), "HOST": "127.0.0.1"}
    return Service(ROOT, environ, log=folder / "log")


def processor_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def process_seconds(database: Database) -> float:
    """Processor seconds of the process that writes the page."""
    environ = {**os.environ, "DATABASE_URL": f"sqlite:///{database.file}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "app.report"], cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def opened_seconds(browser: Browser, url: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/analytics")
    seconds = float(page.evaluate(LOADED))
    context.close()
    return seconds


if __name__ == "__main__":
    main()
