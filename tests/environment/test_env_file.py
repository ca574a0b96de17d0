"""`.env` as it is written: one line for each key, every other byte as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.environment.env_file import lines_in, put, read_lines, with_values, write

LINES = st.sampled_from(
    ["# a comment", "", "PORT=80", "  export HOST = 'x' # y", "bare", "A B", "NOTE='two", "lines'", 'HOST="q\\""', "\t"]
)
ENDS = st.sampled_from(["\n", "\r\n"])
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


@given(st.lists(LINES), ENDS, st.booleans(), VALUES)
def test_a_written_value_is_read_again_and_nothing_else_has_changed(lines: list[str], end: str, bom: bool, value: str):
    before = ("\ufeff" if bom else "") + end.join(lines)
    was, problems = lines_in(before)
    assume(not problems)  # they are refused before anything is written
    after = with_values(before, {"HOST": value})
    now, _ = lines_in(after)
    assert now.pop("HOST").value == value
    was.pop("HOST", None)
    assert {key: line.value for key, line in was.items()} == {key: line.value for key, line in now.items()}
    assert after.startswith("\ufeff") == bom
    assert with_values(after, {"HOST": value}) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\ufeffMODEL_VERSION=v1.0\nA=b\n", "\ufeffMODEL_VERSION=v2.0\nA=b\n"),
        ("\ufeffMODEL_VERSION=v1.0\r\n", "\ufeffMODEL_VERSION=v2.0\r\n"),
        ("A=b\r\n", "A=b\r\nMODEL_VERSION=v2.0\r\n"),
        ("\n\n  MODEL_VERSION = v1.0\n", "\n\nMODEL_VERSION=v2.0\n"),
        ("MODEL_VERSION=a\n# x\nexport MODEL_VERSION=b\n", "MODEL_VERSION=v2.0\n# x\n"),
        ("# a\nA=b", "# a\nA=b\nMODEL_VERSION=v2.0\n"),
        ("MODEL_VERSION\n", "MODEL_VERSION=v2.0\n"),
        ("N='a\nMODEL_VERSION=no\n'\n", "N='a\nMODEL_VERSION=no\n'\nMODEL_VERSION=v2.0\n"),
        ("not a setting\n", "not a setting\nMODEL_VERSION=v2.0\n"),
    ],
)
def test_a_key_has_one_line_afterwards(before: str, after: str):
    assert with_values(before, {"MODEL_VERSION": "v2.0"}) == after


def test_a_line_is_told_by_its_number(tmp_path: Path):
    (tmp_path / ".env").write_text("\n# a\n\n\nA=1\nB='\n'\n\nC=2\nnot a line\n")
    lines, problems = read_lines(tmp_path / ".env")
    assert {key: line.number for key, line in lines.items()} == {"A": 5, "B": 6, "C": 9}
    assert [problem.partition(",")[0] for problem in problems] == [".env line 10 is no KEY=value"]


def test_a_key_that_other_lines_give_another_value_is_told_with_those():
    lines, _ = lines_in("A=1\nexport A = 2\nB=1\n\nA='3'\nB=1\nA=3\n")
    assert lines == {"A": ("3", 7, (1, 2)), "B": ("1", 6, ())}


@pytest.fixture
def no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_file_is_its_owner_s_alone_whatever_the_umask(tmp_path: Path, no_umask: None):
    file = tmp_path / ".env"
    file.with_name(".env.draft").write_text("left by an interrupted run, for all to read")
    put(file, {"A": "b"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    put(file, {"A": "c"})
    assert (stat.S_IMODE(file.stat().st_mode), file.read_text()) == (0o640, "A=c\n")
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("A=b\n")
    with pytest.raises(UnicodeEncodeError):
        write(file, "A=\ud800")
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
    assert file.read_text() == "A=b\n"
