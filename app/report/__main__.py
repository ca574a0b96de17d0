"""`python -m app.report`: the report of this installation's database, on stdout.

The service runs this as a process of its own, so that neither its time nor its memory is the service's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.errors import PixelWiseError
from app.report.evaluation import evaluate
from app.report.html import render
from app.settings import read_settings
from app.storage.database import Database
from app.storage.migrate import prepare
from app.storage.report_queries import read_facts
from app.storage.turns import only_one_report

TURN_SECONDS = 20
"""Longest wait for reports of other processes; the service waits a little longer for this one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the report, or one line on stderr; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.report", description="The report, on stdout.")
    parser.add_argument("--format", choices=("html", "json"), default="html")
    parser.add_argument(
        "--stylesheet", metavar="HREF", help="The address of report.css; without it the page holds its style itself."
    )
    parser.add_argument(
        "--without-drawings", action="store_true", help="For those who are not shown what others drew: none is read."
    )
    options = parser.parse_args(arguments)
    try:
        settings = read_settings()
        database = Database(settings.database_url, root=settings.root)
        prepare(database)
        with only_one_report(database, seconds=TURN_SECONDS):  # several workers may want one
            facts = read_facts(database, disagreements=None) if options.without_drawings else read_facts(database)
        report = evaluate(facts, default=settings.model_version, made_at=datetime.now(UTC))
    except PixelWiseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    page = options.format == "html"
    sys.stdout.buffer.write(
        render(report, stylesheet=options.stylesheet).encode() if page else msgspec.json.encode(report)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
