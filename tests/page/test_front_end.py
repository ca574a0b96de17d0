"""A front end as courses let people write it, in a real browser: served by itself, and calling /api by plain fetch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Error, Page, expect

from app.web.front_end_hints import ONE_ORIGIN, READABLE
from tests.installation import ROOT
from tests.pages import blocks_of
from tests.service import KEY, Service, StartService
from tests.web.load import until

pytestmark = pytest.mark.long

FOLDER = Path(__file__).resolve().parent / "front_end"
SEVEN = [(0.28, 0.30), (0.72, 0.28), (0.48, 0.92)]
"""Low on the sheet, so that its weight is in the middle, as of MNIST's digits: POST /classify moves nothing."""
PASSED_ON = ("x-api-key", "content-type", "cookie", "origin")


class FrontEnd(SimpleHTTPRequestHandler):
    """Serves the folder, and hands what is below /api on to the service, as the servers of such front ends do.

    forwards: as nginx is set up for it, with the browser's own Host and X-Forwarded-For; else as Vite's development
        server does it (`changeOrigin`), with neither.
    """

    def __init__(self, *arguments: Any, service: str, forwards: bool) -> None:
        self._service, self._forwards = service, forwards
        super().__init__(*arguments, directory=str(FOLDER))

    def do_GET(self) -> None:
        if self.path.startswith("/api/"):
            self._hand_on()
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self._hand_on()

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _hand_on(self) -> None:
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        if self._forwards:
            headers |= {"host": self.headers["host"], "x-forwarded-for": self.client_address[0]}
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = httpx.request(self.command, self._service + self.path, headers=headers, content=body, trust_env=False)
        self.send_response(answer.status_code)
        for name in ("content-type", "set-cookie"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)


@contextmanager
def serving(service: Service, *, forwards: bool) -> Iterator[str]:
    """The address of a front end before the service."""
    handler = partial(FrontEnd, service=service.url, forwards=forwards)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


Open = Callable[..., Page]


@pytest.fixture
def open_front_end(browser: Browser) -> Iterator[Open]:
    """Opens the front end before a service and waits for its history: `before(service, forwards=…, key=…, api=…)`."""
    with ExitStack() as stack:

        def before(service: Service, *, forwards: bool = False, begins_visit: bool = False, **given: str) -> Page:
            url = stack.enter_context(serving(service, forwards=forwards))
            context = browser.new_context()
            stack.callback(context.close)
            page = context.new_page()
            if begins_visit:
                page.goto(f"{url}api/")
            page.goto(f"{url}?{urlencode(given)}")
            expect(page.locator("body[data-loaded]" if "api" not in given else "body")).to_be_attached()
            return page

        yield before


def draw_and_send(page: Page) -> None:
    """A seven, by mouse."""
    box = page.locator("#sheet").bounding_box()
    assert box is not None
    first, *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
    page.get_by_role("button", name="Read it").click()


def reads_a_seven(page: Page) -> None:
    draw_and_send(page)
    expect(page.locator("#answer")).to_have_text("7")


def history(page: Page) -> list[str]:
    return page.locator("#history li").all_inner_texts()


def hints(service: Service) -> list[str]:
    """The warnings in the service's log that are for front ends."""
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["level"] == "warning" and "it was refused" in line["message"]]


@pytest.mark.parametrize("forwards", [False, True], ids=["as Vite hands on", "as nginx hands on"])
def test_with_the_key_in_a_header_it_reads_and_shows_its_history(
    service: Service, open_front_end: Open, forwards: bool
):
    page = open_front_end(service, forwards=forwards, key=KEY)
    before = history(page)
    reads_a_seven(page)
    page.reload()
    expect(page.locator("body[data-loaded]")).to_be_attached()
    assert history(page) == ["7", *before]
    assert hints(service) == []


def test_the_lines_of_the_course_s_page_read_a_drawing_and_list_it(service: Service, open_front_end: Open):
    (block,) = [
        block for block in blocks_of((ROOT / "docs/course.md").read_text(encoding="utf-8")) if block.kind == "js"
    ]
    lines = f"async ({{ key, pixels }}) => {{ {block.text} }}"
    page = open_front_end(service, key=KEY)
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 13:15] = 255
    said = page.evaluate(lines, {"key": KEY, "pixels": pixels.tolist()})
    assert said["answer"]["prediction"] == said["results"][0]["prediction"] == "1"
    with pytest.raises(Error, match="pixels"):
        page.evaluate(lines, {"key": KEY, "pixels": []})


def test_without_a_key_its_history_shows_where_its_development_server_runs_beside_the_service(
    service: Service, open_front_end: Open
):
    """Such a server is a program of this machine, like any other; drawings still need a key."""
    reads_a_seven(open_front_end(service, key=KEY))
    page = open_front_end(service)
    assert "7" in history(page)
    draw_and_send(page)
    expect(page.locator("#answer")).to_have_text("refused: 401")


def test_without_a_key_behind_a_proxy_its_history_is_empty_and_the_log_says_once_what_helps(
    start_service: StartService, open_front_end: Open
):
    service = start_service()
    reads_a_seven(open_front_end(service, forwards=True, key=KEY))
    assert hints(service) == []
    for _ in range(2):
        page = open_front_end(service, forwards=True)
        assert history(page) == []
    until(lambda: hints(service), "a warning")
    assert hints(service) == [f"a front end's history stays empty: it was refused. {READABLE}"]
    assert page.evaluate("fetch('/api/results').then((response) => response.json())")["remedy"] == READABLE


def test_what_the_remedy_says_helps(start_service: StartService, open_front_end: Open):
    """A key: above. A visit of the service's own page at the same address, or RESULTS_PUBLIC=1: here."""
    service = start_service()
    reads_a_seven(open_front_end(service, forwards=True, key=KEY))
    page = open_front_end(service, forwards=True, begins_visit=True)
    assert history(page) == ["7"]
    reads_a_seven(page)  # without a key: the visit counts for this too

    public = start_service(RESULTS_PUBLIC="1")
    reads_a_seven(open_front_end(public, forwards=True, key=KEY))
    assert history(open_front_end(public, forwards=True)) == ["7"]
    assert hints(service) == hints(public) == []


def test_from_another_origin_it_gets_no_answer_and_the_log_says_once_what_helps(
    start_service: StartService, open_front_end: Open
):
    service = start_service()
    page = open_front_end(service, api=f"{service.url}/api", key=KEY)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for _ in range(2):
        draw_and_send(page)
        expect(page.locator("#answer")).to_have_text("Failed to fetch")
    assert any("has been blocked by CORS policy" in text for text in said)
    until(lambda: hints(service), "a warning")
    address = urlsplit(page.url)
    assert hints(service) == [
        f"a page of '{address.scheme}://{address.netloc}' gets no answer: it was refused. {ONE_ORIGIN}"
    ]
    with service.client() as client:
        assert client.get("/results").json()["results"] == []
