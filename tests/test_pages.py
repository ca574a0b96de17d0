"""The pages whose commands are run: nothing on them escapes, and what they show is held against what is printed."""

from __future__ import annotations

import re

import pytest

from tests.installation import ROOT
from tests.pages import blocks_of, sentences_of, shows

NOT_RUN: dict[str, list[str]] = {
    "README.md": ["it is what runs this page"],
    "docs/using.md": [],
    "docs/course.md": ["tests/page/test_front_end.py runs it in a browser"],
    "docs/service.md": [
        "needs root and systemd; tests/deploy/test_install.py runs it on a machine that seems to have both",
        "it installs a package",
        "needs root and systemd; tests/deploy/test_install.py runs it on a machine that seems to have both",
    ],
    "docs/scoring.md": [],
    "docs/signing.md": ["it downloads packages; tests/clients/test_signing.py runs the signing and the checking"],
}
"""Why a block under `<!-- not run: REASON -->` is not run: each page, each block."""

PICTURES = {
    "README.md": 0,
    "docs/using.md": 0,
    "docs/course.md": 0,
    "docs/service.md": 1,
    "docs/signing.md": 0,
    "docs/scoring.md": 0,
}
"""Blocks without a language: diagrams."""

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in NOT_RUN}


@pytest.mark.parametrize("name", PAGES)
def test_every_fenced_block_is_run_written_or_held_against_what_is_printed(name: str):
    blocks = blocks_of(PAGES[name])
    assert {block.kind for block in blocks} <= {"sh", "python", "markdown", "js", ""}
    assert all(block.file for block in blocks if block.kind == "markdown")
    assert all(block.not_run for block in blocks if block.kind == "js")
    assert sum(not block.kind for block in blocks) == PICTURES[name]
    shown = sum(block.shown is not None for block in blocks)
    assert PAGES[name].count("```") == 2 * (len(blocks) + shown), "a fence that is not read"
    assert all(block.shown is None or block.kind == "sh" for block in blocks), "an output that follows no command"
    assert not re.search(r"^(?: {4}|\t)", sentences_of(PAGES[name]), re.MULTILINE), "an indented block"


@pytest.mark.parametrize("name", PAGES)
def test_no_command_is_left_out(name: str):
    assert [block.not_run for block in blocks_of(PAGES[name]) if block.not_run] == NOT_RUN[name]
    assert "not run:" not in sentences_of(PAGES[name])


# Those of docs/using.md are patterns, in tables that tests/test_texts.py holds against the program.
@pytest.mark.parametrize("name", ["README.md", "docs/course.md", "docs/service.md"])
def test_every_command_in_a_sentence_is_one_that_is_run(name: str):
    run = "\n".join(block.text for block in blocks_of(PAGES[name]) if block.kind == "sh" and not block.not_run)
    named = commands_in(sentences_of(PAGES[name]))
    assert named
    assert [command for command in named if command not in run] == []


def commands_in(text: str) -> list[str]:
    """Whole commands; those with a placeholder in capitals are patterns."""
    words = r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/|bash |curl |git |pip |pixelwise |python |sudo )[^`]+"
    return [found for found in re.findall(rf"`({words})`", text) if not re.search(r" [A-Z]{2,}\b(?!=)|…", found)]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("Pred: 4 (conf 0.48) True: 2", "Pred: 4 (conf 0.47) True: 2", True),
        ("Pred: 4 (conf 0.48) True: 2", "Pred: 5 (conf 0.48) True: 2", False),
        ("Pred: 4 (conf 0.48) True: 2", "Pred: 4 (conf 0.52) True: 2", False),
        ("8,246 of 9,020: 91.42%", "8,250 of 9,020: 91.46%", True),
        ("8,246 of 9,020: 91.42%", "8,000 of 9,020: 88.69%", False),
        ("784 features", "785 features", False),
        ("v1.0: pulled, commit ….", "v1.0: pulled, commit 44cb12bc8d15.", True),
        ("v1.0: pulled, commit ….", "v1.1: pulled, commit 44cb12bc8d15.", False),
        ("v1.0: pulled, commit ….", "v1.0: copied, commit 44cb12bc8d15.", False),
        ("a\n...\nb", "a\nx\ny\nb", True),
        ("a\nb", "a\nx\nb", False),
        ("a", "a\nb", False),
        ("...\nb\nc", "b\nx\nb\nc", True),
        ("", "an error", False),
    ],
)
def test_what_a_page_shows_is_told_from_what_it_does_not(shown: str, printed: str, same: bool):
    assert shows(shown, printed) is same
