"""The page against the real service, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.page.photographs import NOTE_BODIES
from tests.page.visit import Visit, chromium
from tests.service import Service, services


@pytest.fixture(scope="package")
def service_url(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with an empty database of its own, which asks nobody what was drawn: one answer in ten
    would, and the question stands in the place of the scores. Tests of the question let an answer ask."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(compiled, folder / "asks nobody", symlinks=True)
    asking = folder / "asks nobody" / "app" / "answering" / "label_sampling.py"
    text = asking.read_text(encoding="utf-8")
    assert text.count("ONE_IN = 10\n") == 1
    asking.write_text(text.replace("ONE_IN = 10\n", f"ONE_IN = {1 << 62}\n"), encoding="utf-8")
    with services(folder / "asks nobody", folder) as start:
        yield f"{start().url}/"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def open_page(browser: Browser, service_url: str) -> Iterator[Callable[..., Visit]]:
    """Opens the page in a new window; at the end of the test no visit may have met an error or have asked another
    host."""
    visits: list[Visit] = []

    def visit(**options: Any) -> Visit:
        visits.append(Visit(browser, service_url, **options))
        return visits[-1]

    yield visit
    for made in visits:
        complaints = complaints_of(made)
        made.page.unroute_all(behavior="ignoreErrors")  # a preview that a test answers may still be on its way
        made.context.close()
        assert complaints == []
        assert made.hosts == {service_url.split("/")[2]}


def complaints_of(made: Visit) -> list[str]:
    made.context.cookies()  # lets what the page said until now arrive; what closing cuts off is no fault of it
    return [*made.complaints]


@pytest.fixture(scope="package")
def window(browser: Browser, service_url: str) -> Iterator[Visit]:
    """A desktop screen, left by its visitor."""
    made = Visit(browser, service_url)
    made.leave()
    yield made
    made.context.close()


@pytest.fixture
def visit(window: Visit, service_url: str) -> Iterator[Visit]:
    """The page on a desktop screen; at the end it must have met no error and have asked no other host."""
    window.open()
    yield window
    complaints, hosts = complaints_of(window), {*window.hosts}
    window.leave()
    assert complaints == []
    assert hosts == {service_url.split("/")[2]}


@pytest.fixture(scope="package")
def tool(browser: Browser, service_url: str) -> Iterator[Callable[..., Any]]:
    """A function of a module of the page: `tool("frame", "cut", …)`."""
    visit = Visit(browser, service_url)

    def call(module: str, name: str, *arguments: Any) -> Any:
        script = "([module, name, given]) => import(`/page/${module}.js`).then((found) => found[name](...given))"
        return visit.page.evaluate(script, [module, name, arguments])

    yield call
    visit.context.close()


@pytest.fixture
def noting(visit: Visit) -> Visit:
    """A page whose pictures `sent` can look at: a browser shows no body that is a Blob to those who watch it."""
    visit.page.evaluate(NOTE_BODIES)
    return visit


@pytest.fixture(scope="module")
def three(compiled_with_three: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of v1.0, v1.1 and v2.0."""
    with services(compiled_with_three, tmp_path_factory.mktemp("three")) as start:
        yield start(MODEL_VERSIONS="v1.0,v1.1,v2.0")


@pytest.fixture
def compared(browser: Browser, three: Service) -> Iterator[Callable[..., Visit]]:
    """Opens the page of all three; no visit may have met an error or have asked another host."""
    visits: list[Visit] = []

    def opened(**options: Any) -> Visit:
        visits.append(Visit(browser, f"{three.url}/", **options))
        return visits[-1]

    yield opened
    for made in visits:
        made.page.unroute_all(behavior="ignoreErrors")
        made.context.close()
        assert made.complaints == []
        assert made.hosts == {urlsplit(three.url).netloc}
