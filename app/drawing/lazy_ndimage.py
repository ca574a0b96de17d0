"""scipy's image filters, imported when the first one is used: they take 17 MiB and a fifth of a second, and a worker
that nobody sends a picture to needs none."""

from __future__ import annotations

from typing import Any


class _Ndimage:
    """`scipy.ndimage`, attribute by attribute."""

    def __getattr__(self, name: str) -> Any:
        from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

        return getattr(ndimage, name)


ndimage = _Ndimage()
