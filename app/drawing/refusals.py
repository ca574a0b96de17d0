"""Refusals of pictures and strokes."""

from __future__ import annotations

from app.errors import PixelWiseError


class UnreadableImage(PixelWiseError):
    """A file that is not an image, or of a kind that cannot be read."""

    exit_code = 2
