"""A tenth of the answers asks, by the identifier alone."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from app.answering.label_sampling import asks
from app.storage.identifiers import new_id

IDS = [new_id() for _ in range(100_000)]


def test_a_tenth_of_all_answers_asks():
    assert 0.095 < sum(map(asks, IDS)) / len(IDS) < 0.105


def test_an_answer_asks_or_does_not_however_often_one_looks():
    assert [asks(one) for one in IDS[:1000]] == [asks(UUID(str(one))) for one in IDS[:1000]]


@pytest.mark.parametrize("shift", [64, 76, 80, 90], ids=["below a millisecond", "version", "milliseconds", "seconds"])
def test_when_an_answer_was_given_has_no_say(shift: int):
    assert [asks(one) for one in IDS[:1000]] == [asks(UUID(int=one.int ^ 1 << shift)) for one in IDS[:1000]]


def test_those_who_are_asked_follow_each_other_like_tenths_of_a_lot():
    """As often one after the other as chance has it: of 100,000 pairs 1,000, give or take four standard deviations."""
    pairs = Counter(zip(map(asks, IDS), map(asks, IDS[1:]), strict=False))
    assert 870 < pairs[True, True] < 1130
