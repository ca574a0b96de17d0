from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console, RenderableType

from app.cli.fitting import fitted
from app.cli.layout import QUESTIONS, answers_table, as_characters, as_evidence, checks_report
from app.model.evidence import Evidence
from app.verify.checks import Check, compare, skip
from tests.cli.test_image_files import seven

ANSWER = {"prediction": "1", "confidence": 0.5, "certainty": None, "unsure": True, "findings": ()}
HEADINGS = ["image", "prediction", "confidence", "unsure"]


def shown(table: RenderableType, *, width: int = 400) -> list[list[str]]:
    """Each line of it, by its cells."""
    file = io.StringIO()
    Console(file=file, width=width).print(table, crop=False)
    lines = file.getvalue().translate({ord(bar): "  " for bar in "\u2502\u2503"}).splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines if line.strip()]


def printed(result: RenderableType, *, width: int) -> list[str]:
    """Its lines on a terminal of this width."""
    file = io.StringIO()
    out = Console(file=file, width=width)
    out.print(fitted(result, out), crop=False)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def row(name: str, *checks: Check) -> list[str]:
    return next(line for line in shown(checks_report(checks)) if line[0] == name)


def test_a_check_is_one_row_with_each_view_in_its_column():
    check = compare("ink rule", "code", "> 128", "card", "> 127")
    assert row("ink rule", check) == ["ink rule", "> 127", "> 128", "differs"]
    table = shown(checks_report([check]))
    assert table[0] == ["Which preprocessing is inside the artefact, and which is the caller's?"]
    assert [cell for cell in table[1] if cell != "outcome"] == ["artefact", "card", "code", "golden set", "signature"]


def test_several_checks_of_one_name_are_one_row_and_the_worst_outcome_counts():
    checks = [
        compare("features", "artefact", 784, "code", 784),
        skip("features", "artefact", 784, "prose", "the prose does not state it"),
    ]
    assert row("features", *checks) == ["features", "784", "784", "skipped: the prose does not state it"]
    differs = compare("features", "artefact", 784, "card", 785)
    assert row("features", *checks, differs)[-1].startswith("differs")


def test_a_digest_is_shown_by_its_first_characters():
    check = compare("sha256", "artefact", "a" * 64, "card", "b" * 64)
    assert row("sha256", check)[1:3] == ["a" * 12 + "\u2026", "b" * 12 + "\u2026"]


def test_what_looks_like_markup_is_shown_as_it_is():
    check = compare("steps", "artefact", "[red]x", "card", "[/red]")
    assert row("steps", check)[1:3] == ["[red]x", "[/red]"]
    assert ["[/x].png", "1", "0.50", "yes", "none"] in shown(answers_table(["[/x].png"], [ANSWER]))


@pytest.mark.parametrize("width", [20, 80, 150, 400])
@pytest.mark.parametrize("name", ["a.png", "long/" * 40, "\u6570/" * 40], ids=["short", "long", "wide"])
def test_the_name_of_an_image_is_never_broken_and_no_figure_is_cut(name: str, width: int):
    lines = shown(answers_table([name], [ANSWER]), width=width)
    assert [[cell for cell in line if cell != "findings"] for line in lines if "image" in line] == [HEADINGS]
    assert [name, "1", "0.50", "yes", "none"] in lines


def test_no_name_stands_below_two_questions():
    names = [name for names in QUESTIONS.values() for name in names]
    assert len(set(names)) == len(names)


def test_a_drawing_is_14_lines_of_28_characters_with_ink_where_the_model_sees_it():
    image = np.asarray(seven(paper=0, ink=255).resize((28, 28)))
    lines = as_characters(image, ink="> 128").split("\n")
    assert [len(line) for line in lines] == [28] * 14
    for row_number, line in enumerate(lines):
        for column, character in enumerate(line):
            upper, lower = image[2 * row_number : 2 * row_number + 2, column] > 128
            assert character == {(0, 0): " ", (1, 0): "\u2580", (0, 1): "\u2584", (1, 1): "\u2588"}[upper, lower]


def test_for_a_model_that_sees_grey_it_is_shaded():
    image = np.repeat(np.arange(0, 252, 9, dtype=np.uint8), 28).reshape(28, 28)
    image[-2:] = 255
    lines = as_characters(image, ink="grey").split("\n")
    assert [len(line) for line in lines] == [28] * 14
    assert (lines[0], lines[-1]) == (28 * " ", 28 * "█")
    assert [line[0] for line in lines] == sorted((line[0] for line in lines), key=" ░▒▓█".index)


def test_evidence_is_drawn_where_the_ink_is_and_said_in_words():
    image, worth = np.zeros((2, 28, 28), np.float32)
    image[10, 5:17] = 255
    worth[10, 5:17] = np.repeat([4, -2, 0.1], 4)
    found = Evidence("3", "8", worth, np.zeros_like(worth), 0.0, 2.1, is_exact=True)
    lines = printed(as_evidence("[a].png", image.astype(np.uint8), found, width=80), width=80)
    assert lines == [
        "[a].png",
        4 * "++" + 4 * "--" + 4 * "··",
        "++ speaks for 3, -- for 8, ·· for neither",
        "The ink at the left speaks for 3 against 8.",
        "The ink in the middle speaks for 8.",
    ]


def test_where_no_place_tells_most_that_is_said():
    none = np.zeros((28, 28), np.float32)
    found = Evidence("3", "8", none, none, 0.5, 0.5, is_exact=False)
    assert printed(as_evidence("a.png", none.astype(np.uint8), found, width=80), width=80)[-1] == (
        "No place decides alone."
    )


@pytest.mark.parametrize("width", [80, 56, 55, 40, 28, 27, 20])
def test_evidence_is_as_wide_as_the_terminal_allows_and_no_line_is_broken(width: int):
    worth = np.zeros((28, 28), np.float32)
    worth[3:25] = 1.0
    found = Evidence("3", "8", worth, np.zeros_like(worth), 0.0, 2.1, is_exact=True)
    lines = printed(as_evidence("a.png", np.full((28, 28), 255, np.uint8), found, width=width), width=width)
    drawn = [line for line in lines if set(line) == {"+"}]
    if width >= 28:
        assert drawn == [28 * ("++" if width >= 56 else "+")] * 22
    else:
        assert drawn == []
        assert f"Its drawing takes 28 columns, and here are {width}." in " ".join(lines)
    assert max(map(len, lines)) <= width
