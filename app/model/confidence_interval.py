"""The confidence interval of a share."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Standard deviations on either side of a normal distribution's mean that contain 95% of it."""


def wilson(part: int, of: int) -> tuple[float, float]:
    """The 95% interval of the share `part` of `of`, which is at least 1.

    With none or all, one end is exactly 0 or 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927).
    """
    z2 = Z_95**2
    centre = (part + z2 / 2) / (of + z2)
    half = math.sqrt(z2 * (part * (of - part) / of + z2 / 4)) / (of + z2)
    return centre - half if part else 0.0, centre + half if part < of else 1.0
