"""The page against the real service, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.page.visit import Visit, chromium
from tests.service import services


@pytest.fixture(scope="package")
def service_url(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with an empty database of its own."""
    with services(compiled, tmp_path_factory.mktemp("page")) as start:
        yield f"{start().url}/"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def open_page(browser: Browser, service_url: str) -> Iterator[Callable[..., Visit]]:
    """Opens the page; at the end of the test no visit may have met an error or have asked another host."""
    visits: list[Visit] = []

    def visit(**options: Any) -> Visit:
        visits.append(Visit(browser, service_url, **options))
        return visits[-1]

    yield visit
    for made in visits:
        made.context.close()
        assert made.complaints == []
        assert made.hosts == {service_url.split("/")[2]}


@pytest.fixture
def visit(open_page: Callable[..., Visit]) -> Visit:
    """The page on a desktop screen."""
    return open_page()
