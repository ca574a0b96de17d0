"""docs/signing.md as an owner of releases goes through it: the local release, unsigned, then signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import ROOT, Published
from tests.pages import blocks_of
from tests.reader import go_through, reader_in

PAGE = (ROOT / "docs/signing.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_every_command_runs_and_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        reader.run(".venv/bin/python -m app.settings --create")
        wrong = go_through(reader, blocks_of(PAGE))
        assert wrong == [], "\n\n".join(wrong)
        assert "Pred: " in reader.run(".venv/bin/python predict.py")
        reader.run("sed -i 's/^you/them/; s/AAAA/BBBB/' allowed_signers")
        assert "exit code 4" in reader.run('.venv/bin/python predict.py || echo "exit code $?"')
