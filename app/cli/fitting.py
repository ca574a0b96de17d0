"""Tables as wide as a terminal, no word of them broken; where that cannot be, each row as lines below each other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

ANY_WIDTH = 10_000


def fitted(result: RenderableType, out: Console) -> Group:
    """The same, its tables for this console: their columns below each other stand in line."""
    parts = list(result.renderables) if isinstance(result, Group) else [result]
    tables = [part for part in parts if isinstance(part, Table)]
    alike: dict[int, list[Table]] = {}
    for table in tables:
        alike.setdefault(len(table.columns), []).append(table)
    if all(_fit(same, out) for same in alike.values()):
        return Group(*parts)
    lines: list[RenderableType] = []
    for part in parts:
        lines += [*_in_lines(part, out.width), ""] if isinstance(part, Table) else [part]
    return Group(*(lines[:-1] if lines[-1] == "" else lines))


def _fit(tables: Sequence[Table], out: Console) -> bool:
    """Gives columns of the same place the same width, none below its longest word; False if there is no room."""
    columns = list(zip(*(table.columns for table in tables), strict=True))
    least, most = [], []
    for same in columns:
        cells = [_text(cell) for column in same for cell in (column.header, *column.cells)]
        floor = max(column.min_width or 0 for column in same)
        least.append(max(floor, *(cell_len(word) for cell in cells for word in cell.plain.split() or [""])))
        most.append(max(least[-1], *(cell_len(line) for cell in cells for line in cell.plain.splitlines() or [""])))
    spare = out.width - sum(least) - max(_frame(table, out) for table in tables)
    if spare < 0:
        return False
    widths = _shared_out(spare, least, most)
    for same, width in zip(columns, widths, strict=True):
        for column in same:
            column.width, column.ratio, column.min_width = width, None, None
    for table in tables:
        table.expand = False
    return True


def _shared_out(spare: int, least: Sequence[int], most: Sequence[int]) -> list[int]:
    """Widths of columns: room goes to the narrowest that still wants some."""
    widths = list(least)
    for _ in range(spare):
        wanting = [place for place, width in enumerate(widths) if width < most[place]]
        if not wanting:
            break
        widths[min(wanting, key=widths.__getitem__)] += 1
    return widths


def _frame(table: Table, out: Console) -> int:
    """Characters of each line that are between cells."""
    words = 0
    for column in table.columns:
        cells = [_text(cell).plain.split() for cell in (column.header, *column.cells)]
        words += max(column.min_width or 0, *(cell_len(word) for cell in cells for word in cell or [""]))
    return Measurement.get(out, out.options.update(width=ANY_WIDTH), table).minimum - words


def _in_lines(table: Table, width: int) -> Iterator[Text]:
    """Each row: its first cell, and below it the others that are not empty, each behind its heading."""
    others = [_text(column.header) for column in table.columns[1:]]
    room = max((cell_len(other.plain) for other in others), default=0)
    if table.title:
        yield _text(table.title)
    for first, *cells in zip(*(column.cells for column in table.columns), strict=True):
        yield Text(_text(first).plain, style="bold", no_wrap=True, overflow="ignore")  # it may be a path
        for other, cell in zip(others, map(_text, cells), strict=True):
            if cell.plain:
                begin = f"  {other.plain}{' ' * (room - cell_len(other.plain))}  "
                yield _wrapped(cell.plain, width, begin=begin, style=str(cell.style))
    if table.caption:
        yield _text(table.caption)


def _wrapped(words: str, width: int, *, begin: str = "", style: str = "") -> Text:
    lines = textwrap.wrap(words, max(1, width - len(begin)), break_long_words=False, break_on_hyphens=False) or [""]
    text = Text(no_wrap=True, overflow="ignore")
    text.append(begin).append(f"\n{' ' * len(begin)}".join(lines), style=style)
    return text


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell))
