"""Drawn digits as a release is measured with them: `python -m drawn OUT` writes them as the recipe sees them."""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.drawing.decode_image import decode, open_picture
from app.drawing.normalise import RECIPE
from app.drawing.recipe import see
from app.drawing.strokes import draw_strokes
from drawn.conditions import CONDITIONS
from drawn.digits import LABELS, draw_digit
from drawn.forms import FORMS, Hand
from drawn.page import ink_of_strokes

STROKES = "strokes"
"""The condition of digits drawn with a pen here, and never photographed."""

Grey = NDArray[np.uint8]


class Drawn(NamedTuple):
    """A digit as the model sees it, and its origin."""

    image: Grey
    label: str
    condition: str
    hand: Hand


def seen_in(data: bytes) -> Grey:
    """(28, 28) uint8: the digit on a picture, as the recipe reads it; all 0 where it reads none."""
    return see(decode(open_picture(data))).pixels


def strokes_seen(seed: int, count: int) -> Iterator[Drawn]:
    """Pen digits, `count` for each hand."""
    for which, hand in enumerate(FORMS):
        for place in range(count):
            chance = np.random.default_rng([seed, which, 0, place])
            label = LABELS[place % len(LABELS)]
            yield Drawn(draw_strokes(draw_digit(label, chance, hand=hand)), label, STROKES, hand)


def pictures_seen(seed: int, count: int, condition: str) -> Iterator[Drawn]:
    """Photographs of digits, `count` per hand, under one condition."""
    for which, hand in enumerate(FORMS):
        for place in range(count):
            # subtle: a condition has its own digits, whatever other conditions there are
            chance = np.random.default_rng([seed, which, 1, place, *condition.encode()])
            label = LABELS[place % len(LABELS)]
            strokes = draw_digit(label, chance, hand=hand)
            ink = ink_of_strokes(strokes, CONDITIONS[condition].page(chance), chance)
            yield Drawn(seen_in(CONDITIONS[condition].look(ink, chance)), label, condition, hand)


def all_drawn(seed: int, strokes: int, pictures: int) -> Iterator[Drawn]:
    """Strokes first, then picture after picture; reports progress on stderr."""
    say(f"{STROKES}: {strokes} for each hand")
    yield from strokes_seen(seed, strokes)
    for place, condition in enumerate(CONDITIONS, 1):
        say(f"pictures, {condition} ({place} of {len(CONDITIONS)}): {pictures} for each hand")
        yield from pictures_seen(seed, pictures, condition)


def file_of(drawn: list[Drawn]) -> bytes:
    """An .npz of arrays, nothing pickled; the same digits are the same bytes."""
    arrays = {
        "images": np.stack([one.image for one in drawn]),
        "labels": np.array([one.label for one in drawn], "<U1"),
        "conditions": np.array([one.condition for one in drawn], "<U20"),
        "hands": np.array([one.hand for one in drawn], "<U11"),
        "recipe": np.array(RECIPE, np.int64),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def say(line: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{line}\n")


def said_of_unread(drawn: list[Drawn]) -> str:
    """A sentence on the digits of which the recipe reads nothing. They stay, all paper: shares count them as wrong."""
    unread = Counter(one.condition for one in drawn if not one.image.any())
    named = ", ".join(f"{condition} {count}" for condition, count in unread.items()) or "none"
    return f"not read at all: {unread.total()} of {len(drawn)} ({named})"


def read_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m drawn", description=__doc__)
    parser.add_argument("out", type=Path, help="the .npz file to write")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes (1)")
    parser.add_argument("--strokes", type=int, default=5000, help="digits of a pen for each hand (5000)")
    parser.add_argument("--pictures", type=int, default=20, help="pictures for each condition and hand (20)")
    options = parser.parse_args()
    if min(options.seed, options.strokes, options.pictures) < 0 or options.strokes + options.pictures < 1:
        parser.error("--seed, --strokes and --pictures are 0 or more, and there is something to draw")
    if not options.out.parent.is_dir():
        parser.error(f"{options.out.parent} is no folder: make it, or name a file elsewhere")
    return options


def main() -> None:
    """Draws, looks and writes."""
    options = read_options()
    drawn = list(all_drawn(options.seed, options.strokes, options.pictures))
    say(said_of_unread(drawn))
    options.out.write_bytes(file_of(drawn))
    say(f"{options.out}: {len(drawn)} digits as recipe {RECIPE} sees them")


if __name__ == "__main__":
    main()
