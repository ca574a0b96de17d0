"""The table of sources, by the kind of an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.release.sources.address import Address
from app.release.sources.git import Git
from app.release.sources.git_source import GitSource
from app.release.sources.source import Source

SOURCES: dict[str, Callable[[Address, Path, Mapping[str, str] | None], Source]] = {
    "git": lambda address, folder, environ: GitSource(Git(folder, address, environ=environ)),
}
"""Makers of sources by kind of address (`address.py`); each takes the address, an empty folder and the environment."""


def open_source(address: Address, folder: Path, *, environ: Mapping[str, str] | None = None) -> Source:
    """The source behind `address`, which is not contacted yet.

    Args:
        folder: an empty folder to work in; the caller removes it.
        environ: the caller's environment; None means the process's own.
    """
    return SOURCES[address.kind](address, folder, environ)
