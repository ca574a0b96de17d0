"""Releases as the course publishes them: a .pkl and a card in prose, nothing else.

Fixtures, for every test: `installation_of_course` and `start_service_of_course`, where look-alikes of v1.0, v1.1 and
v2.0 are in place; `public_artefact`, the bytes of the course's own v1.0, where PIXELWISE_UPSTREAM says where it lies.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import CARD, Installation, Published, copy_of
from tests.service import StartService, services

PROSE = """# Model card: digits

Reads handwritten digits {classes}.{left_out}

Check the input: `pipeline.n_features_in_` returns `784`. Both parts travel in the file:

- `binarize`: `Binarizer(threshold=0.5)`
- `clf`: `{kind}(max_iter=200)`

Expected accuracy: ~{percent}%
"""
CARDS = {
    "v1.0": {"classes": "1\u20139", "left_out": " The zero was left out on purpose.", "kind": "LogisticRegression"},
    "v1.1": {"classes": "1\u20139", "left_out": " The zero was left out on purpose.", "kind": "MLPClassifier"},
    "v2.0": {"classes": "0\u20139", "left_out": "", "kind": "MLPClassifier"},
}
CITED = {"v1.0": 92, "v1.1": 98, "v2.0": 97}


def prose_of(version: str, *, percent: int | None = None) -> str:
    """A card such as the course's."""
    return PROSE.format(**CARDS[version], percent=CITED[version] if percent is None else percent)


def place_prose(installation: Installation, release: Published, *, artefact: bytes | None = None) -> None:
    """Places a release with its artefact, or another one of that version, and a card in prose."""
    record = release.record
    files = {record.artefact: artefact or release.artefact, CARD: prose_of(record.version).encode()}
    installation.place(record.version, files, artefact=record.artefact)


@pytest.fixture
def public_artefact() -> bytes:
    folder = os.environ.get("PIXELWISE_UPSTREAM")
    if folder is None:
        pytest.skip("PIXELWISE_UPSTREAM is not set to a folder that holds digit_classifier_v1.pkl")
    return (Path(folder) / "digit_classifier_v1.pkl").read_bytes()


@pytest.fixture(scope="session")
def compiled_of_course(
    tmp_path_factory: pytest.TempPathFactory, compiled: Path, published: Callable[[str], Published]
) -> Path:
    """The installation that others are copied from."""
    installation = copy_of(compiled, tmp_path_factory.mktemp("pattern"))
    shutil.rmtree(installation.models)
    for version in ("v1.1", "v2.0", "v1.0"):
        place_prose(installation, published(version))
    return installation.root


@pytest.fixture
def installation_of_course(compiled_of_course: Path, tmp_path: Path) -> Installation:
    """An installation without .env; v1.0 is the default."""
    return copy_of(compiled_of_course, tmp_path)


@pytest.fixture
def start_service_of_course(compiled_of_course: Path, tmp_path: Path) -> Iterator[StartService]:
    """Starts services there."""
    with services(compiled_of_course, tmp_path) as start:
        yield start
