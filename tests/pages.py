"""README.md and docs/ as text: fenced blocks, commands in sentences, and whether a page shows what is printed."""

from __future__ import annotations

import re
from typing import NamedTuple

FENCE = re.compile(r"(?:^<!-- not run: (.+?) -->\n)?^```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUTS = ("text", "json")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        number: the line in which it begins.
        section: the heading above it, of the second level.
        kind: "sh" and "python" are run; "js" is, in a browser; "markdown" is written to `file`; "" is a picture made of
            characters.
        not_run: why it is not; empty if it is.
        shown: the "text" or "json" block that follows, which is what it prints; None if there is none.
    """

    number: int
    section: str
    kind: str
    file: str
    text: str
    not_run: str
    shown: str | None


def blocks_of(page: str) -> list[Block]:
    """The blocks in their order, outputs with what prints them."""
    found: list[Block] = []
    for fence in FENCE.finditer(page):
        why, kind, file, text = fence.groups()
        if kind in OUTPUTS:
            found[-1] = found[-1]._replace(shown=text)
        else:
            before = page[: fence.start()]
            section = before.rpartition("\n## ")[2].partition("\n")[0]
            found.append(Block(before.count("\n") + 1, section, kind, file or "", text, why or "", None))
    return found


def sentences_of(page: str) -> str:
    """The page without its blocks."""
    return FENCE.sub("", page)


# -- does a block print what the page shows? ---------------------------------------------------------------------------


def shows(shown: str, printed: str) -> bool:
    """A line `...` stands for any lines, none too; `…` for any text of a line. White space does not count."""
    return _show(_lines(shown), _lines(printed))


def _show(shown: list[str], printed: list[str]) -> bool:
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(_show(shown[1:], printed[begin:]) for begin in range(len(printed) + 1))
    return bool(printed) and _is_line(shown[0], printed[0]) and _show(shown[1:], printed[1:])


def _lines(text: str) -> list[str]:
    """Lines with one space between words; those of white space alone are no lines."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _is_line(shown: str, printed: str) -> bool:
    """A figure that is measured may differ as it does between two processors."""
    parts = (re.escape(NUMBER.sub("#", part)).replace(r"\#", "#") for part in shown.split("…"))
    pattern = "(.*)".join(part.replace("#", f"(?:{NUMBER.pattern})") for part in parts)
    found = re.fullmatch(pattern, printed)
    if found is None:
        return False
    left_out = {place for group in range(1, len(found.groups()) + 1) for place in range(*found.span(group))}
    there = [match[0] for match in NUMBER.finditer(printed) if match.start() not in left_out]
    here = NUMBER.findall(shown.replace("…", " "))
    return len(here) == len(there) and all(map(_is_figure, here, there))


def _is_figure(shown: str, printed: str) -> bool:
    """Counts from 800 on within 1%, shares within 0.02, percentages within 0.5; every other number is that number."""
    first, second = (float(text.replace(",", "")) for text in (shown, printed))
    if "." in shown:
        return abs(first - second) <= (0.5 if first > 2 else 0.02)
    return abs(first - second) <= (first / 100 if first >= 800 else 0)
