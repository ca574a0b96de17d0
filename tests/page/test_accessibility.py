"""axe-core on every page: it finds nothing to object to, on phones and desktops, light and dark, all of it opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from app.storage.database import Database
from app.storage.migrate import upgrade
from tests.installation import Installation, Published
from tests.page.test_analytics import OPEN_ALL
from tests.report.filled import fill
from tests.service import services

pytestmark = pytest.mark.long

REFUSED = "model?version=v9.9"
PAGES = ("", "model", "model?version=v2.0", "model?version=v3.0", "analytics", "docs", REFUSED)
SCREENS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}
UNREACHED = "document.querySelectorAll('.wide').forEach((one) => one.removeAttribute('tabindex'))"


@pytest.fixture(scope="module")
def url(
    compiled_with_three: Path, published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service of a linear model, a perceptron and convolutions, with answers of which some have a label."""
    folder = tmp_path_factory.mktemp("accessible")
    database = Database("sqlite:///answers.db", root=folder)
    upgrade(database)
    fill(database, 3000)
    with services(compiled_with_three, folder) as start:
        made = start(DATABASE_URL=f"sqlite:///{database.file}")
        made.stop()
        installation = Installation(made.root)
        installation.place_published(published("v3.0"))
        installation.place_published(published("v1.0"))
        made.environ["MODEL_VERSIONS"] = "v1.0,v2.0,v3.0"
        made.start()
        yield f"{made.url}/"
    database.close()


def violations(page: Page) -> list[str]:
    """What axe-core objects to, each with the first place of it."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, url: str, path: str, screen: str, scheme: str
):
    context = browser.new_context(viewport=SCREENS[screen], color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    reply = page.goto(url + path, wait_until="networkidle")
    assert reply is not None and reply.ok is (path != REFUSED)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    context.close()


def test_axe_sees_a_scrolling_region_that_the_keyboard_does_not_reach(browser: Browser, url: str):
    context = browser.new_context(viewport=SCREENS["phone"])
    page = context.new_page()
    page.goto(f"{url}analytics", wait_until="networkidle")
    page.evaluate(OPEN_ALL)
    page.evaluate(UNREACHED)
    assert "scrollable-region-focusable" in " ".join(violations(page))
    context.close()
