"""Rollouts: the share is what was asked for, the same visitor gets the same version, and widening keeps everyone."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from app.flags.editing import roll_out, set_variant
from app.flags.evaluator import Context
from app.flags.flag_file import no_flags, write_flag_file
from app.flags.schema import Document
from tests.flags.conftest import VERSIONS, FlagFile, shares, versions_flag

VISITORS = [f"visit:{number:04x}-{number * 7919 % 65521:04x}" for number in range(10_000)]


def percent(**parts: float) -> dict[str, Fraction]:
    """v2_0=20 -> {"v2.0": 1/5}"""
    return {name.replace("_", "."): Fraction(str(part)) / 100 for name, part in parts.items()}


def served(file: FlagFile, document: Document) -> dict[str, str]:
    """visitor -> version, of each of the 10,000."""
    write_flag_file(file.path, document)
    held = file.flags()
    assert held.problem is None
    return {visitor: held.choose(Context(visitor, None, "/drawings")).version for visitor in VISITORS}


def who(of: dict[str, str], version: str) -> set[str]:
    return {visitor for visitor, given in of.items() if given == version}


def test_20_percent_is_a_fifth_of_10_000_visitors_and_all_of_them_stay_at_50(file: FlagFile):
    narrow = roll_out(no_flags(), "model-version", percent(v2_0=20), versions=VERSIONS).document
    fifth = who(served(file, narrow), "v2.0")
    assert 1850 <= len(fifth) <= 2150
    wide = roll_out(narrow, "model-version", percent(v2_0=50), versions=VERSIONS).document
    half = who(served(file, wide), "v2.0")
    assert fifth < half
    assert 4800 <= len(half) <= 5200
    everyone = roll_out(wide, "model-version", percent(v2_0=100), versions=VERSIONS).document
    assert who(served(file, everyone), "v2.0") == set(VISITORS)


@pytest.mark.parametrize("part", [0.5, 1, 33.33])
@pytest.mark.long
def test_small_and_odd_shares_are_met_and_grow_into_others(file: FlagFile, part: float):
    small = roll_out(no_flags(), "model-version", percent(v2_0=part), versions=VERSIONS).document
    few = who(served(file, small), "v2.0")
    assert abs(len(few) / 100 - part) < 1.5 * max(part, 1) ** 0.5 / 2
    wide = roll_out(small, "model-version", percent(v2_0=40), versions=VERSIONS).document
    assert few < who(served(file, wide), "v2.0")


@pytest.mark.long
def test_a_third_version_beside_a_rollout_moves_nobody_but_those_who_get_it(file: FlagFile):
    two = roll_out(no_flags(), "model-version", percent(v2_0=20), versions=VERSIONS).document
    three = roll_out(two, "model-version", percent(v2_0=20, v1_1=10), versions=VERSIONS).document
    wide = roll_out(three, "model-version", percent(v2_0=50, v1_1=10), versions=VERSIONS).document
    both = roll_out(wide, "model-version", percent(v2_0=60, v1_1=40), versions=VERSIONS).document
    steps = [served(file, document) for document in (two, three, wide, both)]
    for earlier, later in pairwise(steps):
        for version in ("v2.0", "v1.1"):
            assert who(earlier, version) <= who(later, version)
    assert [round(len(who(step, "v2.0")) / 1000) for step in steps] == [2, 2, 5, 6]
    assert [round(len(who(step, "v1.1")) / 1000) for step in steps] == [0, 1, 1, 4]
    assert who(steps[3], "v1.0") == set()


def test_a_version_that_is_made_smaller_keeps_its_first_visitors_and_gives_the_others_the_default(file: FlagFile):
    wide = roll_out(no_flags(), "model-version", percent(v2_0=50, v1_1=10), versions=VERSIONS).document
    narrow = roll_out(wide, "model-version", percent(v2_0=20, v1_1=10), versions=VERSIONS).document
    again = roll_out(narrow, "model-version", percent(v2_0=50, v1_1=10), versions=VERSIONS).document
    before, less, after = (served(file, document) for document in (wide, narrow, again))
    assert who(less, "v2.0") < who(before, "v2.0")
    assert who(less, "v1.1") == who(before, "v1.1")
    assert after == before


def test_a_version_that_is_not_named_any_more_has_nobody(file: FlagFile):
    two = roll_out(no_flags(), "model-version", percent(v2_0=20, v1_1=10), versions=VERSIONS).document
    one = roll_out(two, "model-version", percent(v2_0=30), versions=VERSIONS).document
    before, after = served(file, two), served(file, one)
    assert who(after, "v1.1") == set()
    assert who(before, "v2.0") < who(after, "v2.0")


def test_a_new_default_leaves_everyone_in_a_rollout_where_they_are(file: FlagFile):
    promoted = set_variant(no_flags(), "model-version", "v2.0", versions=VERSIONS).document
    tried = roll_out(promoted, "model-version", percent(v1_1=20), versions=VERSIONS).document
    wider = roll_out(tried, "model-version", percent(v1_1=30, v1_0=10), versions=VERSIONS).document
    assert who(served(file, tried), "v1.1") < who(served(file, wider), "v1.1")
    assert set(served(file, tried).values()) == {"v2.0", "v1.1"}


def test_the_route_and_the_key_move_nobody(file: FlagFile):
    file.write(versions_flag(shares(("v2.0", 50), ("v1.0", 50))))
    held = file.flags()
    for visitor in VISITORS[:200]:
        given = {held.choose(Context(visitor, key, route)).version for key in (None, "lab") for route in ("/a", "/b")}
        assert len(given) == 1


def test_who_gets_what_is_the_same_in_every_process_and_release_of_the_evaluator(file: FlagFile):
    """Recorded. An evaluator that hashes otherwise would move every visitor of every running rollout."""
    file.write(versions_flag(shares(("v2.0", 20), ("v1.1", 30), ("v1.0", 50))))
    held = file.flags()
    given = " ".join(held.choose(Context(visitor, None, "/")).version for visitor in VISITORS[:12])
    assert given == "v2.0 v1.1 v1.0 v1.0 v1.0 v1.0 v1.0 v2.0 v2.0 v1.0 v1.0 v2.0"
