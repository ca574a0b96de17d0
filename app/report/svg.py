"""SVG as text. Every attribute and text is escaped here; colours are classes of `report.css`.

A chart is as wide as its container: x is in percent and y in pixels, so that its text has one size on every screen. A
chart that must stay square has a view instead, and scales with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape


class Scale(NamedTuple):
    """Places values between the left edge, 0%, and the right one, 100%; logarithmic only with both ends above 0."""

    low: float
    high: float
    is_logarithmic: bool = False

    def at(self, value: float) -> float:
        """The place of a value in percent; values beyond an edge are put on it."""
        value = min(self.high, max(self.low, value))
        if self.is_logarithmic:
            return 100 * math.log(value / self.low) / math.log(self.high / self.low)
        return 100 * (value - self.low) / (self.high - self.low)


def chart(
    key: str, title: str, description: str, parts: Sequence[Markup], *, height: float, view: float | None = None
) -> Markup:
    """The picture.

    Args:
        key: unique on the chart's page.
        view: its width in units, where it must stay square.
    """
    names = {"role": "img", "aria_labelledby": f"{key}-title {key}-text"}
    head = (tag("title", title, id=f"{key}-title"), tag("desc", description, id=f"{key}-text"))
    if view is None:
        return tag("svg", *head, *parts, kind="chart", **names, width="100%", height=height)
    return tag("svg", *head, *parts, kind="chart square", **names, viewBox=f"0 0 {number(view)} {number(height)}")


def tag(name: str, *inside: str, kind: str = "", **attributes: object) -> Markup:
    """One element, `kind` its class. Its contents are escaped unless they are markup; `_` in a name stands for `-`."""
    named = {"class": kind, **attributes} if kind else attributes
    said = "".join(f' {key.replace("_", "-")}="{escape(number(value))}"' for key, value in named.items())
    return Markup(f"<{name}{said}>{''.join(map(escape, inside))}</{name}>")


def text(x: object, y: float, said: str, *, kind: str = "", anchor: str = "start") -> Markup:
    """A line of text on the base line `y`; its start, middle or end lies at `x`."""
    return tag("text", said, kind=kind, x=x, y=y, text_anchor=anchor)


def line(x1: object, x2: object, y1: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return tag("line", kind=kind, x1=x1, x2=x2, y1=y1, y2=y2)


def indented(*parts: Markup) -> Markup:
    """Places the parts beside a column of short names; percents count from there."""
    return tag("svg", *parts, kind="inside", x="9%", width="91%", height="100%", overflow="visible")


def axis(scale: Scale, marks: Sequence[tuple[float, str]], y: float) -> list[Markup]:
    """The names of values on the base line `y`, and a faint line up from each."""
    parts = []
    for value, name in marks:
        x = scale.at(value)
        anchor = "start" if x < 5 else "end" if x > 95 else "middle"
        parts.append(line(percent(x), percent(x), 0, y - 15, "grid"))
        parts.append(text(percent(x), y, name, kind="quiet", anchor=anchor))
    return parts


def percent(x: float) -> str:
    """12.5 -> "12.5%"."""
    return f"{number(float(x))}%"


def number(value: object) -> str:
    """A float with two decimals at most; anything else as it is."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
