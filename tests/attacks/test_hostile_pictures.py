"""Hostile pictures are refused or read within bounds, which are of memory and processor time, never of the clock."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from app.drawing.decode_image import MAX_DECODING_BYTES, PICTURE_BYTES
from tests.attacks.hostile_pictures import EITHER
from tests.installation import ROOT

pytestmark = pytest.mark.long

COPIES = 2
"""Of a file, that decoding makes: what is handed to Pillow, and what Pillow reads of it at once."""
SPARE_BYTES = 40_000_000
SECONDS = 10.0
"""The worst takes half of one."""
SECONDS_WITHOUT_DECODING = 2.0
"""For a header, or some thousand parts. The worst takes a tenth of one; Pillow takes eleven for millions of parts."""
Measures = list[dict[str, Any]]


@pytest.fixture(scope="module")
def measures() -> Measures:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.attacks.measured_pictures"], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_there_are_more_than_a_hundred_of_them_and_each_is_small_enough_to_be_opened(measures: Measures):
    names = [one["name"] for one in measures]
    assert len(set(names)) == len(names) > 200
    assert max(one["bytes"] for one in measures) <= PICTURE_BYTES


def test_each_is_refused_or_read_as_it_should_be(measures: Measures):
    for one in measures:
        assert one["outcome"] in ("read", "refused"), one
        assert one["wanted"] in (EITHER, one["outcome"]), one
        assert "MemoryError" not in one["found"], one


def test_none_takes_more_memory_than_the_largest_picture_may(measures: Measures):
    for one in measures:
        assert one["memory"] <= MAX_DECODING_BYTES + COPIES * one["bytes"] + SPARE_BYTES, one


def test_none_takes_more_processor_time_than_the_largest_picture_may(measures: Measures):
    for one in measures:
        assert one["seconds"] <= SECONDS, one


def test_what_is_refused_by_its_header_takes_next_to_nothing(measures: Measures):
    refused = [one for one in measures if one["outcome"] == "refused" and "broken" not in one["found"]]
    assert len(refused) > 60
    for one in refused:
        assert one["seconds"] <= SECONDS_WITHOUT_DECODING, one
        assert one["memory"] <= COPIES * one["bytes"] + SPARE_BYTES, one


def test_what_only_has_a_bomb_beside_its_pixels_takes_no_more_than_its_pixels(measures: Measures):
    beside = [one for one in measures if one["outcome"] == "read" and " with " in one["name"]]
    assert len(beside) > 15
    for one in beside:
        assert one["seconds"] <= SECONDS_WITHOUT_DECODING, one
        assert one["memory"] <= COPIES * one["bytes"] + SPARE_BYTES, one
