from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.release.model_lock import write_lock
from app.release.models_folder import RELEASES
from app.release.pull import Pulled, pull
from app.release.record import Release, ReleaseFile, describe
from tests.installation import Published
from tests.release.remote import FILES, Remote
from tests.release.shop import Shop


class House:
    """A project root with its models, its lock, and what was said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.models = root / "models"
        self.lock_file = root / "model.lock"
        self.said: list[str] = []
        self.accepted: list[set[str]] = []

    def pull(self, repository: str, version: str = "v1.0", **changed: object) -> Pulled:
        arguments: dict[str, object] = {
            "repository": repository,
            "version": version,
            "models": self.models,
            "lock_file": self.lock_file,
            "root": self.root,
            "frozen": False,
            "accept": lambda folder: self.accepted.append({path.name for path in folder.iterdir()}),
            "say": self.said.append,
            **changed,
        }
        return pull(**arguments)  # type: ignore[arg-type]

    def lock(self, repository: str, commit: str, version: str = "v1.0", **files: ReleaseFile) -> Release:
        """Puts one entry into the lock; `files` replaces what it says of a file (by its name without the ending)."""
        listed = [files.get(name.partition(".")[0], describe(name, data)) for name, data in FILES.items()]
        release = Release(
            repository=repository,
            version=version,
            commit=commit,
            artefact="digit_classifier_v1.pkl",
            files=tuple(listed),
        )
        write_lock(self.lock_file, [release])
        return release

    def contents(self) -> dict[str, bytes]:
        """Every file of models/ and of each version there, with its bytes; the pull's own lock file is no content."""
        folders = [self.models, *(path for path in self.models.glob("v*") if path.is_dir())]
        files = (path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file())
        return {path.relative_to(self.models).as_posix(): path.read_bytes() for path in files if path.name != ".lock"}

    def releases(self) -> set[str]:
        """The names of the folders that hold releases."""
        return {path.name for path in (self.models / RELEASES).iterdir()}


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "house").mkdir()
    return House(tmp_path / "house")


@pytest.fixture
def remote(house: House) -> Remote:
    """A repository of releases outside the project."""
    return Remote(house.root.parent / "remote.git")


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The caller's environment with a home of its own, and changes."""
    (tmp_path / "home").mkdir()
    return lambda **changed: {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **changed}


@pytest.fixture
def v1(published: Callable[[str], Published]) -> Published:
    return published("v1.0")


@pytest.fixture
def shop(tmp_path: Path, v1: Published) -> Shop:
    shop = Shop(tmp_path)
    shop.place_published(v1)
    return shop
