"""Refusals of scoring: its inputs, its folder, its workers."""

from __future__ import annotations

from app.errors import ConfigurationError, PixelWiseError, Refused, Unreachable


class BadInput(Refused):
    """An input that is no digits, or not as its own header says."""


class ChangedInput(Refused):
    """An input that is not what it was when it was planned."""

    def __init__(self, name: str, *, found: str) -> None:
        remedy = "Leave inputs alone while they are scored; score this one anew, into another folder."
        super().__init__(f"input {name}", found=found, expected="the file that was planned", remedy=remedy)


class OtherResults(Refused):
    """A folder with results of something else."""


class MissingPackage(ConfigurationError):
    """A package of an extra that is not installed."""

    def __init__(self, what: str, *, package: str, extra: str, or_else: str = "") -> None:
        remedy = f"Run `.venv/bin/python -m pip install --require-hashes -r requirements-{extra}.txt`{or_else}."
        super().__init__(what, found=f"{package} is not installed", expected=f"pixelwise[{extra}]", remedy=remedy)


class BadScheduler(ConfigurationError):
    """A scheduler that shards may not be handed to."""


class NoScheduler(Unreachable):
    """A scheduler that does not answer."""


class ShardLost(PixelWiseError):
    """A shard whose worker died again and again."""
