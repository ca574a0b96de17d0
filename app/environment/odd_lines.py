"""Words on lines of `.env` that do not say what they seem to: twice the same setting, a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from app.environment.env_file import Line


def resembling(key: str, known: Iterable[str]) -> list[str]:
    """The settings among `known` that `key` may stand for, the likeliest first."""
    names = list(known)
    shuffled = [name for name in names if sorted(name) == sorted(key.upper())]  # POTR: too short for the cutoff
    return shuffled or difflib.get_close_matches(key.upper(), names, n=1, cutoff=0.8)


def contradicted(key: str, line: Line) -> str:
    """The fault of a key that several lines give different values."""
    lines = f"{', '.join(map(str, line.unlike))} and {line.number}"
    return f"{key} in lines {lines} of .env with different values, expected one line: keep the one you mean"


def misspelt(key: str, meant: str) -> str:
    """The fault of a key that is no setting, but nearly one."""
    return f"{key} is no setting (did you mean {meant}?)"
