"""Pictures as cameras and scanners make them, and a look at what the page sends of one."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image, ImageDraw

from tests.page.visit import SEVEN, THREE, Stroke, Visit


def sheet_of(
    *drawn: tuple[list[Stroke], tuple[float, float, float]], size: tuple[int, int], grain: int = 0
) -> Image.Image:
    """Paper with digits on it: strokes in shares of a square of this left, top and side, in pixels."""
    paper = Image.new("L", size, 225)
    if grain:
        paper = Image.effect_noise((size[0] // 4, size[1] // 4), grain).resize(size).point(lambda v: v + 90)
    pen = ImageDraw.Draw(paper)
    for strokes, (left, top, side) in drawn:
        for stroke in strokes:
            points = [(left + x * side, top + y * side) for x, y in stroke]
            pen.line(points, 25, round(side / 14), joint="curve")
    return paper


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


TWO = sheet_of((SEVEN, (20, 100, 400)), (THREE, (480, 100, 400)), size=(900, 600))
"""A seven in the left half of the picture, a three in the right one."""


def sent(visit: Visit) -> Image.Image:
    """The picture that was sent last, as the service got it."""
    return Image.open(io.BytesIO(base64.b64decode(visit.page.evaluate("window.sent.at(-1)"))))


NOTE_BODIES = """() => {
  window.sent = [];
  const ask = window.fetch;
  window.fetch = async (url, options = {}) => {
    if (options.body instanceof Blob) {
      const bytes = new Uint8Array(await options.body.arrayBuffer());
      window.sent.push(btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), "")));
    }
    return ask(url, options);
  };
}"""
