"""Pictures to the 28x28 that the model takes, by the one recipe. A bad picture is a row with its reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.drawing.decode_image import decode, open_picture
from app.drawing.normalise import SIDE
from app.drawing.recipe import EMPTY, see
from app.drawing.refusals import UnreadableImage
from app.errors import only_refusals
from app.scoring.batch import Batch, Ids, Labels, Pixels, Unread

PICTURE_BATCH = 240
"""Pictures read at a time."""
PICTURE_ROWS = 1000
"""Pictures of a shard: a photograph takes tens of milliseconds."""
UNREADABLE = "unreadable"
"""The finding on a file that is no picture."""


def as_batch(ids: Ids, pictures: Sequence[bytes | str | None], labels: Labels | None) -> Batch:
    """The rows of pictures.

    Args:
        pictures: the bytes of each, or in words why there are none; None: nothing is known.
    """
    pixels = np.zeros((len(pictures), SIDE, SIDE), np.uint8)
    unread: dict[int, Unread] = {}
    for place, picture in enumerate(pictures):
        if isinstance(picture, bytes):
            pixels[place], why = _seen(picture)
        else:
            why = Unread(UNREADABLE, picture or "There is no picture.")
        if why is not None:
            unread[place] = why
    return Batch(ids, pixels, labels, unread)


def _seen(data: bytes) -> tuple[Pixels, Unread | None]:
    try:
        with only_refusals(_unreadable):  # one picture of millions ends no job
            seen = see(decode(open_picture(data)))
    except UnreadableImage as refusal:
        return EMPTY, Unread(UNREADABLE, f"{refusal.found}. {refusal.remedy}")
    return seen.pixels, None if seen.unread is None else Unread(*seen.unread)


def _unreadable(said: str) -> UnreadableImage:
    return UnreadableImage("picture", found=said, expected="a picture", remedy="Save it again, as a PNG.")
