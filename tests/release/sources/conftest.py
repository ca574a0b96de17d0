from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.release.remote import Remote
from tests.release.sources.forge import Forge, make_certificate, serving
from tests.release.sources.registry import WHOLE, Registry
from tests.release.sources.registry import serving as serving_registry


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    return make_certificate(tmp_path_factory.mktemp("certificate") / "certificate.pem")


@pytest.fixture
def forge(remote: Remote, certificate: Path) -> Iterator[Forge]:
    """A forge behind https, with the repository `remote`."""
    with serving(Forge(remote.folder.parent), certificate=certificate) as running:
        yield running


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving_registry(Registry()) as running:
        yield running


@pytest.fixture
def folder(registry: Registry) -> str:
    """The folder of a v1.0 in the MLflow registry."""
    return registry.register("v1.0", WHOLE)
