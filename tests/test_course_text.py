"""docs/course.md as its reader goes through it: each command runs, in order, and prints what it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.model.formats import read_model
from tests.conftest import Mnist
from tests.course import public_artefact
from tests.installation import ROOT, Published
from tests.pages import blocks_of, sentences_of
from tests.reader import go_through, reader_in

pytestmark = pytest.mark.long

__all__ = ["public_artefact"]

PAGE = (ROOT / "docs/course.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)


def test_every_command_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        wrong = go_through(reader, BLOCKS, all_shown=True)
    assert wrong == [], "\n\n".join(wrong)


def test_it_can_be_followed_after_the_pages_before_it(tmp_path: Path, published: Callable[[str], Published]):
    with reader_in(tmp_path, published) as reader:
        for name in ("README.md", "docs/using.md"):
            go_through(reader, blocks_of((ROOT / name).read_text(encoding="utf-8")))
        reader.leave()
        wrong = go_through(reader, BLOCKS, all_shown=True)
    assert wrong == [], "\n\n".join(wrong)


def test_what_it_says_of_the_course_s_own_model_is_measured(public_artefact: bytes, mnist: Mnist):
    """The table of the course's card, section 3."""
    scorer = read_model(public_artefact)
    known = mnist.test_labels > 0
    read = np.array(scorer.classes)[scorer.scores(mnist.test_images[known]).argmax(axis=1)].astype(int)
    true = mnist.test_labels[known]

    def taken_for_each_other(one: int, other: int) -> int:
        return int(((true == one) & (read == other) | (true == other) & (read == one)).sum())

    assert f"{100 * (read == true).mean():.1f}% of MNIST's {known.sum():,} test digits" in PAGE
    sixes_and_nines = int(((true == 6) | (true == 9)).sum())
    assert f"3 and 8 holds: {taken_for_each_other(3, 8)} are taken for each other" in PAGE
    assert taken_for_each_other(6, 9) == 1
    assert f"6 and 9 does not: one is, of {sixes_and_nines:,}; of 4 and 9 it is {taken_for_each_other(4, 9)}" in PAGE


def test_every_file_in_a_sentence_exists():
    named = re.findall(r"`((?:app|tests|pixelwise-model)/[\w./-]+|[\w-]+\.(?:py|sh|lock))`", sentences_of(PAGE))
    of_releases = {"train.py", "release.py"}
    missing = [name for name in named if not (ROOT / name).exists() and name not in of_releases]
    assert named and missing == []
    assert all((ROOT / "pixelwise-model" / name).exists() for name in of_releases)
