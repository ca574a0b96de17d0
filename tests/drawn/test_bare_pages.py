"""Pages with nothing on them: light, shadow and the paper's grain are no digits."""

from __future__ import annotations

from collections import Counter

import pytest

from app.drawing.decode_image import decode, open_picture
from app.drawing.recipe import see
from drawn.conditions import CONDITIONS
from drawn.suite import NEED_A_DIGIT, bare_page

pytestmark = pytest.mark.long

COUNT = 12
EASY = (
    "clean",
    "gradient",
    "glare",
    "noise",
    "lined",
    "squared",
    "yellow-paper",
    "specks",
    "corner",
    "frame",
    "turned-10",
)
"""Conditions under which next to nothing may be taken for ink; the others are reported in docs/measured.md."""
LEFT = {"blank", "faint", "lines", "frame"}
"""What a page with nothing on it may be said to be."""


def said_of(condition: str) -> Counter[str]:
    seen = (see(decode(open_picture(bare_page(condition, 41, place)))) for place in range(COUNT))
    return Counter(one.unread.name if one.unread else "a digit" for one in seen)


@pytest.mark.parametrize("condition", EASY)
def test_on_a_bare_page_nothing_is_read(condition: str):
    said = said_of(condition)
    assert sum(said[name] for name in LEFT) >= COUNT - 2, said


def test_all_other_conditions_that_have_a_bare_page_leave_most_of_them_unread():
    others = [name for name in CONDITIONS if name not in (*EASY, *NEED_A_DIGIT)]
    said = sum((said_of(condition) for condition in others), Counter[str]())
    assert sum(said[name] for name in LEFT) >= 0.7 * said.total(), said
