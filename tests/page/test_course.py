"""The page where the default is a release as the course publishes it: a card in prose, no golden set."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import MNIST_FOLDER, Mnist
from tests.page.visit import Visit
from tests.service import StartService

pytestmark = pytest.mark.long

ZERO = [[(0.5 + 0.2 * math.sin(angle / 8), 0.5 - 0.32 * math.cos(angle / 8)) for angle in range(51)]]


@pytest.mark.parametrize("folder", [str(MNIST_FOLDER), "nowhere"])
def test_a_drawn_zero_is_not_answered_as_if_v1_could_read_it(
    start_service_of_course: StartService, browser: Browser, mnist: Mnist, folder: str
):
    visit = Visit(browser, f"{start_service_of_course(MNIST_DIR=folder).url}/")
    visit.draw(ZERO)
    line = visit.page.locator("#line")
    expect(line).to_have_text(re.compile("Unsure: . or ."))  # also where no digits tell: by its ring
    expect(visit.page.locator("#note")).to_contain_text("It may be a 0, which this version was never taught.")
    expect(visit.page.locator(".bar").first).to_have_text("0this version cannot read 0")
    assert visit.complaints == []
    visit.context.close()
