"""A stored drawing, without its paper.

98 bytes mark which of the 784 pixels are not 0 (row by row, the first pixel is the highest bit: `numpy.packbits`); the
values of those pixels follow, a byte each. A digit takes about a quarter of a kilobyte.

Not zlib: it makes a digit a fifth smaller, but takes ten times as long, and releases the interpreter twice for each
drawing, which under load makes a batch wait a hundred times for the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PIXELS = 784
MASK_BYTES = PIXELS // 8


def pack(drawings: Sequence[bytes]) -> list[bytes]:
    """Each drawing's 784 grey values without those that are 0."""
    values = np.frombuffer(b"".join(drawings), np.uint8).reshape(-1, PIXELS)
    masks = np.packbits(values != 0, axis=1).tobytes()
    return [
        masks[place * MASK_BYTES : (place + 1) * MASK_BYTES] + drawing.translate(None, b"\0")
        for place, drawing in enumerate(drawings)
    ]


def unpack(packed: bytes) -> bytes:
    """The 784 grey values given to `pack`.

    Raises:
        ValueError: `pack` does not write such bytes.
    """
    data = np.frombuffer(packed, np.uint8)
    if len(data) < MASK_BYTES:
        raise ValueError(f"a stored drawing of {len(data)} bytes, fewer than {MASK_BYTES}")
    is_set = np.unpackbits(data[:MASK_BYTES]).astype(np.bool_)
    kept = data[MASK_BYTES:]
    if len(kept) != np.count_nonzero(is_set):
        raise ValueError(f"a stored drawing with {len(kept)} values for {np.count_nonzero(is_set)} pixels")
    values = np.zeros(PIXELS, np.uint8)
    values[is_set] = kept
    return values.tobytes()
