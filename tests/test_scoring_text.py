"""docs/scoring.md as its reader goes through it: MNIST's test digits, by two releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import ROOT, Published
from tests.pages import blocks_of
from tests.reader import go_through, reader_in

PAGE = (ROOT / "docs/scoring.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_every_command_runs_and_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        reader.run(".venv/bin/python -m app.settings --create")
        reader.run(".venv/bin/pixelwise pull")
        wrong = go_through(reader, blocks_of(PAGE))
        assert wrong == [], "\n\n".join(wrong)
        assert (reader.root / "data/scored/v2.0/report.html").read_text(encoding="utf-8").count("<img") == 24
