"""Refusals of flag files and of their changes."""

from __future__ import annotations

from app.errors import ConfigurationError, PixelWiseError


class BadFlagChange(PixelWiseError):
    """An impossible change of a flag: to a version that is not served, or with more than 100%."""

    exit_code = 2


class BadFlags(ConfigurationError):
    """A flag file that cannot be read, or whose flags cannot be evaluated; every fault is named."""

    def __init__(self, file: str, problems: list[str]) -> None:
        remedy = "Mend it, or move it away: without a file nothing is flagged."
        expected = "flags in flagd's format"
        super().__init__(f"flag file {file}", found="; ".join(problems), expected=expected, remedy=remedy)
