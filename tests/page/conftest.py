"""The page against the real service, in a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.page.visit import Visit, chromium

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with an empty database of its own."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {
        **os.environ,
        "SECRET_API_KEY": "test-" * 10,
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('page')}/answers.db",
        "LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as service:
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + 30
        while not is_there(url):
            assert service.poll() is None, "the service did not start"
            assert time.monotonic() < deadline, "the service does not answer"
            time.sleep(0.05)
        yield url
        service.terminate()


def is_there(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}health", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def open_page(browser: Browser, service_url: str) -> Iterator[Callable[..., Visit]]:
    """Opens the page; at the end of the test no visit may have met an error or have asked another host."""
    visits: list[Visit] = []

    def visit(path: str = "", **options: Any) -> Visit:
        visits.append(Visit(browser, service_url + path, **options))
        return visits[-1]

    yield visit
    for made in visits:
        assert made.complaints == []
        assert made.hosts == {service_url.split("/")[2]}
        made.context.close()


@pytest.fixture
def visit(open_page: Callable[..., Visit]) -> Visit:
    """The page on a desktop screen."""
    return open_page()
