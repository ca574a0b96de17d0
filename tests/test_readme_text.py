"""README.md as a newcomer goes through it: `make run`, and the rest of the page while that serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.installation import ROOT, Published
from tests.pages import blocks_of
from tests.reader import go_through, reader_in

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_runs_and_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        wrong = go_through(reader, blocks_of(PAGE))
        assert wrong == [], "\n\n".join(wrong)
        assert reader.run("git status --short") == "", "what the page makes is not ignored by git"
