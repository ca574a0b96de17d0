"""Output of the command line: checks as tables of views, answers as a table, a digit as characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.model.contract import GREY, INK_ABOVE
from app.model.evidence import Evidence, in_words
from app.verify.checks import Check, Outcome, View

VIEWS: dict[View, str] = {
    "artefact": "artefact",
    "card": "card",
    "prose": "card",
    "code": "code",
    "settings": "code",
    "here": "code",
    "golden": "golden set",
    "signature": "signature",
}
"""The column in which a view is shown; settings and values computed here are in the code's column."""

QUESTIONS = {
    "Which preprocessing is inside the artefact, and which is the caller's?": (
        "preprocessing",
        "ink rule",
        "scale",
        "ink rule in prose",
        "steps",
        "steps in prose",
        "step names",
        "classifier",
    ),
    "Do the classes match?": ("classes", "withheld", "classes in prose"),
    "Does the input shape match?": ("features", "image", "features in prose"),
    "Does the accuracy reproduce?": (
        "recorded answers",
        "golden accuracy",
        "accuracy of golden digits",
        "accuracy",
        "accuracy in prose",
        "digits in prose",
        "golden set in prose",
        "accuracy on MNIST's test file",
    ),
    "How does it read strokes of a pen and pictures of paper?": ("recipe", "drawn digits", "drawn digits in prose"),
    "Does it say when it sees no digit?": ("taken for no digit",),
    "Is it the release that was promised?": (
        "card",
        "version",
        "file",
        "sha256",
        "sha256 in prose",
        "format",
        "opset",
        "scikit-learn",
    ),
    "Who signed it?": ("signer",),
}

SHADES = " ░▒▓█"
"""From paper to ink."""

LITTLE = 0.15
"""Ink below this share of the strongest speaks for neither class."""
NO_PLACE = "No place decides alone."

FINDINGS = 30
"""Least width of the findings' column, in characters, however long the names of images are."""

STYLES: dict[Outcome, str] = {"differs": "bold red", "skipped": "yellow", "agrees": "green"}
"""Styles of outcomes, worst first: a row of several checks shows the first of these that occurs."""


def checks_report(checks: Sequence[Check]) -> Group:
    """The five views side by side, below the question that they answer."""
    parts: list[RenderableType] = []
    for question, names in QUESTIONS.items():
        asked = [name for name in names if any(check.name == name for check in checks)]
        if not asked:
            continue
        table = _views_table(with_header=not parts)
        for name in asked:
            table.add_row(*_row(name, [check for check in checks if check.name == name]))
        parts += [Text(question, style="bold"), table]
    return Group(*parts)


def _views_table(*, with_header: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=with_header)
    for column in ("", *dict.fromkeys(VIEWS.values()), "outcome"):
        table.add_column(column)
    return table


def _row(name: str, checks: Sequence[Check]) -> list[Text]:
    cells: dict[str, list[str]] = {column: [] for column in VIEWS.values()}
    for check in checks:
        for view, shown in ((check.found_in, check.found), (check.promised_by, check.promised)):
            if shown and _short(shown) not in cells[VIEWS[view]]:
                cells[VIEWS[view]].append(_short(shown))
    outcome = next(outcome for outcome in STYLES if any(check.outcome == outcome for check in checks))
    reasons = dict.fromkeys(check.why for check in checks if check.why)
    verdict = Text(": ".join([outcome, *reasons]), style=STYLES[outcome])
    # Text, not str: a card's contents or a file's name is not markup.
    return [Text(name), *(Text(" / ".join(shown)) for shown in cells.values()), verdict]


def answers_table(names: Sequence[str], answers: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each image: its name, never broken; the answer, its certainty if measured, whether it is called unsure,
    and anything unlike the training images, or the reason why there is no answer."""
    is_measured = any(answer["certainty"] is not None for answer in answers)
    table = Table()
    table.add_column("image", min_width=max(map(cell_len, names), default=0))
    for heading in ("prediction", "confidence", *(["certainty"] if is_measured else []), "unsure"):
        table.add_column(heading, justify="right", min_width=len(heading))
    table.add_column("findings", overflow="fold", min_width=FINDINGS)
    for name, answer in zip(names, answers, strict=True):
        said = "; ".join(f"{finding.name}: {finding.remedy}" for finding in answer["findings"]) or "none"
        how_sure = [answer["confidence"], *([answer["certainty"]] if is_measured else [])]
        shares = ("–" if share is None else f"{share:.2f}" for share in how_sure)
        unsure = "–" if answer["prediction"] is None else "yes" if answer["unsure"] else "no"
        table.add_row(Text(name), answer["prediction"] or "–", *shares, unsure, said)
    return table


def as_characters(image: NDArray[np.uint8], *, ink: str) -> str:
    """A (28, 28) image in 14 lines of 28 characters, each a pair of pixels, one above the other: what the model saw.

    Args:
        ink: the model's ink rule. By "grey" a pair is the shade of both; otherwise each is ink or paper.
    """
    if ink == GREY:
        shades = image.astype(np.uint16).reshape(14, 2, 28).sum(axis=1) * len(SHADES) // 511
        return "\n".join("".join(SHADES[shade] for shade in row) for row in shades)
    ink_at = image > INK_ABOVE
    pairs = [(ink_at[row], ink_at[row + 1]) for row in range(0, len(ink_at), 2)]
    return "\n".join("".join(" ▀▄█"[upper + 2 * lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs)


def as_evidence(name: str, image: NDArray[np.uint8], found: Evidence, *, width: int) -> Group:
    """A drawing of this name: what each pixel with ink spoke for, and below it what tells most.

    Args:
        width: of the terminal. A pixel is two characters wide, one where there is no room for two; where there is none
            for one either, a sentence says so instead of the drawing.
    """
    worth = found.ink
    telling = LITTLE * float(np.abs(worth).max())
    rows, columns = (np.flatnonzero(worth.any(axis=axis)) for axis in (1, 0))
    across = int(columns[-1] - columns[0] + 1) if len(columns) else 0
    wide = 2 if 2 * across <= width else 1
    words = [Text(line) for line in in_words(found) or [NO_PLACE]]
    named = Text(name, no_wrap=True, overflow="ignore")  # it may be a path
    if across > width:
        return Group(named, Text(f"Its drawing takes {across} columns, and here are {width}."), *words)
    shown = Text(no_wrap=True, overflow="ignore")
    for row in range(rows[0], rows[-1] + 1) if len(rows) else ():
        for column in range(columns[0], columns[-1] + 1):
            value = float(worth[row, column])
            character, style = ("·", "") if image[row, column] else (" ", "")
            if abs(value) > telling:
                character, style = ("+", "bold blue") if value > 0 else ("-", "dark_orange")
            shown.append(wide * character, style)
        shown.append("\n")
    shown.rstrip()
    marks = f"{wide * '+'} speaks for {found.answer}, {wide * '-'} for {found.against}, {wide * '·'} for neither"
    return Group(named, *([shown] if across else []), Text(marks), *words)


def _short(text: str) -> str:
    """A digest cut to its first characters; any other text whole."""
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
