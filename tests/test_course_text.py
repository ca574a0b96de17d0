"""docs/course.md as its reader goes through it: each command runs, in order, and prints what it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.installation import ROOT, Published
from tests.pages import blocks_of, sentences_of
from tests.reader import go_through, reader_in

PAGE = (ROOT / "docs/course.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)


def test_every_command_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        wrong = go_through(reader, BLOCKS, all_shown=True)
    assert wrong == [], "\n\n".join(wrong)


def test_it_can_be_followed_after_the_readme(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        go_through(reader, blocks_of((ROOT / "README.md").read_text(encoding="utf-8")))
        reader.leave()
        wrong = go_through(reader, BLOCKS, all_shown=True)
    assert wrong == [], "\n\n".join(wrong)


def test_every_file_in_a_sentence_exists():
    named = re.findall(r"`((?:app|tests|pixelwise-model)/[\w./-]+|[\w-]+\.(?:py|sh|lock))`", sentences_of(PAGE))
    of_releases = {"train.py", "release.py"}
    missing = [name for name in named if not (ROOT / name).exists() and name not in of_releases]
    assert named and missing == []
    assert all((ROOT / "pixelwise-model" / name).exists() for name in of_releases)
