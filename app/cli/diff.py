"""`pixelwise diff`: two releases side by side, before either is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.terminal import JsonOption, print_json, say, show
from app.model.refusals import MissingDigits
from app.settings import read_settings

if TYPE_CHECKING:
    from app.verify.comparison import Line, Reading

NOTHING_IN_COMMON = "There is no class that both know."
SHOWN = 10
"""Most disagreements in the table; --json has all."""


def diff(
    first: Annotated[str, typer.Argument(metavar="VERSION", help="A pulled release, such as v1.0.")],
    second: Annotated[str, typer.Argument(metavar="VERSION", help="Another one.")],
    json: JsonOption = False,
) -> None:
    """Compare two releases in models/, served or not: contract, card, and the recorded digits that both know; where
    neither has any, MNIST's test file."""
    from app.verify.comparison import contract_rows, look_at, read_both

    settings = read_settings()
    sides = [look_at(version, models=settings.models, lock_file=settings.lock_file) for version in (first, second)]
    rows, reading, unread = contract_rows(*sides), None, NOTHING_IN_COMMON
    try:
        reading = read_both(*sides, mnist=settings.mnist_dir)
    except MissingDigits as error:
        unread = f"Neither release has recorded digits that both know. {error}"
    if json:
        contracts = [side.contract for side in sides]
        differing = [row.name for row in rows if row.first != row.second]
        print_json(
            {
                "versions": [first, second],
                "properties": {row.name: [row.first, row.second] for row in rows},
                "differing": differing,
                "contracts": contracts,
                "reading": None if reading is None else _as_object(reading),
                "unread": None if reading else unread,
            }
        )
        return
    show(_properties_table(rows, first, second))
    if reading is None:
        say(f"No digits were read. {unread}")
        return
    show(_reading_table(reading, first, second))
    if reading.disagreements:
        show(_disagreements_table(reading, first, second))


def _as_object(reading: Reading) -> dict[str, Any]:
    found = reading._asdict()
    return found | {
        "accuracy": [{"correct": one.correct, "n": one.n, "interval": one.interval} for one in reading.shares],
        "disagreements": [
            {"label": label, "first": said, "second": also_said, "n": n}
            for (label, said, also_said), n in reading.disagreements.items()
        ],
    }


def _properties_table(rows: list[Line], first: str, second: str) -> Table:
    table = Table(title="What they say of themselves")
    for column in ("", first, second, ""):
        table.add_column(column, overflow="fold")
    for row in rows:
        differs = row.first != row.second
        style = "bold yellow" if differs else ""
        mark = "differs" if differs else ""
        table.add_row(row.name, Text(row.first, style), Text(row.second, style), Text(mark, style))
    return table


def _reading_table(reading: Reading, first: str, second: str) -> Table:
    from app.verify.comparison import MNIST

    table = Table(title=f"How they read {reading.n:,} {reading.of} of classes that both know")
    for column in ("", first, second):
        table.add_column(column, overflow="fold")
    one, other = reading.shares
    table.add_row("right", *(str(share).partition(" right: ")[2] for share in (one, other)))
    table.add_row("right where the other is wrong", f"{reading.only_first:,}", f"{reading.only_second:,}")
    for label, (n, right, also_right) in reading.per_class.items():
        table.add_row(f"{label}: of {n:,}", f"{right:,}", f"{also_right:,}")
    table.caption = (
        f"same answer {reading.same:,} ({reading.same / reading.n:.1%}); both right {reading.both_right:,}; "
        f"neither right {reading.neither:,}"
    )
    if reading.of == MNIST:
        table.caption += "; either may have been trained with some of these digits"
    return table


def _disagreements_table(reading: Reading, first: str, second: str) -> Table:
    table = Table(title="Where they disagree most")
    for column in ("digit", first, second, "how often"):
        table.add_column(column)
    for (label, said, also_said), n in list(reading.disagreements.items())[:SHOWN]:
        table.add_row(label, said, also_said, str(n))
    return table
