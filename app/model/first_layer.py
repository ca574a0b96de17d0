"""Units of a network's first layer as fields of weights, which people can look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.model.contract import THE_INPUT

MOST = 24
"""Fields that are kept: a model may have thousands, and nobody looks at so many."""


class FirstLayer(NamedTuple):
    """Weights of units by where they look: positive where ink excites a unit.

    Attributes:
        fields: (at most MOST, rows, columns) float32, the strongest first; rows and columns are those of the image, or
            of a convolution's window, which moves over it.
        units: the number of all units.
    """

    fields: NDArray[np.float32]
    units: int

    @property
    def is_moved(self) -> bool:
        """The fields are windows of a convolution."""
        return self.fields.shape[1:] != tuple(THE_INPUT.shape)


def first_layer(fields: NDArray[np.floating], following: NDArray[np.floating]) -> FirstLayer | None:
    """The strongest units, by the length of their weights in times that of their weights out.

    Args:
        fields: (units, rows, columns), or (units, pixels) of the whole image; of another number of pixels: None.
        following: (units, n), by which the next layer takes them.
    """
    if fields.ndim == 2:
        if fields.shape[1] != np.prod(THE_INPUT.shape):
            return None
        fields = fields.reshape(-1, *THE_INPUT.shape)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond all numbers is strongest, too
        taken = np.einsum("urc,urc->u", fields, fields, dtype=np.float64)
        strength = taken * np.einsum("un,un->u", following, following, dtype=np.float64)
    strongest = np.argsort(-strength, kind="stable")[:MOST]
    largest = float(np.abs(fields[strongest]).max()) or 1.0
    return FirstLayer((fields[strongest] / largest).astype(np.float32), len(fields))
