"""The table of sources: which one reads an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.release.address import Address
from app.release.git import Git
from app.release.git_source import GitSource
from app.release.source import Source

SOURCES: dict[str, Callable[[Address, Path, Mapping[str, str] | None], Source]] = {
    "git": lambda address, folder, environ: GitSource(Git(folder, address, environ=environ)),
}
"""By the kind of an address (`address.py`): what is made of it, of an empty folder, and of the environment."""


def open_source(address: Address, folder: Path, *, environ: Mapping[str, str] | None = None) -> Source:
    """The source behind `address`; nothing is asked of it yet.

    Args:
        folder: an empty folder to work in; the caller removes it.
        environ: the caller's environment; None means the process's own.
    """
    return SOURCES[address.kind](address, folder, environ)
