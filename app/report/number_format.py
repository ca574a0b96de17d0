"""Numbers as a reader sees them; those in the JSON are not rounded."""

from __future__ import annotations

import math

from app.report.statistics import Share

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(name: str, most: int) -> str:
    """The name cut to at most `most` characters: a picture has no second line."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def per_cent(share: float | None, digits: int = 1) -> str:
    """0.91452 -> "91.5%"; None -> "–"."""
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def sureness(certainty: float) -> str:
    """0.93 -> "93%": cut as on the page, and never 100%."""
    return f"{min(math.floor(100 * certainty + 1e-9), 99)}%"


def between(share: Share) -> str:
    """ "90.2% to 92.7%"."""
    return "–" if share.low is None else f"{per_cent(share.low)} to {per_cent(share.high)}"


def stated(share: Share, *, least: int, of: str = "labels") -> str:
    """ "91.5% (90.2% to 92.7%) of 1,920", or "too few labels: 7 of 20"; if one is enough, "no labels"."""
    if share.value is None and least == 1:
        return f"no {of}"
    if share.value is None:
        return f"too few {of}: {share.of} of {least}"
    return f"{per_cent(share.value)} ({between(share)}) of {share.of:,}"


def milliseconds(value: float | None) -> str:
    """The value to two digits: "0.61", "7.1", "120"; None -> "–"."""
    return "–" if value is None else f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def times(count: int) -> str:
    """0 -> "never", 1 -> "once", 94 -> "94 times"."""
    return {0: "never", 1: "once"}.get(count) or f"{count:,} times"


def drawings(count: int) -> str:
    """1 -> "1 drawing", 5435 -> "5,435 drawings"."""
    return "1 drawing" if count == 1 else f"{count:,} drawings"


def rarely(log10_e: float) -> str:
    """The chance that an e-value of at least 1 leaves, at most: "at most once in 52 times", "less than once in a
    million times"."""
    if log10_e > 6:
        return "less than once in a million times"
    size = 10 ** max(0, math.floor(log10_e) - 1)
    return f"at most once in {10**log10_e // size * size:,.0f} times"


def about(count: int) -> str:
    """The count to two digits, as more are not known: 38467 -> "38,000"."""
    return f"{float(f'{max(1, count):.2g}'):,.0f}"


def p_value(p: float) -> str:
    """ "p = 0.22", "p = 0.0034", "p < 0.0001"."""
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.2f}" if p >= 0.1 else f"p = {float(f'{p:.2g}'):g}"


def e_value(log10_e: float) -> str:
    """ "e = 0.14", "e = 52", "e = 3.9 × 10¹⁴⁷"."""
    if log10_e >= 4:
        exponent = math.floor(log10_e)
        return f"e = {10 ** (log10_e - exponent):.1f} × 10{str(exponent).translate(_RAISED)}"
    return f"e = {10**log10_e:.2g}" if log10_e < 1 else f"e = {10**log10_e:,.0f}"
