"""The environments of other people's clients, which `make sources` installs; none of them is part of the product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.mlflow_server import Server, serving

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.client)


@pytest.fixture(scope="session")
def client_environment() -> Callable[[str], Path]:
    """The folder with the programs of a client's environment, such as "mlflow"."""

    def find(name: str) -> Path:
        programs = HERE / f".venv-{name}" / "bin"
        assert (programs / "python").exists(), f"{programs.parent} is missing; `make sources` installs it"
        return programs

    return find


@pytest.fixture(scope="session")
def server(client_environment: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow server, one for all tests: a start takes half a minute."""
    with serving(client_environment("mlflow"), tmp_path_factory.mktemp("mlflow")) as running:
        yield running
