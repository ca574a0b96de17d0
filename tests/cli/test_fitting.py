"""Tables of any width: no word is broken, and no line is wider than the terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from app.cli.fitting import fitted
from app.cli.terminal import tell
from tests.installation import Installation, Published

LONG = "digit_classifier_v1.pkl"
FRAMES = re.compile("[\u2500-\u257f]")
COMMANDS = (
    *(("models", "list"), ("verify",), ("verify", "v2.0"), ("diff", "v1.0", "v2.0"), ("report",), ("doctor",)),
    *(("flags", "list"), ("predict", "digits.npy"), ("predict", "digits.npy", "blank.png")),
)
HEADINGS = {
    *("image", "version", "check", "flag", "digit", "why", "variants", "findings", "found", "what", "mends", "it"),
    "signature",
}
"""Of first columns, and of columns with nothing in them: lines below each other have none."""


def a_table(*, header: bool = True) -> Table:
    table = Table(show_header=header, caption="the end")
    for name in ("name", "what was found", "outcome"):
        table.add_column(name, overflow="fold")
    table.add_row("one", Text(f"[red] {LONG} and seven more words, all of them short"), Text("agrees", "green"))
    table.add_row("another", "", "differs")
    return table


def lines_of(width: int, *parts: object) -> list[str]:
    file = io.StringIO()
    out = Console(file=file, width=width)
    out.print(fitted(Group(*parts) if len(parts) > 1 else parts[0], out), crop=False)
    return file.getvalue().splitlines()


def words_in(text: str) -> set[str]:
    """All words, but for the free space of a disk, which others use too."""
    return set(re.sub(r"[\d,]+(?=\s+MiB\b)", "", FRAMES.sub(" ", text)).split())


@pytest.mark.parametrize("width", range(41, 130))
def test_no_word_is_broken_and_no_line_is_wider(width: int):
    lines = lines_of(width, a_table())
    assert words_in("\n".join(lines)) >= words_in(
        f"one another [red] {LONG} and seven more words, all short agrees differs"
    )
    assert max(map(len, lines)) <= width


def test_where_no_table_fits_each_row_is_lines_below_each_other_without_what_is_empty():
    assert [line.rstrip() for line in lines_of(46, a_table())] == [
        *("one", "  what was found  [red]", f"                  {LONG} and"),
        *("                  seven more words, all of", "                  them short", "  outcome         agrees"),
        *("another", "  outcome         differs", "the end"),
    ]


def test_tables_below_each_other_stand_in_line_or_none_is_a_table():
    short = Table(show_header=False)
    for name in ("name", "what was found", "outcome"):
        short.add_column(name)
    short.add_row("x", "y", "z")
    lines = lines_of(120, a_table(), "Between", short)
    bars = {tuple(found.start() for found in re.finditer("\u2502", line)) for line in lines if "\u2502" in line}
    assert len(bars) == 1
    lines = lines_of(46, a_table(), "Between", short)
    assert lines[-5:] == ["", "Between", "x", "  what was found  y", "  outcome         z"]


def test_sentences_are_whole_lines_without_a_terminal_and_broken_between_words_at_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    sentence = "[b]One sentence, of a number of words. " * 9
    monkeypatch.delenv("COLUMNS", raising=False)
    tell([sentence])
    assert capsys.readouterr().out.splitlines() == [sentence]
    monkeypatch.setenv("COLUMNS", "60")
    tell([sentence], err=True)
    lines = capsys.readouterr().err.splitlines()
    assert " ".join(lines) == sentence.strip()
    assert max(map(len, lines)) <= 60 and not any(line.endswith(" ") for line in lines)


@pytest.fixture(scope="module")
def installed(
    compiled_with_three: object, published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    from tests.installation import copy_of

    installation = copy_of(compiled_with_three, tmp_path_factory.mktemp("widths"))  # type: ignore[arg-type]
    np.save(installation.root / "digits.npy", published("v1.0").golden.images[:3])
    Image.new("L", (280, 280), 255).save(installation.root / "blank.png")
    return installation


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_the_same_words_at_80_and_at_60_columns_as_in_a_pipe(
    installed: Installation, command: tuple[str, ...]
):
    environ = {"MODEL_VERSIONS": "v1.0,v2.0", "SECRET_API_KEY": "a-key-that-is-long-enough-for-tests"}
    pipe = installed.pixelwise(*command, **environ)
    assert pipe.stdout, pipe.stderr
    for columns in (80, 60):
        narrow = installed.pixelwise(*command, **environ, COLUMNS=str(columns))
        assert narrow.returncode == pipe.returncode
        assert words_in(pipe.stdout) - words_in(narrow.stdout) <= HEADINGS
        wide = [line for line in narrow.stdout.splitlines() if len(line) > columns]
        assert [line for line in wide if len(line.split()) > 2] == [], "wider than a heading and one word"
