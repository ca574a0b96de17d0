"""The arithmetic of the frame on a picture: pure functions of the page, called one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.long

WIDE = {"width": 400, "height": 100}


@pytest.mark.parametrize(
    ("frame", "size", "part"),
    [
        ((0, 0, 1), WIDE, [0, 0, 400, 100]),
        ((0.5, 0.25, 0.5), WIDE, [200, 0, 200, 100]),
        ((0, 0, 0.5), WIDE, [0, 0, 200, 50]),
        ((0.25, 0.25, 0.5), {"width": 100, "height": 100}, [25, 25, 50, 50]),
        ((0.9, 0.45, 0.1), {"width": 3, "height": 1}, [2, 0, 1, 1]),
    ],
)
def test_the_part_in_a_frame_is_cut_in_the_picture_s_own_pixels(
    tool: Callable[..., Any], frame: tuple[float, ...], size: dict[str, int], part: list[int]
):
    assert tool("frame", "cut", dict(zip(("x", "y", "side"), frame, strict=True)), size) == part


def test_any_frame_that_is_kept_lies_on_the_sheet_and_cuts_something_out(tool: Callable[..., Any]):
    chance = random.Random(3)
    for _ in range(60):
        size = {"width": chance.randint(1, 3000), "height": chance.randint(1, 3000)}
        wish = {"x": chance.uniform(-1, 2), "y": chance.uniform(-1, 2), "side": chance.uniform(0, 1.5)}
        frame = tool("frame", "kept", wish, size)
        assert 0.1 <= frame["side"] <= 1
        assert all(-1e-9 <= frame[axis] <= 1 - frame["side"] + 1e-9 for axis in "xy")
        left, top, width, height = tool("frame", "cut", frame, size)
        assert width > 0
        assert height > 0
        assert left + width <= size["width"]
        assert top + height <= size["height"]


@pytest.mark.parametrize(
    ("point", "grip"),
    [
        *[((0.2, 0.2), "nw"), ((0.78, 0.22), "ne"), ((0.21, 0.8), "sw"), ((0.8, 0.8), "se")],
        *[((0.5, 0.5), "inside"), ((0.5, 0.2), "inside"), ((0.5, 0.1), "outside"), ((0.9, 0.9), "outside")],
    ],
)
def test_a_press_takes_a_corner_the_frame_or_nothing(tool: Callable[..., Any], point: tuple[float, float], grip: str):
    assert tool("frame", "gripAt", {"x": 0.2, "y": 0.2, "side": 0.6}, point, 0.05) == grip


@pytest.mark.parametrize("corner", ["nw", "ne", "sw", "se"])
def test_the_opposite_corner_stays_and_the_frame_a_square_on_the_sheet(tool: Callable[..., Any], corner: str):
    frame = {"x": 0.3, "y": 0.2, "side": 0.4}

    def opposite(found: dict[str, float]) -> tuple[float, float]:
        return (
            found["x"] + (found["side"] if "w" in corner else 0),
            found["y"] + (found["side"] if "n" in corner else 0),
        )

    for point in ((-1, -1), (2, 2), (0.5, 0.4), (0.1, 0.9)):
        found = tool("frame", "stretched", frame, corner, point)
        assert opposite(found) == pytest.approx(opposite(frame))
        assert 0.1 <= found["side"] <= 0.8 + 1e-9
        assert min(found["x"], found["y"]) >= -1e-9
        assert max(found["x"], found["y"]) + found["side"] <= 1 + 1e-9


@pytest.mark.parametrize(
    ("size", "smaller"), [((8000, 4000), [1250, 625]), ((300, 200), [300, 200]), ((9000, 1), [1250, 1])]
)
def test_a_picture_is_made_smaller_and_never_larger(
    tool: Callable[..., Any], size: tuple[int, int], smaller: list[int]
):
    assert tool("frame", "within", *size, 1250) == smaller
