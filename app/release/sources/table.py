"""The tables of sources, by the kind of an address, and of the systems of pointers that a git repository may have."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from app.release.sources.address import Address, without_user
from app.release.sources.dvc import DvcStore
from app.release.sources.git import Git
from app.release.sources.git_source import GitSource
from app.release.sources.hub import TOKEN, behind, without_token
from app.release.sources.lfs import LfsStore, basic
from app.release.sources.mlflow import MlflowSource
from app.release.sources.pointers import PointerStore
from app.release.sources.source import Source

POINTER_STORES: list[Callable[[Address, Mapping[str, str]], PointerStore]] = [LfsStore, DvcStore]
"""Makers of the stores of pointers (`pointers.py`) in a git repository, from its address and the environment."""


def _git(address: Address, folder: Path, environ: Mapping[str, str]) -> Source:
    git = Git(folder, without_user(address), environ=environ, authorization=basic(address.url))
    return GitSource(git, [make(address, environ) for make in POINTER_STORES])


def _hub(address: Address, folder: Path, environ: Mapping[str, str]) -> Source:
    place, authorization = behind(address, environ)
    git = Git(folder, place, environ=without_token(environ), authorization=authorization)
    lfs = LfsStore(place, environ, authorization=authorization, credentials=TOKEN)
    return GitSource(git, [lfs, DvcStore(place, environ)])  # no token for a remote of DVC, which the repository names


SOURCES: dict[str, Callable[[Address, Path, Mapping[str, str]], Source]] = {
    "git": _git,
    "hf": _hub,
    "mlflow": lambda address, folder, environ: MlflowSource(address, environ),
}
"""Makers of sources by kind of address (`address.py`); each takes the address, an empty folder and the environment."""


def open_source(address: Address, folder: Path, *, environ: Mapping[str, str] | None = None) -> Source:
    """The source behind `address`, which is not contacted yet.

    Args:
        folder: an empty folder to work in; the caller removes it.
        environ: the caller's environment; None means the process's own.
    """
    return SOURCES[address.kind](address, folder, os.environ if environ is None else environ)
