"""What the command line shows: checks as one table of views, answers as a table, a digit as characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from app.release.agreement import Check, Outcome, View

VIEWS: dict[View, str] = {
    "artefact": "artefact",
    "card": "card",
    "prose": "card",
    "code": "code",
    "settings": "code",
    "here": "code",
    "golden": "golden set",
}
"""The column in which a view is shown; what settings say and what is computed here is the code's side."""

QUESTIONS = {
    "Which preprocessing is inside the artefact, and which is the caller's?": (
        "preprocessing",
        "ink rule",
        "steps",
        "step names",
        "classifier",
    ),
    "Do the classes match?": ("classes", "withheld", "classes in prose"),
    "Does the input shape match?": ("features", "image", "features in prose"),
    "Does the accuracy reproduce?": (
        "recorded answers",
        "golden accuracy",
        "accuracy",
        "accuracy in prose",
        "accuracy on MNIST's test file",
    ),
    "Is it the release that was promised?": ("card", "version", "file", "sha256", "scikit-learn"),
}

_STYLE: dict[Outcome, str] = {"agrees": "green", "differs": "bold red", "skipped": "yellow"}


def checks_table(checks: Sequence[Check]) -> Table:
    """The views side by side, a row for each check, below the question that it answers."""
    columns = list(dict.fromkeys(VIEWS.values()))
    table = Table(title="Artefact, card, code and golden set", title_justify="left", show_lines=False)
    table.add_column("check", no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    table.add_column("outcome", overflow="fold")
    for question, names in QUESTIONS.items():
        asked = [check for check in checks if check.name in names]
        if not asked:
            continue
        table.add_section()
        table.add_row(f"[bold]{question}[/bold]")
        for check in sorted(asked, key=lambda check: names.index(check.name)):
            cells = {VIEWS[check.promised_by]: check.promised, VIEWS[check.found_in]: check.found}
            if VIEWS[check.promised_by] == VIEWS[check.found_in]:
                cells = {VIEWS[check.found_in]: f"{check.found} / {check.promised}"}
            outcome = check.outcome + (f": {check.why}" if check.why else "")
            style = _STYLE[check.outcome]
            row = [_short(cells.get(column, "")) for column in columns]
            table.add_row(f"  {check.name}", *row, f"[{style}]{outcome}[/{style}]")
    return table


def answers_table(rows: Sequence[tuple[str, str, float, str]]) -> Table:
    """(image, prediction, confidence, findings) as a table."""
    table = Table()
    table.add_column("image", overflow="fold")
    table.add_column("prediction", justify="right")
    table.add_column("confidence", justify="right")
    table.add_column("findings", overflow="fold")
    for name, prediction, confidence, findings in rows:
        table.add_row(name, prediction, f"{confidence:.2f}", findings or "none")
    return table


def as_characters(image: NDArray[np.uint8], *, ink_above: int) -> str:
    """A (28, 28) image in 14 lines of 28 characters, each half a pixel pair: what the model saw, ink or paper."""
    ink = image > ink_above
    pairs = [(ink[row], ink[row + 1]) for row in range(0, len(ink), 2)]
    return "\n".join("".join(" ▀▄█"[upper + 2 * lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs)


def _short(text: str) -> str:
    """A digest by its first characters; everything else whole."""
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
