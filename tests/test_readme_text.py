"""README.md and docs/using.md as a newcomer goes through them: `make run`, and the rest while that serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import ROOT, Published
from tests.pages import blocks_of
from tests.reader import go_through, reader_in

pytestmark = pytest.mark.long

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/using.md")}
"""In this order: the second goes on where the first ends."""


def test_every_command_runs_and_prints_what_the_pages_show(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        for name, page in PAGES.items():
            wrong = go_through(reader, blocks_of(page))
            assert wrong == [], "\n\n".join([name, *wrong])
        assert reader.run("git status --short") == "", "what the pages make is not ignored by git"
